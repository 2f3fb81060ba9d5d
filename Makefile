# What people and CI both run. `make help` lists it.

JOBS ?= $(shell nproc)
PRESET ?= release
# The API server that `make demo` runs on: embedded (that of `datamesh up`) or kubernetes (a real one; needs Go).
BACKEND ?= embedded
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/datamesh/bin
export PATH := $(TOOLS):$(PATH):/usr/sbin:/usr/lib/postgresql/15/bin
export JOBS

.DEFAULT_GOAL := build
.PHONY: help deps build test quick up demo bench lint format image install clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  make %-8s %s\n' "$$name" "$$text"; done

deps: ## Install what building and testing need (Debian 12; root or sudo)
	hack/install-deps

build: ## Build the product: build/release/bin/datamesh (PRESET=release|dev|asan|tsan)
	@hack/install-deps --build
	hack/build $(PRESET)

test: ## Everything CI runs: dependencies, build, lint, all tests, and the sanitizers
	hack/test

quick: build ## Only the unit tests, in seconds
	ctest --preset quick --parallel $(JOBS)

up: build ## API server and controller in one process, in the foreground; stop it with Ctrl-C
	build/release/bin/datamesh up

demo: deps build ## A mesh from nothing: servers, declarations, approval, data, revocation (BACKEND=kubernetes: on a real API)
	$(if $(filter kubernetes,$(BACKEND)),hack/kubernetes-assets)
	hack/demo --server $(BACKEND)

bench: deps build ## Measure, on this machine
	hack/bench

lint: build ## Format, layers, style, clang-tidy
	ctest --test-dir build/release -L lint --output-on-failure --parallel 1

format: ## Rewrite our sources in the project's format
	hack/format

image: build ## The container image, without an engine or a registry: build/image/datamesh.tar, with its SBOM
	hack/image

install: build ## Install under PREFIX (default /usr/local)
	cmake --install build/release $(if $(PREFIX),--prefix $(PREFIX))

clean: ## Remove everything that was built
	rm -rf build

#pragma once
// Declarations in files: what -f and -R mean.

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/types.hpp"
#include "controller/core/result.hpp"

namespace datamesh::app {

struct Manifest {
  std::string source;  // "mesh/orders.yaml", with " (document 2)" where a file has several
  std::shared_ptr<const nlohmann::json> object;
};

struct Manifests {
  std::vector<Manifest> objects;
  std::vector<std::string> problems;  // files that cannot be read or understood; everybody else goes on
};

// Files, directories (searched through; *.yaml, *.yml, *.json; kustomization files are left to kustomize) and "-" for
// standard input.
Manifests read_manifests(const std::vector<std::string>& paths);

// What is wrong with one object of ours, from the object alone; objects of other kinds are not judged.
std::vector<api::Problem> check(const nlohmann::json& object);
bool is_ours(const nlohmann::json& object);

}  // namespace datamesh::app

// The embedded API server alone, for tests with stock clients: apiserver_main DATA_DIR [CRD.yaml ...]
// Prints its URL when it serves; ends when its standard input does, or by SIGTERM.

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <unistd.h>

#include "apiserver/server.hpp"
#include "controller/core/json.hpp"

namespace {

// A rule like the product's: it may not be said, and it may not be deleted while somebody needs it.
std::vector<datamesh::api::Problem> admit(const datamesh::Json* before, const datamesh::Json* after,
                                          const datamesh::apiserver::User&) {
  using datamesh::string_at;
  if (after != nullptr && string_at(*after, {"spec", "color"}) == "forbidden") {
    return {{"spec.color", "\"forbidden\"", "must be a colour one can see"}};
  }
  if (after == nullptr && string_at(*before, {"metadata", "annotations", "test.dev/needed"}) == "true") {
    return {{"", "", "it is needed by others"}};
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  datamesh::apiserver::Server::Options options;
  options.data_dir = argv[1];
  options.admission = admit;
  options.bookmark_interval = std::chrono::seconds(1);
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i]);
    std::stringstream text;
    text << file.rdbuf();
    options.crds.push_back(text.str());
  }
  auto server = datamesh::apiserver::Server::start(std::move(options));
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", (*server)->url().c_str());
  std::fflush(stdout);
  // Tokens on request: a line "USER GROUP..." is answered with a kubeconfig path.
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->stop();
  return 0;
}

#include <iostream>

#include "controller/app/cli.hpp"
#include "controller/core/json.hpp"

namespace datamesh::app {

int run_version(const std::string& output) {
  if (output == "json") {
    std::cout << Json{{"version", DATAMESH_VERSION}, {"api", "datamesh.dev/v1alpha1"}}.dump(2) << '\n';
  } else {
    std::cout << "datamesh " << DATAMESH_VERSION << '\n';
  }
  return kDone;
}

}  // namespace datamesh::app

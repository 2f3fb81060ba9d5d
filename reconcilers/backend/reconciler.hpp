#pragma once
// Backend, the object: its status is what its loop saw. It does not go while products need it.

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_backend(const Context& context, const ObjectKey& key);

// Pure: what the status should be.
struct BackendView {
  const api::Backend& backend;
  const mesh::BackendVerdict& verdict;
  bool looked = false, working = false;
  std::optional<Error> unreachable;
  std::string version;
  api::BackendResources resources;
  std::vector<std::string> problems;  // of all findings
};
api::BackendStatus backend_status(const BackendView& view, WallTime now);

}  // namespace datamesh

#pragma once
// From the API to the state of the loops, and from a key to its reconciler: what the threads of MeshController and the
// simulation share.

#include <nlohmann/json_fwd.hpp>

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

// Takes what a watch delivers: one of the seven kinds, the Secret of a credential, or what a Domain has around it.
// Answers what it touched.
mesh::Dirty take_object(const Context& context, const nlohmann::json& object);
// `object`: the last known state; only for a Secret it is needed.
mesh::Dirty take_removal(const Context& context, const ObjectKey& key, const nlohmann::json* object);

// Makes the world match one object, whatever its kind.
Result<Next> reconcile_object(const Context& context, Patience& patience, const ObjectKey& key);

struct Watched {
  kube::ResourceType type;
  std::string label_selector;
};
// All that is watched.
const std::vector<Watched>& watched();

}  // namespace datamesh

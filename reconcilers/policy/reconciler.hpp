#pragma once
// Policy: nothing is provisioned for it. Its status says whether it is understood, and which of its fields are not
// acted on by this version.

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_policy(const Context& context, const ObjectKey& key);
api::PolicyStatus policy_status(const api::Policy& policy, const mesh::PolicyVerdict& verdict, WallTime now);

}  // namespace datamesh

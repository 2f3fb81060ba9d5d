#pragma once
// Approval: nothing is provisioned for it. Its status says whether it counts: it names a subscription of a product of
// this namespace and covers exactly what that asks.

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_approval(const Context& context, const ObjectKey& key);
api::ApprovalStatus approval_status(const api::Approval& approval, const mesh::ApprovalVerdict& verdict, WallTime now);

}  // namespace datamesh

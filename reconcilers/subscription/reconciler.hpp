#pragma once
// Subscription: from a wish to a proved access, and back. The verdict (mesh/evaluate) decides; the backend's loop
// grants, revokes and proves; here the Secret comes and goes, and the status says what is true.
//
//   wanted, no credential -> mint, store the Secret -> (pass grants, proof) -> Active
//   not wanted            -> (pass revokes, cuts, proof) -> Secret removed -> finalizer removed, if it is being deleted

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_subscription(const Context& context, Patience& patience, const ObjectKey& key);

// Pure: what the status should be.
struct SubscriptionView {
  const api::Subscription& subscription;
  const mesh::SubscriptionVerdict& verdict;
  Progress progress;
  const Grant* grant = nullptr;  // on the verdict's backend
};
api::SubscriptionStatus subscription_status(const SubscriptionView& view, WallTime now);
// Whether the backend gives (or refuses) exactly what the verdict says, and that was proved.
bool settled(const SubscriptionView& view);

}  // namespace datamesh

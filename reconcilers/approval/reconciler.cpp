#include "reconcilers/approval/reconciler.hpp"

#include "controller/core/json.hpp"

namespace datamesh {

api::ApprovalStatus approval_status(const api::Approval& approval, const mesh::ApprovalVerdict& verdict, WallTime now) {
  const std::int64_t generation = approval.metadata.generation;
  api::ApprovalStatus status = approval.status;
  status.observed_generation = generation;
  api::set_condition(status.conditions, condition_of("Applied", verdict.applied, "Applied", generation), now);
  summarise(status.conditions, {"Applied"}, verdict.applied.terminal, true, generation, now);
  return status;
}

Result<Next> reconcile_approval(const Context& context, const ObjectKey& key) {
  std::shared_ptr<const api::Approval> approval;
  mesh::ApprovalVerdict verdict;
  const WallTime now = context.clock.wall();
  {
    const std::shared_lock lock(context.state.mutex);
    approval = context.state.catalog.approval(key.ns, key.name);
    if (!approval) return Next::on_change();
    verdict = mesh::evaluate_approval(context.state.catalog, key, now);
  }
  DATAMESH_TRY(const bool wrote, write_status(context, key, api::encode_status(approval->status),
                                              api::encode_status(approval_status(*approval, verdict, now))));
  (void)wrote;
  if (!verdict.next_change) return Next::on_change();
  return Next::in(std::max<Duration>(*verdict.next_change - now, std::chrono::milliseconds(1)));
}

}  // namespace datamesh

#include "reconcilers/policy/reconciler.hpp"

#include "controller/core/json.hpp"

namespace datamesh {

api::PolicyStatus policy_status(const api::Policy& policy, const mesh::PolicyVerdict& verdict, WallTime now) {
  const std::int64_t generation = policy.metadata.generation;
  api::PolicyStatus status = policy.status;
  status.observed_generation = generation;
  if (verdict.not_acted_on.empty()) {
    api::remove_condition(status.conditions, "NotActedOn");
  } else {
    std::string paths;
    for (const auto& path : verdict.not_acted_on) paths += (paths.empty() ? "" : ", ") + path;
    api::set_condition(status.conditions,
                       condition_true("NotActedOn", "NotSupported",
                                      "understood but not acted on by this version: " + paths, generation),
                       now);
  }
  api::set_condition(status.conditions, condition_of("Valid", verdict.objection, "Valid", generation), now);
  summarise(status.conditions, {"Valid"}, verdict.objection.terminal, false, generation, now);
  return status;
}

Result<Next> reconcile_policy(const Context& context, const ObjectKey& key) {
  std::shared_ptr<const api::Policy> policy;
  mesh::PolicyVerdict verdict;
  const WallTime now = context.clock.wall();
  {
    const std::shared_lock lock(context.state.mutex);
    policy = context.state.catalog.policy(key.name);
    if (!policy) return Next::on_change();
    verdict = mesh::evaluate_policy(context.state.catalog, key, now);
  }
  DATAMESH_TRY(const bool wrote, write_status(context, key, api::encode_status(policy->status),
                                              api::encode_status(policy_status(*policy, verdict, now))));
  (void)wrote;
  // Its rules begin to count, or an exception ends, when a time comes: every backend is decided anew then.
  std::optional<WallTime> next;
  const auto at = [&](const std::optional<WallTime>& time) {
    if (time && *time > now && (!next || *time < *next)) next = time;
  };
  at(policy->enforce_after);
  for (const auto& exception : policy->exceptions) at(exception.until);
  if (!next) return Next::on_change();
  return Next::in(*next - now);
}

}  // namespace datamesh

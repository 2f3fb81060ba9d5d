#include "reconcilers/backend/reconciler.hpp"

#include <algorithm>

#include "controller/core/json.hpp"

namespace datamesh {
namespace {

constexpr std::size_t kProblemsShown = 5;

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kProblemsShown); ++i) text += (i ? "; " : "") + lines[i];
  if (lines.size() > kProblemsShown) text += "; and " + std::to_string(lines.size() - kProblemsShown) + " more";
  return text;
}

}  // namespace

api::BackendStatus backend_status(const BackendView& view, WallTime now) {
  const auto& metadata = view.backend.metadata;
  const std::int64_t generation = metadata.generation;
  api::BackendStatus status = view.backend.status;
  status.observed_generation = generation;
  if (!view.version.empty()) status.version = view.version;
  const auto set = [&](api::Condition condition) { api::set_condition(status.conditions, std::move(condition), now); };

  const auto mode = api::reconcile_mode(metadata);
  if (view.verdict.objection) {
    set(condition_of("Reachable", view.verdict.objection, "", generation));
  } else if (view.unreachable) {
    const bool denied = view.unreachable->code == Code::Denied;
    set(condition_false("Reachable", denied ? "AccessDenied" : "Unreachable", view.unreachable->message, generation));
  } else if (mode == api::ReconcileMode::Paused) {
    set(condition_unknown("Reachable", "Paused", "paused by datamesh.dev/reconcile", generation));
  } else if (view.looked) {
    set(condition_true("Reachable", "Connected", "", generation));
  } else {
    set(condition_unknown("Reachable", "Connecting", "not looked at yet", generation));
  }

  if (!view.looked || view.unreachable) {
    set(condition_unknown("InSync", "NotObserved", "the last look did not succeed", generation));
  } else if (!view.problems.empty()) {
    set(condition_false("InSync", "Differs", joined(view.problems), generation));
  } else if (!view.working) {
    set(condition_true("InSync", "InSync", "the last look found nothing left to do", generation));
  }
  if (view.looked) status.resources = view.resources;
  if (metadata.deletion_time && !view.verdict.used_by.empty()) {
    set(condition_true("DeletionBlocked", "InUse", "still needed by " + joined(view.verdict.used_by), generation));
  } else {
    api::remove_condition(status.conditions, "DeletionBlocked");
  }
  if (const auto asked = metadata.annotations.find(std::string(api::kRequestedAtAnnotation));
      asked != metadata.annotations.end() && view.looked && !view.working) {
    status.last_handled_request = asked->second;
  }
  // Differences are the affair of those whose they are: a backend that answers is Ready.
  summarise(status.conditions, {"Reachable"}, view.verdict.objection.terminal, !view.looked, generation, now);
  return status;
}

Result<Next> reconcile_backend(const Context& context, const ObjectKey& key) {
  std::shared_ptr<const api::Backend> backend;
  api::BackendStatus status;
  bool blocked = false;
  const WallTime now = context.clock.wall();
  {
    const std::shared_lock lock(context.state.mutex);
    backend = context.state.catalog.backend(key.name);
    if (!backend) return Next::on_change();
    const auto verdict = mesh::evaluate_backend(context.state.catalog, key, now);
    blocked = !verdict.used_by.empty();
    BackendView view{.backend = *backend, .verdict = verdict};
    if (const auto known = context.state.backends.find(key.name); known != context.state.backends.end()) {
      const BackendLedger& ledger = known->second;
      view.looked = ledger.looked;
      view.working = ledger.whole_due || ledger.whole_in_flight;
      view.unreachable = ledger.unreachable;
      view.version = ledger.version;
      view.resources = {static_cast<std::int64_t>(ledger.managed), static_cast<std::int64_t>(ledger.drifted), 0,
                        static_cast<std::int64_t>(ledger.foreign), static_cast<std::int64_t>(ledger.retained.size())};
      for (const auto& [owner, finding] : ledger.findings) {
        view.resources.held +=
            static_cast<std::int64_t>(finding.hold == HoldReason::None ? 0 : finding.problems.size());
        for (const auto& problem : finding.problems) view.problems.push_back(to_string(owner) + ": " + problem);
      }
    }
    status = backend_status(view, now);
  }
  const auto& finalizers = backend->metadata.finalizers;
  const bool ours = std::ranges::find(finalizers, api::kFinalizer) != finalizers.end();
  if (!backend->metadata.deletion_time && !ours) DATAMESH_CHECK(add_finalizer(context, key));
  DATAMESH_TRY(const bool wrote,
               write_status(context, key, api::encode_status(backend->status), api::encode_status(status)));
  (void)wrote;
  if (backend->metadata.deletion_time && ours && !blocked) {
    if (backend->managed) DATAMESH_CHECK(context.managed.release(key.name));
    DATAMESH_CHECK(remove_finalizer(context, key));
  }
  return Next::on_change();
}

}  // namespace datamesh

#include "reconcilers/data_product/reconciler.hpp"

#include <algorithm>

#include "controller/core/json.hpp"

namespace datamesh {
namespace {

struct Look {
  std::shared_ptr<const api::DataProduct> product;
  mesh::ProductVerdict verdict;
  std::set<std::string> backends;
  Progress progress;
  std::map<std::string, std::pair<std::string, std::string>> datasets;
  std::vector<std::string> retained;
  bool gone = true;  // every backend was looked at, and nothing of it is left but what is retained
};

Look look_at(const Context& context, const ObjectKey& key) {
  Look look;
  const std::shared_lock lock(context.state.mutex);
  const auto& state = context.state;
  look.product = state.catalog.product(key.ns, key.name);
  if (!look.product) return look;
  look.verdict = mesh::evaluate_product(state.catalog, key, context.clock.wall());
  for (const auto& port : look.verdict.ports) {
    if (!port.backend.empty()) look.backends.insert(port.backend);
    const auto backend = state.backends.find(port.backend);
    if (port.port && backend != state.backends.end() && backend->second.engine) {
      look.datasets[port.name + "/" + port.version] = backend->second.engine->dataset(*port.port);
    }
  }
  for (const auto& port : look.product->output_ports) {
    if (state.backends.contains(port.backend)) look.backends.insert(port.backend);
  }
  for (const auto& [name, ledger] : state.backends) {
    const auto owned = ledger.owned.find(key);
    if (owned == ledger.owned.end()) continue;
    look.backends.insert(name);
    if (ledger.retained.empty()) continue;
    for (const auto& id : owned->second.ids()) {
      if (ledger.retained.contains(id)) look.retained.push_back(name + "/" + id.kind + "/" + id.name);
    }
  }
  for (const auto& name : look.backends) {
    const auto backend = state.backends.find(name);
    if (backend == state.backends.end()) continue;
    look.gone &= backend->second.standing(key) == Standing::Settled && backend->second.gone(key);
  }
  look.progress = progress_of(state.backends, look.backends, key);
  return look;
}

mesh::Objection first_objection(const mesh::ProductVerdict& verdict) {
  if (verdict.objection) return verdict.objection;
  for (const auto& port : verdict.ports) {
    if (port.objection) {
      return {port.objection.reason, "output port " + port.name + ": " + port.objection.message,
              port.objection.terminal};
    }
  }
  return {};
}

bool equal_but_counts(const api::DataProductStatus& a, const api::DataProductStatus& b) {
  return a.conditions == b.conditions && a.observed_generation == b.observed_generation;
}

}  // namespace

api::DataProductStatus data_product_status(const DataProductView& view, WallTime now) {
  const auto& metadata = view.product.metadata;
  api::DataProductStatus status = view.product.status;
  status.observed_generation = metadata.generation;
  const auto set = [&](api::Condition condition) { api::set_condition(status.conditions, std::move(condition), now); };
  set(condition_of("ContractValid", view.verdict.contract, "Valid", metadata.generation));
  set(condition_of("PolicyCompliant", view.verdict.policy, "Compliant", metadata.generation));

  const mesh::Objection objection = first_objection(view.verdict);
  if (objection) {
    set(condition_of("Provisioned", objection, "", metadata.generation));
  } else if (!view.verdict.provisioned_wanted && view.progress.clean()) {
    set(condition_true("Provisioned", "NotWanted", "lifecycle " + view.product.lifecycle + " asks for nothing",
                       metadata.generation));
  } else {
    set(condition_of("Provisioned", view.progress, metadata.generation));
  }
  if (metadata.deletion_time && !view.verdict.blocking.empty()) {
    std::string names;
    for (const auto& key : view.verdict.blocking) names += (names.empty() ? "" : ", ") + key.ns + "/" + key.name;
    set(condition_true("DeletionBlocked", "ActiveSubscriptions",
                       "deletionPolicy is Delete and these subscriptions are active: " + names, metadata.generation));
  } else {
    api::remove_condition(status.conditions, "DeletionBlocked");
  }

  status.output_ports.clear();
  for (const auto& port : view.verdict.ports) {
    api::OutputPortStatus line{port.name, port.version, port.subscriptions, {}, {}};
    if (const auto dataset = view.datasets.find(port.name + "/" + port.version); dataset != view.datasets.end()) {
      line.dataset_namespace = dataset->second.first;
      line.dataset_name = dataset->second.second;
    }
    status.output_ports.push_back(std::move(line));
  }
  status.retained = view.retained;
  if (const auto asked = metadata.annotations.find(std::string(api::kRequestedAtAnnotation));
      asked != metadata.annotations.end() && view.progress.standing == Standing::Settled) {
    status.last_handled_request = asked->second;
  }
  const bool stalled = objection.terminal || view.progress.finding.invalid ||
                       view.progress.finding.hold == HoldReason::NotOurs ||
                       view.progress.finding.hold == HoldReason::OwnedByOther;
  summarise(status.conditions, {"ContractValid", "Provisioned", "PolicyCompliant"}, stalled, true, metadata.generation,
            now);
  return status;
}

Result<Next> reconcile_data_product(const Context& context, Patience& patience, const ObjectKey& key) {
  const Look look = look_at(context, key);
  if (!look.product) return Next::on_change();
  const auto& metadata = look.product->metadata;
  const bool ours = std::ranges::find(metadata.finalizers, api::kFinalizer) != metadata.finalizers.end();
  if (metadata.deletion_time) {
    if (!ours) return Next::on_change();
    if (look.verdict.blocking.empty() && look.gone) {
      DATAMESH_CHECK(remove_finalizer(context, key));
      return Next::on_change();
    }
  } else if (!ours) {
    DATAMESH_CHECK(add_finalizer(context, key));
  }

  const auto& before = look.product->status;
  const auto* ready = api::find_condition(before.conditions, "Ready");
  const bool was_ready = ready && ready->status == "True" && before.observed_generation == metadata.generation;
  const bool working =
      !look.progress.clean() && look.progress.finding.problems.empty() && look.progress.unreachable.empty();
  if (working && !metadata.deletion_time && !first_objection(look.verdict)) {
    // A look is on its way: what was said stays said, and what is new is said once.
    if (patience.wait(key, context.clock.steady()) || (was_ready && look.progress.standing == Standing::Unknown)) {
      return Next::in(std::chrono::seconds(1));
    }
  } else {
    patience.done(key);
  }

  const WallTime now = context.clock.wall();
  const auto status =
      data_product_status({*look.product, look.verdict, look.progress, look.datasets, look.retained}, now);
  if (was_ready && equal_but_counts(before, status) && before != status &&
      patience.wait({"counts", key.ns, key.name}, context.clock.steady())) {
    return Next::in(std::chrono::seconds(1));
  }
  patience.done({"counts", key.ns, key.name});
  DATAMESH_TRY(const bool wrote, write_status(context, key, api::encode_status(before), api::encode_status(status)));
  const auto* now_ready = api::find_condition(status.conditions, "Ready");
  if (wrote && !was_ready && now_ready && now_ready->status == "True" && before.observed_generation < 1 &&
      metadata.creation_time) {
    context.instruments.became_ready("DataProduct", now - *metadata.creation_time);
  }
  return working ? Next::in(std::chrono::seconds(5)) : Next::on_change();
}

}  // namespace datamesh

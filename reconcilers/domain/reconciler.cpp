#include "reconcilers/domain/reconciler.hpp"

#include <algorithm>

#include "controller/core/json.hpp"
#include "reconcilers/domain/surroundings.hpp"
#include "reconcilers/subscription/credentials.hpp"

namespace datamesh {
namespace {

struct Look {
  std::shared_ptr<const api::Domain> domain;
  mesh::DomainVerdict verdict;
  std::map<std::string, std::shared_ptr<Engine>> engines;  // of the backends it needs
  Progress progress;
  std::map<ObjectKey, std::string> credentials;  // of its members: principal -> version
  bool gone = true;
};

Look look_at(const Context& context, const ObjectKey& key) {
  Look look;
  const std::shared_lock lock(context.state.mutex);
  look.domain = context.state.catalog.domain(key.name);
  if (!look.domain) return look;
  look.verdict = mesh::evaluate_domain(context.state.catalog, key, context.clock.wall());
  std::set<std::string> names(look.verdict.backends.begin(), look.verdict.backends.end());
  for (const auto& [name, ledger] : context.state.backends) {
    if (ledger.owned.contains(key)) names.insert(name);
    if (names.contains(name)) {
      look.engines[name] = ledger.engine;
      look.gone &= ledger.standing(key) == Standing::Settled && ledger.gone(key);
    }
  }
  look.progress = progress_of(context.state.backends, names, key);
  for (const auto& [principal, secret] : context.state.secrets) {
    if (principal.kind != "Member" || !principal.ns.starts_with(key.name + "@")) continue;
    look.credentials[principal] = context.state.catalog.credential_version(principal);
  }
  return look;
}

// Credentials for who is in the team, none for who left.
Result<void> ensure_member_credentials(const Context& context, const Look& look, const ObjectKey& key) {
  std::set<ObjectKey> wanted;
  for (const auto& name : look.verdict.backends) {
    const auto engine = look.engines.find(name);
    for (const auto& member : look.domain->members) {
      const ObjectKey principal = mesh::member_principal(key.name, name, member.username);
      wanted.insert(principal);
      if (engine == look.engines.end() || !engine->second || look.verdict.namespaces.empty()) continue;
      const auto known = look.credentials.find(principal);
      if (known != look.credentials.end() && !known->second.empty()) continue;
      auto credential = engine->second->mint({"Member", key.name, member.username}, key.name, nullptr, nullptr);
      if (!credential) return credential.error();
      const SecretName secret{look.verdict.namespaces.front(), member_secret_name(key.name, name, member.username)};
      DATAMESH_CHECK(store_credential(context, principal, name, secret, key, look.domain->metadata.uid, *credential));
    }
  }
  for (const auto& [principal, version] : look.credentials) {
    if (!wanted.contains(principal)) DATAMESH_CHECK(remove_credential(context, principal));
  }
  return {};
}

}  // namespace

api::DomainStatus domain_status(const api::Domain& domain, const mesh::DomainVerdict& verdict, const Progress& progress,
                                const mesh::Objection& namespaces, WallTime now) {
  const std::int64_t generation = domain.metadata.generation;
  api::DomainStatus status = domain.status;
  status.observed_generation = generation;
  status.data_products = verdict.data_products;
  status.subscriptions = verdict.subscriptions;
  const auto set = [&](api::Condition condition) { api::set_condition(status.conditions, std::move(condition), now); };
  set(condition_of("NamespacesReady", verdict.objection ? verdict.objection : namespaces, "Ready", generation));
  set(condition_of("Provisioned", progress, generation));
  if (domain.metadata.deletion_time && !verdict.blocking.empty()) {
    std::string names;
    for (const auto& name : verdict.blocking) names += (names.empty() ? "" : ", ") + name;
    set(condition_true("DeletionBlocked", "InUse", "still there: " + names, generation));
  } else {
    api::remove_condition(status.conditions, "DeletionBlocked");
  }
  if (const auto asked = domain.metadata.annotations.find(std::string(api::kRequestedAtAnnotation));
      asked != domain.metadata.annotations.end() && progress.standing == Standing::Settled) {
    status.last_handled_request = asked->second;
  }
  summarise(status.conditions, {"NamespacesReady", "Provisioned"}, verdict.objection.terminal, true, generation, now);
  return status;
}

Result<Next> reconcile_domain(const Context& context, Patience& patience, const ObjectKey& key) {
  const Look look = look_at(context, key);
  if (!look.domain) return Next::on_change();
  const auto& metadata = look.domain->metadata;
  if (api::reconcile_mode(metadata) == api::ReconcileMode::Paused && !metadata.deletion_time) return Next::on_change();
  const bool ours = std::ranges::find(metadata.finalizers, api::kFinalizer) != metadata.finalizers.end();

  mesh::Objection namespaces;
  if (metadata.deletion_time) {
    if (!ours) return Next::on_change();
    if (look.verdict.blocking.empty() && look.gone) {
      if (const auto left = keep_surroundings(context, key.name, {})) return Error{Code::Unavailable, left.message};
      DATAMESH_CHECK(remove_finalizer(context, key));
      return Next::on_change();
    }
  } else {
    if (!ours) DATAMESH_CHECK(add_finalizer(context, key));
    namespaces = keep_surroundings(context, key.name, surroundings_of(*look.domain, look.verdict.namespaces));
    if (!namespaces) DATAMESH_CHECK(ensure_member_credentials(context, look, key));
  }

  const bool working =
      !look.progress.clean() && look.progress.finding.problems.empty() && look.progress.unreachable.empty();
  if (working && !metadata.deletion_time && patience.wait(key, context.clock.steady()))
    return Next::in(std::chrono::seconds(1));
  if (!working) patience.done(key);
  const WallTime now = context.clock.wall();
  const auto& before = look.domain->status;
  const auto status = domain_status(*look.domain, look.verdict, look.progress, namespaces, now);
  const bool counts_only =
      status.conditions == before.conditions && status.observed_generation == before.observed_generation;
  const ObjectKey counts{"counts", "", key.name};
  if (counts_only && before != status && patience.wait(counts, context.clock.steady())) {
    return Next::in(std::chrono::seconds(1));
  }
  patience.done(counts);
  DATAMESH_TRY(const bool wrote, write_status(context, key, api::encode_status(before), api::encode_status(status)));
  (void)wrote;
  if (namespaces.reason == "NamespaceFailed") return Error{Code::Unavailable, namespaces.message};
  return working ? Next::in(std::chrono::seconds(5)) : Next::on_change();
}

}  // namespace datamesh

#include "reconcilers/subscription/reconciler.hpp"

#include "controller/core/json.hpp"
#include "reconcilers/subscription/credentials.hpp"

namespace datamesh {
namespace {

struct Look {
  std::shared_ptr<const api::Subscription> subscription;
  mesh::SubscriptionVerdict verdict;
  std::string credential_version;
  bool has_secret = false;
  std::shared_ptr<Engine> engine;
  std::set<std::string> backends;  // that give it something, or may
  Progress progress;
  std::optional<Grant> grant;
  bool revoked_everywhere = true;
  std::set<ObjectKey> siblings;  // the other subscriptions of its product, and their domains
  bool out_of_date = false;      // the backend was not told of what time or another declaration changed
};

std::string expected_fingerprint(const mesh::SubscriptionVerdict& verdict) {
  if (!verdict.access || !verdict.port || verdict.access->credential_version.empty()) return "";
  return fingerprint(*verdict.access, *verdict.port);
}

Look look_at(const Context& context, const ObjectKey& key) {
  Look look;
  const std::shared_lock lock(context.state.mutex);
  const auto& catalog = context.state.catalog;
  look.subscription = catalog.subscription(key.ns, key.name);
  if (!look.subscription) return look;
  look.verdict = mesh::evaluate_subscription(catalog, key, context.clock.wall());
  look.credential_version = catalog.credential_version(key);
  look.has_secret = context.state.secrets.contains(key);
  for (const auto& [name, ledger] : context.state.backends) {
    const Grant* grant = ledger.grant(key);
    const bool here = name == look.verdict.backend;
    if (here || grant || ledger.owned.contains(key)) look.backends.insert(name);
    if (here) {
      look.engine = ledger.engine;
      if (grant) look.grant = *grant;
    }
    const std::string expected = here ? expected_fingerprint(look.verdict) : "";
    if (ledger.standing(key) == Standing::Settled && !ledger.findings.contains(key) &&
        (grant ? grant->fingerprint : "") != expected) {
      look.out_of_date = true;
    }
    if (grant && (!grant->fingerprint.empty() || grant->proof_due || !grant->proved)) look.revoked_everywhere = false;
    if (ledger.owned.contains(key)) look.revoked_everywhere = false;
    if (look.backends.contains(name) && ledger.standing(key) != Standing::Settled) look.revoked_everywhere = false;
  }
  look.progress = progress_of(context.state.backends, look.backends, key);
  if (look.out_of_date) {
    const auto& product = look.subscription->product;
    for (const auto& other : catalog.subscriptions_to({"DataProduct", product.ns, product.name})) {
      look.siblings.insert({"Subscription", other->metadata.ns, other->metadata.name});
      const auto domain = catalog.domain_of_namespace(other->metadata.ns);
      if (domain) look.siblings.insert({"Domain", "", domain->metadata.name});
    }
  }
  return look;
}

// The backend hears of what only time, or a declaration that names nobody, changed.
void tell_backends(const Context& context, const Look& look, const ObjectKey& key) {
  mesh::Dirty dirty;
  for (const auto& name : look.backends) {
    auto& owners = dirty.owners[name];
    owners.insert(key);
    // The end of one may be what the product's own end has waited for, and with it that of all the others.
    owners.insert(look.siblings.begin(), look.siblings.end());
    owners.insert({"DataProduct", look.subscription->product.ns, look.subscription->product.name});
    if (!look.verdict.consumer_domain.empty()) owners.insert({"Domain", "", look.verdict.consumer_domain});
  }
  context.dirty(dirty);
}

Result<void> mint_credential(const Context& context, const Look& look, const ObjectKey& key) {
  auto credential = look.engine->mint(key, look.verdict.consumer_domain, &*look.verdict.port, &*look.verdict.access);
  if (!credential) return credential.error();
  return store_credential(context, key, look.verdict.backend, {key.ns, key.name}, key, look.subscription->metadata.uid,
                          *credential);
}

api::Condition granted_condition(const SubscriptionView& view) {
  const std::int64_t generation = view.subscription.metadata.generation;
  const bool wanted = view.verdict.access.has_value();
  if (!wanted && !view.grant) return condition_false("Granted", "NotGranted", "no access is to be given", generation);
  if (view.grant && !view.grant->failure.empty() && view.grant->proof_due) {
    return condition_false("Granted", "ProofFailed", view.grant->failure, generation);
  }
  if (wanted && !view.progress.finding.problems.empty()) return condition_of("Granted", view.progress, generation);
  if (!settled(view)) {
    if (!view.progress.unreachable.empty()) return condition_of("Granted", view.progress, generation);
    return condition_unknown("Granted", wanted ? "Granting" : "Revoking",
                             wanted ? "access is being given and proved" : "access is being taken away and proved",
                             generation);
  }
  if (!wanted) return condition_false("Granted", "NotGranted", "no access is given", generation);
  return condition_true("Granted", "Proved", "tried with the subscription's own identity", generation);
}

}  // namespace

bool settled(const SubscriptionView& view) {
  if (view.progress.standing != Standing::Settled) return false;
  const std::string expected = expected_fingerprint(view.verdict);
  if (view.verdict.access && expected.empty()) return false;  // waits for its credential
  if (!view.grant) return expected.empty();
  return view.grant->fingerprint == expected && view.grant->proved && !view.grant->proof_due;
}

api::SubscriptionStatus subscription_status(const SubscriptionView& view, WallTime now) {
  const auto& subscription = view.subscription;
  const auto& verdict = view.verdict;
  const std::int64_t generation = subscription.metadata.generation;
  api::SubscriptionStatus status = subscription.status;
  status.observed_generation = generation;
  status.approvals = verdict.approvals;

  const auto set = [&](api::Condition condition) { api::set_condition(status.conditions, std::move(condition), now); };
  const std::string reason = verdict.approved_reason.empty() ? "Approved" : verdict.approved_reason;
  set(condition_of("Approved", verdict.approved, reason, generation));
  const auto granted = granted_condition(view);
  set(granted);

  const bool active = verdict.access && granted.status == "True";
  status.phase = active ? api::Phase::Active : verdict.phase;
  status.readable.clear();
  status.binding.clear();
  if (active) {
    for (const auto& [table, columns] : verdict.access->readable) {
      status.readable[table] = {columns.begin(), columns.end()};
    }
    status.binding = subscription.metadata.name;
  }

  if (const auto asked = subscription.metadata.annotations.find(std::string(api::kRequestedAtAnnotation));
      asked != subscription.metadata.annotations.end() && view.progress.standing == Standing::Settled) {
    status.last_handled_request = asked->second;
  }
  const bool over = verdict.phase == api::Phase::Rejected || verdict.phase == api::Phase::Expired ||
                    verdict.phase == api::Phase::Revoked;
  if (verdict.objection) {
    set(condition_false("Resolved", verdict.objection.reason, verdict.objection.message, generation));
  } else {
    api::remove_condition(status.conditions, "Resolved");
  }
  const bool stalled = verdict.objection.terminal || over || view.progress.finding.invalid;
  summarise(status.conditions, {"Resolved", "Approved", "Granted"}, stalled, !active && !over, generation, now);
  return status;
}

Result<Next> reconcile_subscription(const Context& context, Patience& patience, const ObjectKey& key) {
  const Look look = look_at(context, key);
  if (!look.subscription) return Next::on_change();
  const auto& metadata = look.subscription->metadata;
  const WallTime now = context.clock.wall();
  if (api::reconcile_mode(metadata) == api::ReconcileMode::Paused && !metadata.deletion_time) return Next::on_change();
  if (look.out_of_date) tell_backends(context, look, key);

  if (metadata.deletion_time) {
    if (std::ranges::find(metadata.finalizers, api::kFinalizer) == metadata.finalizers.end()) return Next::on_change();
    if (look.revoked_everywhere && !look.out_of_date) {
      DATAMESH_CHECK(remove_credential(context, key));
      DATAMESH_CHECK(remove_finalizer(context, key));
      return Next::on_change();
    }
  } else if (std::ranges::find(metadata.finalizers, api::kFinalizer) == metadata.finalizers.end()) {
    // The event of this write brings us back.
    DATAMESH_CHECK(add_finalizer(context, key));
  }
  if (look.verdict.access && look.credential_version.empty() && look.engine && look.verdict.port) {
    DATAMESH_CHECK(mint_credential(context, look, key));
  }

  const SubscriptionView view{*look.subscription, look.verdict, look.progress, look.grant ? &*look.grant : nullptr};
  const bool done = settled(view) && !look.out_of_date;
  if (done && !look.verdict.access && look.has_secret && look.revoked_everywhere) {
    DATAMESH_CHECK(remove_credential(context, key));
  }
  const bool failing = !look.progress.finding.problems.empty() || !look.progress.unreachable.empty() ||
                       (look.grant && !look.grant->failure.empty());
  const bool wants_something = look.verdict.access || (look.grant && !look.grant->fingerprint.empty());
  if (!done && !failing && wants_something && patience.wait(key, context.clock.steady())) {
    return Next::in(std::chrono::seconds(1));
  }
  // After a restart nothing is known until it was looked at and tried again; what was said stays said until then.
  const bool said = metadata.generation == look.subscription->status.observed_generation;
  if (!done && !failing && said && look.progress.standing == Standing::Unknown)
    return Next::in(std::chrono::seconds(1));
  patience.done(key);

  const auto status = subscription_status(view, now);
  const auto* ready = api::find_condition(look.subscription->status.conditions, "Ready");
  const bool was_ready = ready && ready->status == "True";
  DATAMESH_TRY(const bool wrote,
               write_status(context, key, api::encode_status(look.subscription->status), api::encode_status(status)));
  if (wrote && !was_ready && status.phase == api::Phase::Active && metadata.creation_time) {
    context.instruments.became_ready("Subscription", now - *metadata.creation_time);
  }
  if (!look.verdict.next_change) return done ? Next::on_change() : Next::in(std::chrono::seconds(5));
  return Next::in(std::max<Duration>(*look.verdict.next_change - now, std::chrono::milliseconds(1)));
}

}  // namespace datamesh

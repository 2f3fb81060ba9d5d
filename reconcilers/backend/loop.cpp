#include "reconcilers/backend/loop.hpp"

#include <algorithm>
#include <random>

#include "controller/core/json.hpp"
#include "controller/core/memory.hpp"
#include "reconcilers/subscription/credentials.hpp"

namespace datamesh {
namespace {

// How often an engine that has a change token is asked for it: it costs tens of microseconds.
constexpr auto kTokenInterval = std::chrono::seconds(1);
// Engines publish their counters with a delay; until then our own writes may still move the token.
constexpr auto kTokenSettles = std::chrono::seconds(3);
// With a token that never moved, this many intervals pass before everything is read all the same.
constexpr int kIntervalsSkipped = 10;
constexpr std::size_t kEventsPerPass = 20;

template <class T>
const api::Metadata* metadata(const std::shared_ptr<const T>& value) {
  return value ? &value->metadata : nullptr;
}

const api::Metadata* metadata_of(const mesh::Catalog& catalog, const ObjectKey& key) {
  if (key.kind == "DataProduct") return metadata(catalog.product(key.ns, key.name));
  if (key.kind == "Subscription") return metadata(catalog.subscription(key.ns, key.name));
  if (key.kind == "Domain") return metadata(catalog.domain(key.name));
  if (key.kind == "Backend") return metadata(catalog.backend(key.name));
  return nullptr;
}

double random_fraction() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<>(0, 1)(random);
}

std::set<ObjectKey> owners_of(const mesh::Workload& workload) {
  std::set<ObjectKey> owners;
  for (const auto& domain : workload.domains) owners.insert(domain.owner);
  for (const auto& port : workload.ports) owners.insert(port.owner);
  for (const auto& access : workload.accesses) owners.insert(access.subscription);
  return owners;
}

}  // namespace

api::ReconcileMode mode_of(const mesh::Catalog& catalog, const ObjectKey& key) {
  const auto* found = metadata_of(catalog, key);
  return found ? api::reconcile_mode(*found) : api::ReconcileMode::Enabled;
}

std::string uid_of(const mesh::Catalog& catalog, const ObjectKey& key) {
  const auto* found = metadata_of(catalog, key);
  return found ? found->uid : std::string();
}

struct BackendLoop::Visit {
  std::string name;
  std::shared_ptr<const api::Backend> backend;
  std::shared_ptr<Engine> engine;
  std::string token;  // before the look
  bool whole = false;
};

Result<Next> BackendLoop::visit(const std::string& name, std::stop_token stop) {
  Visit visit{.name = name};
  {
    const std::shared_lock lock(context_.state.mutex);
    visit.backend = context_.state.catalog.backend(name);
    if (!visit.backend || !context_.state.backends.contains(name)) return Next::on_change();
    visit.engine = context_.state.backends.at(name).engine;
  }
  if (api::reconcile_mode(visit.backend->metadata) == api::ReconcileMode::Paused) return Next::on_change();

  if (auto connected = connect(visit, stop); !connected) {
    std::set<ObjectKey> waiting;
    {
      const std::unique_lock lock(context_.state.mutex);
      auto& ledger = context_.state.backends[name];
      ledger.unreachable = connected.error();
      ledger.looked = false;
      waiting = ledger.due;
    }
    context_.wake_object({"Backend", "", name}, Duration::zero());
    for (const auto& owner : waiting) context_.wake_object(owner, Duration::zero());
    return Error{Code::Unavailable, connected.error().message};
  }
  if (due(visit, stop)) {
    const auto passed = pass(visit, stop);
    if (visit.whole) give_back_memory();
    if (!passed) return passed.error();
  }

  const std::shared_lock lock(context_.state.mutex);
  const auto& ledger = context_.state.backends.at(name);
  const Steady now = context_.clock.steady();
  Steady next = ledger.next_look;
  if (!ledger.token.empty() || ledger.token_settles > now) next = std::min(next, now + kTokenInterval);
  for (const auto& [owner, at] : ledger.retry) next = std::min(next, at);
  if (!ledger.due.empty() || ledger.whole_due) next = now;
  return Next::in(std::max<Duration>(next - now, Duration::zero()));
}

Result<void> BackendLoop::connect(Visit& visit, std::stop_token stop) {
  // A Secret that changed must be honoured: the connection is resolved anew when the last look failed.
  bool failed = false;
  {
    const std::shared_lock lock(context_.state.mutex);
    failed = context_.state.backends.at(visit.name).unreachable.has_value();
  }
  if (visit.engine && !failed) return {};

  const auto kind = context_.engines.find(visit.backend->engine);
  if (kind == context_.engines.end()) {
    return Error{Code::Invalid, "backend " + visit.name + ": engine \"" + visit.backend->engine + "\" is not built in"};
  }
  DATAMESH_TRY(const Connection connection,
               resolve_connection(context_.store, &context_.managed, *visit.backend, stop));
  const auto source = [this, backend = visit.name](const ObjectKey& principal) {
    // Without it nothing is written for the principal; the step fails, and is tried again.
    const auto credential = find_credential(context_, backend, principal);
    return credential ? *credential : nullptr;
  };
  DATAMESH_TRY(visit.engine, kind->second.connect(connection, source));
  DATAMESH_TRY(const std::string version, visit.engine->reach(stop));
  {
    const std::unique_lock lock(context_.state.mutex);
    auto& ledger = context_.state.backends[visit.name];
    ledger.engine = visit.engine;
    ledger.connection = connection;
    ledger.version = version;
    ledger.whole_due = true;
    ledger.unreachable.reset();
  }
  log_info("connected", {{"backend", visit.name}, {"engine", visit.backend->engine}, {"version", version}});
  context_.wake_object({"Backend", "", visit.name}, Duration::zero());
  return {};
}

// Whether there is a reason to look, and at what.
bool BackendLoop::due(Visit& visit, std::stop_token stop) {
  const auto token = visit.engine->change_token(stop);
  if (token) visit.token = *token;
  const std::unique_lock lock(context_.state.mutex);
  auto& ledger = context_.state.backends.at(visit.name);
  const Steady now = context_.clock.steady();
  const bool retry = std::ranges::any_of(ledger.retry, [&](const auto& item) { return item.second <= now; });
  if (!ledger.looked || ledger.whole_due || ledger.suspect) return visit.whole = true;

  const bool tick = now >= ledger.next_look;
  bool moved = false;
  if (!visit.token.empty() && now >= ledger.token_settles) {
    if (ledger.token_settles != Steady{}) {
      ledger.token_settles = Steady{};
      ledger.token = visit.token;  // the new base line, after our own writes
    }
    moved = visit.token != ledger.token;
  }
  visit.whole = tick || moved;
  return visit.whole || retry || !ledger.due.empty();
}

Result<void> BackendLoop::pass(Visit& visit, std::stop_token stop) {
  const WallTime wall = context_.clock.wall();
  BackendLedger::Work work;
  mesh::Workload workload;
  Scope scope;
  Guard guard{.newcomers_max = newcomers_max_};
  bool looked_before = false;
  {
    const std::unique_lock lock(context_.state.mutex);
    auto& ledger = context_.state.backends.at(visit.name);
    // Connecting may have taken long. What is due from here on is due by what is declared now.
    if (auto newest = context_.state.catalog.backend(visit.name)) visit.backend = std::move(newest);
    guard.deletes_max = static_cast<std::size_t>(visit.backend->deletes_per_pass);
    looked_before = ledger.looked;
    work = ledger.begin(context_.clock.steady(), visit.whole, newcomers_max_);
    for (const auto& [id, until] : ledger.resting) guard.resting.insert(id);
    if (!work.whole) {
      scope = Scope::of(work.owners);
      for (const auto& owner : work.owners) {
        if (const auto known = ledger.owned.find(owner); known != ledger.owned.end()) {
          for (auto& id : known->second.ids()) scope.ids.insert(std::move(id));
        }
      }
    }
  }
  {
    const std::shared_lock lock(context_.state.mutex);
    const auto& catalog = context_.state.catalog;
    workload = mesh::compile(catalog, visit.name, wall, work.whole ? nullptr : &work.owners);
    if (!work.whole) {
      // An engine whose unit is coarser than a subscription (a whole account) needs the owner of that unit as well.
      for (const auto& domain : workload.domains) work.owners.insert(domain.owner);
      scope.owners = work.owners;
    }
    std::set<ObjectKey> owners = owners_of(workload);
    owners.insert(work.owners.begin(), work.owners.end());
    for (const auto& owner : owners) {
      const auto mode = mode_of(catalog, owner);
      if (mode == api::ReconcileMode::Paused) guard.paused.insert(owner);
      if (mode == api::ReconcileMode::Observe) guard.observed.insert(owner);
    }
    guard.writes = api::reconcile_mode(visit.backend->metadata) == api::ReconcileMode::Enabled;
    const auto confirmed = visit.backend->metadata.annotations.find(std::string(api::kConfirmDeletesAnnotation));
    if (confirmed != visit.backend->metadata.annotations.end()) {
      guard.deletes_max =
          std::max<std::size_t>(guard.deletes_max, std::strtoul(confirmed->second.c_str(), nullptr, 10));
    }
  }

  const Pass pass = visit.engine->converge(workload, scope, guard, stop);
  std::map<std::string, std::size_t> drift;
  std::set<ObjectKey> told, proofs;
  {
    const std::unique_lock lock(context_.state.mutex);
    auto& ledger = context_.state.backends[visit.name];
    if (pass.error) {
      ledger.abandon(work);
      ledger.unreachable = pass.error;
      told = work.owners;
    } else {
      const Steady now = context_.clock.steady();
      drift = ledger.drift(work, pass, looked_before);
      told = ledger.settle(work, pass, workload, now, random_fraction());
      note_grants(visit, pass, workload, ledger, proofs);
      ledger.wrote_since_whole = work.whole ? pass.wrote() : ledger.wrote_since_whole || pass.wrote();
      if (work.whole) {
        ledger.drifted = 0;
        for (const auto& [kind, count] : drift) ledger.drifted += count;
        // A token that stays where it is saves the next looks.
        const bool trusted = !visit.token.empty() && !pass.wrote();
        ledger.next_look = now + visit.backend->sync_interval * (trusted ? kIntervalsSkipped : 1);
        ledger.token = visit.token;
      }
      if (pass.wrote() && !visit.token.empty()) {
        ledger.token_settles = now + kTokenSettles;
        // What others do while the token settles is found by the next look at everything.
        ledger.next_look = std::min(ledger.next_look, now + visit.backend->sync_interval);
      }
    }
  }
  context_.instruments.passed(visit.name, pass, drift);
  tell(visit, pass, drift);
  for (const auto& subscription : proofs) wake_proof_({visit.name, subscription});
  for (const auto& key : told) context_.wake_object(key, Duration::zero());
  // Its numbers move with every pass; its status need not.
  const bool news = work.whole || pass.error;
  context_.wake_object({"Backend", "", visit.name}, news ? Duration::zero() : Duration(std::chrono::seconds(1)));
  answer_confirmation(visit, pass);
  if (pass.error) return *pass.error;
  return {};
}

// Which subscriptions have another access than was proved.
void BackendLoop::note_grants(const Visit&, const Pass& pass, const mesh::Workload& workload, BackendLedger& ledger,
                              std::set<ObjectKey>& proofs) const {
  std::set<ObjectKey> touched;
  for (const auto& step : pass.steps) {
    if (step.verb != Verb::Hold) touched.insert(step.owner);
  }
  std::map<mesh::PortKey, const mesh::Port*> ports;
  for (const auto& port : workload.ports) ports[port.key] = &port;

  std::set<ObjectKey> wanted;
  for (const auto& access : workload.accesses) {
    wanted.insert(access.subscription);
    const auto port = ports.find(access.port);
    // Without a credential nothing is granted yet; its Secret brings the next pass.
    if (access.credential_version.empty() || port == ports.end()) continue;
    if (ledger.findings.contains(access.subscription)) continue;
    // Perhaps it waits for its turn: the pass that it is due for says whether it was given.
    if (ledger.due.contains(access.subscription)) continue;
    auto& grant = ledger.grants[access.subscription];
    std::string print = fingerprint(access, *port->second);
    const bool repaired = touched.contains(access.subscription) || touched.contains(port->second->owner);
    if (print == grant.fingerprint && !repaired && (grant.proved || grant.proof_due)) continue;
    if (print != grant.fingerprint) grant.proved = false;
    grant.fingerprint = std::move(print);
    grant.proof_due = true;
    proofs.insert(access.subscription);
  }

  // Those that were looked at and are given nothing.
  const auto take_away = [&](const ObjectKey& subscription) {
    if (wanted.contains(subscription) || ledger.findings.contains(subscription)) return;
    auto& grant = ledger.grants[subscription];
    const bool had = !grant.fingerprint.empty() || touched.contains(subscription) ||
                     !context_.state.catalog.credential_version(subscription).empty();
    if (!had) {
      grant.proved = true;  // it never had an identity there: nothing to try
      return;
    }
    if (grant.fingerprint.empty() && grant.proved && !touched.contains(subscription)) return;
    grant.fingerprint.clear();
    grant.proved = false;
    grant.proof_due = true;
    proofs.insert(subscription);
  };
  for (const auto& owner : pass.scope.owners) {
    if (owner.kind == "Subscription") take_away(owner);
  }
  if (pass.scope.all) {
    std::vector<ObjectKey> known;
    for (const auto& [subscription, grant] : ledger.grants) known.push_back(subscription);
    for (const auto& owner : touched) {
      if (owner.kind == "Subscription") known.push_back(owner);
    }
    for (const auto& subscription : known) take_away(subscription);
  }
}

// A person's word counts for one pass: for the one that deleted what it was given for.
void BackendLoop::answer_confirmation(const Visit& visit, const Pass& pass) const {
  const std::string name(api::kConfirmDeletesAnnotation);
  if (!visit.backend->metadata.annotations.contains(name) || pass.error) return;
  std::set<ObjectKey> lost;
  for (const auto& step : pass.steps) {
    if (step.verb == Verb::Delete && !step.error) lost.insert(step.owner);
  }
  if (lost.size() <= static_cast<std::size_t>(visit.backend->deletes_per_pass)) return;
  const Json patch = {{"metadata", {{"annotations", {{name, nullptr}}}}}};
  const auto done = context_.store.patch(kube::type_of_kind("Backend"), "", visit.name, {.body = patch.dump()});
  if (!done) log_warn("confirmation not taken back", {{"backend", visit.name}, {"error", done.error().message}});
}

void BackendLoop::tell(const Visit& visit, const Pass& pass, const std::map<std::string, std::size_t>& drift) const {
  if (pass.error) {
    log_warn("look failed", {{"backend", visit.name}, {"error", pass.error->message}});
    return;
  }
  std::map<std::string, std::size_t> verbs;
  for (const auto& step : pass.steps) {
    if (step.verb != Verb::Hold) ++verbs[std::string(to_string(step.verb))];
  }
  if (!verbs.empty()) {
    std::string changes;
    for (const auto& [verb, count] : verbs)
      changes += (changes.empty() ? "" : ", ") + std::to_string(count) + " " + verb;
    log_info("pass", {{"backend", visit.name},
                      {"scope", pass.scope.all ? "all" : std::to_string(pass.scope.owners.size())},
                      {"changes", changes},
                      {"remaining", std::to_string(pass.remaining.size())},
                      {"first", pass.remaining.empty() ? "" : line_of(pass.remaining.front())}});
  }
  std::size_t events = 0;
  std::set<ObjectKey> said;
  const std::shared_lock lock(context_.state.mutex);
  for (const auto& step : pass.steps) {
    if (events >= kEventsPerPass) break;
    const bool repaired = !drift.empty() && step.verb != Verb::Hold && !step.error;
    if (!repaired && !step.error) continue;
    if (!said.insert(step.owner).second) continue;
    ++events;
    context_.instruments.event(
        {step.owner, uid_of(context_.state.catalog, step.owner), step.error.has_value(),
         step.error ? "ApplyFailed" : "DriftRepaired", step.error ? "Provision" : "Repair",
         step.id.kind + " " + step.id.name + " on backend " + visit.name + ": " +
             (step.error ? step.error->message : std::string(to_string(step.intent)) + ", " + step.reason)});
  }
}

Result<Next> BackendLoop::prove(const ProofKey& key, std::stop_token stop) {
  std::shared_ptr<Engine> engine;
  mesh::SubscriptionVerdict verdict;
  std::string expected, uid;
  {
    const std::shared_lock lock(context_.state.mutex);
    const auto backend = context_.state.backends.find(key.backend);
    if (backend == context_.state.backends.end()) return Next::on_change();
    const Grant* grant = backend->second.grant(key.subscription);
    if (!grant || !grant->proof_due) return Next::on_change();
    expected = grant->fingerprint;
    engine = backend->second.engine;
    uid = uid_of(context_.state.catalog, key.subscription);
    if (context_.state.catalog.subscription(key.subscription.ns, key.subscription.name)) {
      verdict = mesh::evaluate_subscription(context_.state.catalog, key.subscription, context_.clock.wall());
    }
  }
  if (!engine) return Next::on_change();  // a look comes first
  const bool granted = !expected.empty();
  // What was decided since makes this proof one of the past: its own pass brings the next.
  if (granted && (!verdict.access || !verdict.port || fingerprint(*verdict.access, *verdict.port) != expected)) {
    return Next::on_change();
  }

  DATAMESH_TRY(const auto credential, find_credential(context_, key.backend, key.subscription));
  Proof proof;
  if (granted && !credential) {
    proof.failure = "its Secret is missing";
  } else if (granted) {
    proof = engine->prove_granted(*verdict.port, *verdict.access, *credential, stop);
  } else if (credential) {
    proof = engine->prove_revoked(verdict.port.value_or(mesh::Port{}), key.subscription, *credential, stop);
  } else {
    proof.proved = true;  // without a credential nobody can try; the look saw that the identity is gone
  }
  if (stop.stop_requested()) return Error{Code::Cancelled, "stopping"};

  bool news = false;
  {
    const std::unique_lock lock(context_.state.mutex);
    const auto backend = context_.state.backends.find(key.backend);
    if (backend == context_.state.backends.end()) return Next::on_change();
    auto& grant = backend->second.grants[key.subscription];
    if (grant.fingerprint != expected) return Next::in(Duration::zero());
    news = grant.proved != proof.proved || grant.failure != proof.failure;
    grant.proved = proof.proved;
    grant.failure = proof.failure;
    grant.proof_due = !proof.proved;
  }
  context_.instruments.proved(key.backend, granted ? "granted" : "revoked", proof.proved);
  context_.wake_object(key.subscription, Duration::zero());
  if (news) {
    context_.instruments.event(
        {key.subscription, uid, !proof.proved, proof.proved ? (granted ? "Granted" : "Revoked") : "ProofFailed",
         granted ? "Grant" : "Revoke",
         proof.proved ? (granted ? "access was tried with the subscription's own identity and holds"
                                 : "access was tried with the subscription's own identity and is refused")
                      : proof.failure});
  }
  if (!proof.proved) return Error{Code::Unavailable, to_string(key.subscription) + ": " + proof.failure};
  return Next::on_change();
}

Result<Connection> resolve_connection(kube::Store& store, ManagedServers* managed, const api::Backend& backend,
                                      std::stop_token stop) {
  const std::string& name = backend.metadata.name;
  if (backend.managed) {
    if (managed) return managed->ensure(name, backend.engine, stop);
    // Who runs the server has written down where it is.
    const auto secret = store.get(kube::secrets(), std::string(kSystemNamespace), managed_secret_name(name));
    if (!secret)
      return with_context("backend " + name + ": its control plane has not said where it runs", secret.error());
    Connection connection{
        .backend = name, .engine = backend.engine, .endpoint = {}, .credentials = secret_fields(*secret)};
    if (auto endpoint = connection.credentials.extract("endpoint")) connection.endpoint = endpoint.mapped().reveal();
    return connection;
  }
  if (!backend.external) return Error{Code::Invalid, "backend " + name + ": one of external and managed is required"};
  Connection connection{
      .backend = name, .engine = backend.engine, .endpoint = backend.external->endpoint, .credentials = {}};
  const auto& ref = backend.external->credentials_ref;
  if (ref.name.empty()) return connection;
  const auto secret = store.get(kube::secrets(), ref.ns, ref.name);
  if (!secret) {
    return with_context("backend " + name + ": Secret " + ref.ns + "/" + ref.name, secret.error());
  }
  connection.credentials = secret_fields(*secret);
  return connection;
}

}  // namespace datamesh

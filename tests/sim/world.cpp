#include "tests/sim/world.hpp"

#include <algorithm>

namespace datamesh::sim {
namespace {

const std::vector<std::string> kDomains = {"finance", "marketing", "sales"};

Json object_of(const std::string& kind, const std::string& ns, const std::string& name, Json spec) {
  Json object = {{"apiVersion", "datamesh.dev/v1alpha1"},
                 {"kind", kind},
                 {"metadata", {{"name", name}}},
                 {"spec", std::move(spec)}};
  if (!ns.empty()) object["metadata"]["namespace"] = ns;
  return object;
}

Json domain_spec(std::mt19937& random) {
  Json members = Json::array();
  for (const auto* user : {"ana", "bo", "chen"}) {
    if (random() % 2)
      members.push_back(
          {{"username", std::string(user) + "@retail.example"}, {"role", random() % 2 ? "developer" : "viewer"}});
  }
  Json spec = {{"name", "A domain"}, {"team", {{"name", "team"}, {"members", members}}}};
  if (random() % 2) spec["quota"] = {{"dataProducts", 10 + random() % 2}};
  return spec;
}

Json contract_spec(std::mt19937& random) {
  Json properties = Json::array({{{"name", "id"}, {"logicalType", "integer"}, {"primaryKey", true}, {"required", true}},
                                 {{"name", "email"}, {"logicalType", "string"}, {"classification", "restricted"}}});
  if (random() % 2) properties.push_back({{"name", "extra"}, {"logicalType", "string"}});
  return {{"id", "c"},
          {"name", "Contract"},
          {"version", "1.0.0"},
          {"schema", Json::array({{{"name", "orders"}, {"properties", properties}}})},
          {"roles", Json::array({{{"role", "reader"}}, {{"role", "pii"}}})},
          {"provisioning", {{"roles", Json::array({{{"role", "pii"}, {"maxClassification", "restricted"}}})}}}};
}

Json product_spec(std::mt19937& random, const std::string& backend) {
  const auto* policy = random() % 2 ? "Retain" : "Delete";
  return {{"name", "Product"},
          {"version", "1.0.0"},
          {"outputPorts",
           Json::array(
               {{{"name", "orders"},
                 {"version", random() % 2 ? "1.0.0" : "1.1.0"},
                 {"type", "tables"},
                 {"provisioning",
                  {{"contractRef", {{"name", "orders-v1"}}}, {"backend", backend}, {"deletionPolicy", policy}}}}})}};
}

Json subscription_spec(std::mt19937& random, const std::string& provider, WallTime now) {
  Json spec = {{"description", {{"purpose", "simulation"}}},
               {"provider",
                {{"dataProductRef", {{"namespace", provider}, {"name", "orders"}}},
                 {"outputPort", {{"name", "orders"}, {"version", "1"}}}}},
               {"roles", Json::array({{{"role", random() % 2 ? "reader" : "pii"}}})}};
  if (random() % 2) spec["endTimestamp"] = format_time(now + std::chrono::seconds(random() % 600));
  return spec;
}

Json approval_spec(std::mt19937& random, const std::string& ns, const std::string& subscription,
                   const std::string& role) {
  return {{"subscriptionRef", {{"namespace", ns}, {"name", subscription}}},
          {"outputPort", {{"name", "orders"}, {"version", "1"}}},
          {"roles", Json::array({role})},
          {"decision", random() % 4 ? "Approved" : "Rejected"},
          {"approver", "ana@retail.example"}};
}

template <class Key>
std::optional<Key> take(WorkQueue<Key>& queue, Steady now) {
  return queue.take(now);
}

}  // namespace

// One life of the control plane.
struct World::Process {
  explicit Process(World& world)
      : context{
            world.store_,
            world.clock_,
            world.instruments_,
            world.engines_,
            world.servers_,
            state,
            [this, &world](const ObjectKey& key, Duration delay) { objects.add(key, world.clock_.steady() + delay); },
            [this, &world](const std::string& name) { backends.add(name, world.clock_.steady()); }},
        loop(
            context, [this, &world](const ProofKey& key) { proofs.add(key, world.clock_.steady()); },
            world.newcomers_max_) {}

  State state;
  Context context;
  Patience patience;
  BackendLoop loop;
  WorkQueue<ObjectKey> objects;
  WorkQueue<std::string> backends;
  WorkQueue<ProofKey> proofs;
  std::map<std::string, std::size_t> read;  // by kind: how much of the log this process has seen
  std::map<ObjectKey, Json> known;          // what it believes to exist
};

World::~World() = default;

World::World(unsigned seed)
    : random_(seed),
      newcomers_max_(1 + seed % 4),
      backend_("sim-" + std::to_string(seed)),
      server_(memory::server_named(backend_)) {
  engines_ = {{"memory", app::memory_engine(clock_)}};
  store_.now = [this] { return format_time(clock_.wall()); };
  for (const auto& name : kDomains) {
    create({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}});
  }
  create(object_of("Backend", "", backend_,
                   {{"engine", "memory"}, {"managed", {{"platform", "Process"}}}, {"syncInterval", "60s"}}));
  store_.fault = [this](const std::string& operation) { return maybe_fail(operation); };
  server_->set_fault([this](const std::string& operation, const ResourceId&) { return maybe_fail(operation); });
  restart();
}

void World::create(Json object) {
  const auto saved = std::exchange(store_.fault, {});
  (void)store_.create(kube::type_of_kind(string_at(object, {"kind"})), object);
  store_.fault = saved;
}

// A dead process gets no answers any more: whatever it was doing ends here.
std::optional<Error> World::maybe_fail(const std::string& operation) {
  if (dying_) return Error{Code::Unavailable, "the process is dead"};
  if (!trouble_) return std::nullopt;
  if (chance(150)) {
    dying_ = true;
    return Error{Code::Unavailable, "the process dies before " + operation};
  }
  if (!chance(25)) return std::nullopt;
  ++faults_;
  return Error{chance(3) ? Code::Conflict : Code::Unavailable, operation + " failed"};
}

// Lists everything anew, as a fresh process does.
void World::restart() {
  process_ = std::make_unique<Process>(*this);
  for (const auto& [key, object] : store_.objects()) {
    process_->known[key] = object;
    (void)take_object(process_->context, object);
    process_->objects.add(key, clock_.steady());
  }
  for (const auto& what : watched()) process_->read[what.type.kind] = store_.log().size();
  process_->backends.add(backend_, clock_.steady());
}

// One kind's watch moves: one event further; the same event again; or it breaks and lists anew.
void World::deliver() {
  auto& process = *process_;
  std::vector<std::string> kinds;
  for (const auto& [kind, at] : process.read) kinds.push_back(kind);
  const std::string kind = kinds[random_() % kinds.size()];
  auto& at = process.read[kind];
  const auto take_one = [&](const FakeStore::Entry& entry) {
    const ObjectKey key = key_of(entry.object);
    if (key.kind != kind) return;
    if (entry.removed) {
      process.known.erase(key);
      process.context.dirty(take_removal(process.context, key, &entry.object));
    } else {
      process.known[key] = entry.object;
      process.context.dirty(take_object(process.context, entry.object));
    }
  };
  if (trouble_ && chance(30)) {  // relist: what happened in between is never seen
    std::map<ObjectKey, Json> before;
    for (const auto& [key, object] : process.known) {
      if (key.kind == kind) before.emplace(key, object);
    }
    for (const auto& [key, object] : store_.objects()) {
      if (key.kind == kind) take_one({false, object});
      before.erase(key);
    }
    for (const auto& [key, object] : before) take_one({true, object});
    at = store_.log().size();
    return;
  }
  while (at < store_.log().size()) {
    const auto& entry = store_.log()[at++];
    if (string_at(entry.object, {"kind"}) != kind) continue;
    take_one(entry);
    if (trouble_ && chance(20)) take_one(entry);
    return;
  }
}

bool World::run_one() {
  auto& process = *process_;
  const Steady now = clock_.steady();
  const auto settle = [&](auto& queue, const auto& key, const Result<Next>& result) {
    if (dying_) return;
    if (result && result->after) queue.add(key, clock_.steady() + *result->after);
    if (!result && result.error().code != Code::Invalid)
      queue.add(key, clock_.steady() + std::chrono::milliseconds(200));
    queue.done(key);
  };
  const unsigned first = random_() % 3;
  for (unsigned i = 0; i < 3; ++i) {
    switch ((first + i) % 3) {
      case 0:
        if (const auto key = process.objects.take(now)) {
          settle(process.objects, *key, reconcile_object(process.context, process.patience, *key));
          return true;
        }
        break;
      case 1:
        if (const auto key = process.backends.take(now)) {
          settle(process.backends, *key, process.loop.visit(*key, {}));
          return true;
        }
        break;
      default:
        if (const auto key = process.proofs.take(now)) {
          settle(process.proofs, *key, process.loop.prove(*key, {}));
          return true;
        }
    }
  }
  return false;
}

void World::user_acts() {
  const auto saved = std::exchange(store_.fault, {});
  const auto write = [&](const std::string& kind, const std::string& ns, const std::string& name, const Json& spec) {
    const auto& type = kube::type_of_kind(kind);
    if (const auto live = store_.get(type, ns, name)) {
      (void)store_.patch(type, ns, name, {.body = Json{{"spec", spec}}.dump()});
    } else {
      (void)store_.create(type, object_of(kind, ns, name, spec));
    }
  };
  const std::string ns = kDomains[random_() % 3], other = kDomains[random_() % 3];
  const std::string name = "s" + std::to_string(random_() % 3);
  switch (random_() % 10) {
    case 9:
      disturb_surroundings(ns);
      break;
    case 0:
      write("Domain", "", ns, domain_spec(random_));
      break;
    case 1:
      write("DataContract", ns, "orders-v1", contract_spec(random_));
      break;
    case 2:
      write("DataProduct", ns, "orders", product_spec(random_, backend_));
      break;
    case 3:
    case 4:
      write("Subscription", ns, name, subscription_spec(random_, other, clock_.wall()));
      break;
    case 5:
    case 6:
      write("Approval", other, ns + "-" + name, approval_spec(random_, ns, name, random_() % 2 ? "reader" : "pii"));
      break;
    case 7: {
      const std::vector<ObjectKey> gone = {{"Subscription", ns, name},
                                           {"Approval", other, ns + "-" + name},
                                           {"DataProduct", ns, "orders"},
                                           {"Secret", ns, name}};
      const auto& key = gone[random_() % gone.size()];
      (void)store_.remove(kube::type_of_kind(key.kind), key.ns, key.name);
      break;
    }
    default: {  // somebody at the backend itself
      const auto things = server_->things();
      if (things.empty()) break;
      auto at = things.begin();
      std::advance(at, static_cast<long>(random_() % things.size()));
      if (at->first.kind == "access") server_->erase_by_hand(at->first);
    }
  }
  store_.fault = saved;
}

// Somebody in the namespace of a Domain.
void World::disturb_surroundings(const std::string& ns) {
  const auto patch = [&](const kube::ResourceType& type, const std::string& name, const Json& body) {
    (void)store_.patch(type, ns, name, {.body = body.dump()});
  };
  const Json unlabelled = {{"metadata", {{"labels", {{"datamesh.dev/domain", nullptr}}}}}};
  const std::string secret = "s" + std::to_string(random_() % 3);
  switch (random_() % 7) {
    case 6:
      patch(kube::secrets(), secret, {{"data", {{"uri", base64_encode("memory://elsewhere")}}}});
      break;
    case 0:
      patch(kube::namespaces(), ns, unlabelled);
      break;
    case 1:
      patch(kube::namespaces(), ns, {{"metadata", {{"labels", {{"datamesh.dev/domain", "nobody"}}}}}});
      break;
    case 2:
      patch(kube::role_bindings(), "datamesh-viewer", unlabelled);
      break;
    case 3:
      patch(kube::role_bindings(), "datamesh-developer",
            {{"subjects", Json::array({{{"kind", "User"}, {"name", "mallory"}}})}});
      break;
    case 4:
      patch(resource_quotas(), "datamesh", {{"spec", {{"hard", {{"pods", "1"}}}}}});
      break;
    default:
      (void)store_.remove(kube::role_bindings(), ns, "datamesh-developer");
      (void)store_.remove(resource_quotas(), ns, "datamesh");
  }
}

void World::step() {
  const unsigned what = random_() % 10;
  if (what == 0) {
    user_acts();
  } else if (what < 4) {
    deliver();
  } else if (what < 9) {
    (void)run_one();
  } else {
    clock_.advance(std::chrono::milliseconds(random_() % 3000));
  }
  if (dying_) {
    dying_ = false;
    ++crashes_;
    restart();
  }
}

void World::advance_to_next() {
  auto& process = *process_;
  std::optional<Steady> next;
  for (const auto due : {process.objects.next_due(), process.backends.next_due(), process.proofs.next_due()}) {
    if (due && (!next || *due < *next)) next = due;
  }
  const auto delta = next ? *next - clock_.steady() : std::chrono::seconds(1);
  clock_.advance(std::chrono::ceil<std::chrono::milliseconds>(std::max<Duration>(delta, std::chrono::milliseconds(1))));
}

void World::die() {
  trouble_ = false;
  dying_ = false;
  restart();
  // A change that needs one which failed, or which rests after a failure, is refused. A fresh process has no such
  // excuse.
  clashes_before_rest_ = server_->clashes();
}

bool World::come_to_rest() {
  trouble_ = false;
  dying_ = false;
  const auto caught_up = [&] {
    return std::ranges::all_of(process_->read, [&](const auto& item) {
      return std::none_of(store_.log().begin() + static_cast<long>(item.second), store_.log().end(),
                          [&](const auto& entry) { return string_at(entry.object, {"kind"}) == item.first; });
    });
  };
  // Long enough for every expiry and back-off, then until a minute brings nothing new.
  const auto until = clock_.steady() + std::chrono::minutes(20);
  long version = -1;
  std::size_t writes = 0;
  auto quiet_since = clock_.steady();
  for (int i = 0; i < 200'000; ++i) {
    if (!caught_up()) {
      deliver();
      continue;
    }
    if (run_one()) continue;
    if (version != store_.version() || writes != server_->writes()) {
      version = store_.version();
      writes = server_->writes();
      quiet_since = clock_.steady();
    }
    if (clock_.steady() >= until && clock_.steady() - quiet_since > std::chrono::minutes(5)) return true;
    advance_to_next();
  }
  return false;
}

std::vector<std::string> World::differences() {
  std::vector<std::string> wrong;
  mesh::Catalog catalog;
  for (const auto& [key, object] : store_.objects()) {
    decode_declaration(object)(catalog);
    if (key.kind != "Secret") continue;
    if (!is_intact(object)) wrong.push_back(to_string(key) + ": was changed by others");
    if (const auto principal = principal_of(object)) {
      catalog.put_credential(*principal, engines_.at("memory").version_of(secret_fields(object)));
    }
  }
  for (const auto& name : catalog.keys("Domain")) {
    const auto domain = catalog.domain(name.name);
    for (const Json& wanted : surroundings_of(*domain, catalog.namespaces_of(*domain))) {
      const auto live = store_.objects().find(key_of(wanted));
      if (live == store_.objects().end() || surrounding_of(live->second) != surrounding_of(wanted))
        wrong.push_back(to_string(key_of(wanted)) + ": is not as the Domain wants it");
    }
  }
  const WallTime now = clock_.wall();
  memory::Driver driver(server_);
  const auto pass = converge(driver, memory::desired(mesh::compile(catalog, backend_, now)), Scope::everything(),
                             Guard{.writes = false}, clock_, {});
  for (const auto& step : pass.steps) {
    wrong.push_back("backend: " + std::string(to_string(step.intent)) + " " + step.id.kind + " " + step.id.name + ": " +
                    step.reason);
  }
  if (clashes_before_rest_ && server_->clashes() != *clashes_before_rest_) {
    wrong.push_back("without any fault the server was asked for " +
                    std::to_string(server_->clashes() - *clashes_before_rest_) +
                    " impossible things: " + server_->last_clash());
  }
  for (const auto& key : catalog.keys("Subscription")) {
    const auto verdict = mesh::evaluate_subscription(catalog, key, now);
    const auto subscription = catalog.subscription(key.ns, key.name);
    const bool active = subscription->status.phase == api::Phase::Active;
    if (active != verdict.access.has_value()) {
      wrong.push_back(to_string(key) + ": phase " +
                      std::string(subscription->status.phase ? api::to_string(*subscription->status.phase) : "none") +
                      ", but access is " + (verdict.access ? "wanted" : "not wanted"));
    }
    if (subscription->metadata.deletion_time) wrong.push_back(to_string(key) + ": is still being deleted");
    const bool has_secret = store_.objects().contains({"Secret", key.ns, key.name});
    if (has_secret != verdict.access.has_value())
      wrong.push_back(to_string(key) + (has_secret ? ": Secret left" : ": no Secret"));
  }
  return wrong;
}

}  // namespace datamesh::sim

// `datamesh plan`: the same code as the loops, with the writes off.

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "controller/app/cli.hpp"
#include "controller/app/engines.hpp"
#include "controller/app/manifests.hpp"
#include "controller/core/json.hpp"
#include "mesh/evaluate.hpp"
#include "reconcilers/backend/loop.hpp"
#include "reconcilers/declarations.hpp"
#include "reconcilers/subscription/credentials.hpp"

namespace datamesh::app {
namespace {

// Stands for a credential that applying would mint.
constexpr std::string_view kNewCredential = "new";

struct World {
  std::map<ObjectKey, Json> live, declared;
  std::map<ObjectKey, std::string> credentials;  // principal -> version
};

struct BackendPlan {
  std::string name, engine, endpoint;
  std::optional<Error> error;
  std::vector<Step> steps;
};

struct Answer {
  std::vector<std::string> refused;  // what the server would not take, and why
  std::vector<std::string> notes;    // what would not be provisioned, and why
  std::vector<BackendPlan> backends;
};

Result<void> read_live(kube::Store& store, const EngineRegistry& kinds, World& world) {
  for (const auto& type : kube::mesh_types()) {
    auto listed = store.list(type);
    if (!listed) return listed.error();
    for (auto& object : *listed) {
      const ObjectKey key = key_of(object);
      world.live[key] = std::move(object);
    }
  }
  auto secrets = store.list(kube::secrets());
  if (!secrets) return secrets.error();
  for (const auto& secret : *secrets) {
    const auto principal = principal_of(secret);
    if (!principal) continue;
    const auto fields = secret_fields(secret);
    const auto type = fields.find("type");
    if (type == fields.end()) continue;
    if (const auto kind = kinds.find(type->second.reveal()); kind != kinds.end()) {
      world.credentials[*principal] = kind->second.version_of(fields);
    }
  }
  return {};
}

// What the server would store: the declaration, over what only the server knows.
Json merged(const Json& declared, const Json* live) {
  Json object = declared;
  if (live) {
    for (const auto* field :
         {"uid", "creationTimestamp", "resourceVersion", "generation", "finalizers", "deletionTimestamp"}) {
      if (const Json* value = find(*live, {"metadata", field})) object["metadata"][field] = *value;
    }
    if (const auto status = live->find("status"); status != live->end()) object["status"] = *status;
  }
  return object;
}

void overlay(World& world, const Manifests& manifests, const std::string& default_namespace) {
  for (const auto& manifest : manifests.objects) {
    if (!is_ours(*manifest.object)) continue;
    Json object = *manifest.object;
    const auto& types = kube::mesh_types();
    const auto type = std::ranges::find(types, string_at(object, {"kind"}), &kube::ResourceType::kind);
    if (type != types.end() && type->namespaced && string_at(object, {"metadata", "namespace"}).empty()) {
      object["metadata"]["namespace"] = default_namespace;
    }
    const ObjectKey key = key_of(object);
    const auto live = world.live.find(key);
    world.declared[key] = merged(object, live == world.live.end() ? nullptr : &live->second);
  }
}

mesh::Catalog catalog_of(const World& world, bool with_declared, const std::vector<std::string>& backends) {
  mesh::Catalog catalog;
  for (const auto& [key, object] : world.live) {
    if (!with_declared || !world.declared.contains(key)) decode_declaration(object)(catalog);
  }
  if (with_declared) {
    for (const auto& [key, object] : world.declared) decode_declaration(object)(catalog);
  }
  for (const auto& [principal, version] : world.credentials) catalog.put_credential(principal, version);
  if (!with_declared) return catalog;
  const auto need = [&](const ObjectKey& principal) {
    if (catalog.credential_version(principal).empty()) catalog.put_credential(principal, std::string(kNewCredential));
  };
  for (const auto& key : catalog.keys("Subscription")) need(key);
  for (const auto& key : catalog.keys("Domain")) {
    const auto domain = catalog.domain(key.name);
    if (!domain) continue;
    for (const auto& member : domain->members) {
      for (const auto& backend : backends) need(mesh::member_principal(key.name, backend, member.username));
    }
  }
  return catalog;
}

// Words for what is declared and would not come to be.
void note_objections(const mesh::Catalog& catalog, const World& world, WallTime now, std::vector<std::string>& notes) {
  const auto note = [&](const ObjectKey& key, const mesh::Objection& objection) {
    if (objection) notes.push_back(to_string(key) + ": " + objection.reason + ": " + objection.message);
  };
  for (const auto& [key, object] : world.declared) {
    if (const auto invalid = catalog.invalid(key); !invalid.empty()) {
      notes.push_back(to_string(key) + ": Invalid: " + invalid);
    } else if (key.kind == "DataProduct") {
      const auto verdict = mesh::evaluate_product(catalog, key, now);
      note(key, verdict.objection);
      note(key, verdict.contract);
      for (const auto& port : verdict.ports) note(key, port.objection);
    } else if (key.kind == "Subscription") {
      const auto verdict = mesh::evaluate_subscription(catalog, key, now);
      note(key, verdict.objection);
      note(key, verdict.approved);
    } else if (key.kind == "Domain") {
      note(key, mesh::evaluate_domain(catalog, key, now).objection);
    } else if (key.kind == "Approval") {
      note(key, mesh::evaluate_approval(catalog, key, now).applied);
    }
  }
}

// Without an API server the Secret of a backend may be among the files.
Result<Connection> connection_of(const api::Backend& backend, kube::Store* store, const Manifests& manifests) {
  if (store) return resolve_connection(*store, nullptr, backend, {});
  if (!backend.external) {
    return Error{Code::Unavailable,
                 "backend " + backend.metadata.name + " is managed: only its control plane knows where it is"};
  }
  Connection connection{backend.metadata.name, backend.engine, backend.external->endpoint, {}};
  const auto& ref = backend.external->credentials_ref;
  for (const auto& manifest : manifests.objects) {
    const ObjectKey key = key_of(*manifest.object);
    if (key == ObjectKey{"Secret", ref.ns, ref.name}) {
      connection.credentials = secret_fields(*manifest.object);
      if (const Json* plain = find(*manifest.object, {"stringData"}); plain && plain->is_object()) {
        for (const auto& [field, value] : plain->items()) {
          if (value.is_string()) connection.credentials.insert_or_assign(field, Secret(value.get<std::string>()));
        }
      }
    }
  }
  return connection;
}

BackendPlan plan_backend(const std::string& name, const mesh::Catalog& catalog, kube::Store* store,
                         const Manifests& manifests, const EngineRegistry& kinds, WallTime now) {
  BackendPlan plan{.name = name, .engine = {}, .endpoint = {}, .error = {}, .steps = {}};
  const auto backend = catalog.backend(name);
  if (!backend) {
    plan.error = Error{Code::Invalid, catalog.invalid({"Backend", "", name})};
    return plan;
  }
  plan.engine = backend->engine;
  const auto kind = kinds.find(backend->engine);
  if (kind == kinds.end()) {
    plan.error = Error{Code::Invalid, "engine \"" + backend->engine + "\" is not built in"};
    return plan;
  }
  const auto connection = connection_of(*backend, store, manifests);
  if (!connection) {
    plan.error = connection.error();
    return plan;
  }
  plan.endpoint = connection->endpoint;
  const auto engine = kind->second.connect(*connection, [](const ObjectKey&) { return nullptr; });
  if (!engine) {
    plan.error = engine.error();
    return plan;
  }
  if (const auto reached = (*engine)->reach({}); !reached) {
    plan.error = reached.error();
    return plan;
  }
  Pass pass = (*engine)->converge(mesh::compile(catalog, name, now), Scope::everything(), Guard{.writes = false}, {});
  plan.error = pass.error;
  plan.steps = std::move(pass.steps);
  return plan;
}

bool is_planned(const Step& step) {
  return step.hold_reason == HoldReason::WritesOff;
}

void print_text(const Answer& answer, bool statements) {
  static const std::map<Verb, char> signs = {
      {Verb::Create, '+'}, {Verb::Update, '~'}, {Verb::Delete, '-'}, {Verb::Release, '='}, {Verb::Hold, '!'}};
  for (const auto& line : answer.refused) std::cout << "refused: " << line << '\n';
  for (const auto& line : answer.notes) std::cout << "note: " << line << '\n';
  std::map<Verb, std::size_t> counts;
  std::size_t held_back = 0;
  for (const auto& backend : answer.backends) {
    std::cout << "\nbackend " << backend.name << " (" << backend.engine
              << (backend.endpoint.empty() ? "" : ", " + backend.endpoint) << ")\n";
    if (backend.error) {
      std::cout << "  error: " << backend.error->message << '\n';
      continue;
    }
    if (backend.steps.empty()) std::cout << "  nothing would change\n";
    for (const auto& step : backend.steps) {
      const bool planned = is_planned(step);
      if (planned) {
        ++counts[step.intent];
      } else {
        ++held_back;
      }
      std::cout << "  " << (planned ? signs.at(step.intent) : '!') << ' ' << to_string(step.intent) << ' '
                << step.id.kind << ' ' << step.id.name << "  [" << to_string(step.owner) << "] "
                << (planned ? "" : std::string(to_string(step.hold_reason)) + ": ") << step.reason << '\n';
      if (!statements) continue;
      for (const auto& statement : step.statements) std::cout << "      " << statement << '\n';
    }
  }
  std::cout << "\nPlan: " << counts[Verb::Create] << " to create, " << counts[Verb::Update] << " to update, "
            << counts[Verb::Delete] << " to delete, " << counts[Verb::Release] << " to release, " << held_back
            << " held.\n";
}

void print_json(const Answer& answer, bool statements) {
  Json out = {{"refused", answer.refused}, {"notes", answer.notes}, {"backends", Json::array()}};
  for (const auto& backend : answer.backends) {
    Json entry = {
        {"name", backend.name}, {"engine", backend.engine}, {"endpoint", backend.endpoint}, {"changes", Json::array()}};
    if (backend.error) entry["error"] = backend.error->message;
    for (const auto& step : backend.steps) {
      Json change = {{"action", to_string(step.intent)}, {"kind", step.id.kind},  {"name", step.id.name},
                     {"owner", to_string(step.owner)},   {"reason", step.reason}, {"held", !is_planned(step)}};
      if (!is_planned(step)) change["holdReason"] = to_string(step.hold_reason);
      if (statements) change["statements"] = step.statements;
      entry["changes"].push_back(std::move(change));
    }
    out["backends"].push_back(std::move(entry));
  }
  std::cout << out.dump(2) << '\n';
}

void ask_admission(const World& world, WallTime now, std::vector<std::string>& refused) {
  const mesh::Catalog before = catalog_of(world, false, {});
  for (const auto& [key, object] : world.declared) {
    const auto live = world.live.find(key);
    for (const auto& problem : mesh::admit(before, live == world.live.end() ? nullptr : &live->second, &object, now)) {
      refused.push_back(to_string(key) + ": " + to_string(problem));
    }
  }
}

}  // namespace

int run_plan(const PlanOptions& options) {
  const Clock& clock = real_clock();
  const EngineRegistry kinds = engines(clock);
  const Manifests manifests = read_manifests(options.files);
  World world;
  Answer answer;
  answer.refused = manifests.problems;
  for (const auto& manifest : manifests.objects) {
    for (const auto& problem : check(*manifest.object))
      answer.refused.push_back(manifest.source + ": " + to_string(problem));
  }

  std::string ns = options.server.ns.empty() ? "default" : options.server.ns;
  std::unique_ptr<kube::RemoteStore> store;
  if (!options.offline) {
    auto connected = connect(options.server, &ns);
    const auto read = connected ? read_live(**connected, kinds, world) : Result<void>(connected.error());
    if (!read) {
      std::cerr << "error: " << read.error().message << " (--offline plans from the files alone)\n";
      return kFailed;
    }
    store = *std::move(connected);
  }
  overlay(world, manifests, ns);
  const WallTime now = clock.wall();
  ask_admission(world, now, answer.refused);

  std::vector<std::string> backends;
  for (const auto* objects : {&world.live, &world.declared}) {
    for (const auto& [key, object] : *objects) {
      if (key.kind == "Backend") backends.push_back(key.name);
    }
  }
  std::ranges::sort(backends);
  backends.erase(std::unique(backends.begin(), backends.end()), backends.end());
  const mesh::Catalog catalog = catalog_of(world, true, backends);
  note_objections(catalog, world, now, answer.notes);
  for (const auto& name : backends) {
    answer.backends.push_back(plan_backend(name, catalog, store.get(), manifests, kinds, now));
  }

  if (options.output == "json") {
    print_json(answer, options.statements);
  } else {
    print_text(answer, options.statements);
  }
  const bool failed = !answer.refused.empty() || std::ranges::any_of(answer.backends, [](const BackendPlan& plan) {
    return plan.error.has_value();
  });
  const bool changes = std::ranges::any_of(
      answer.backends, [](const BackendPlan& plan) { return std::ranges::any_of(plan.steps, is_planned); });
  return failed ? kFailed : changes ? kChanges : kDone;
}

}  // namespace datamesh::app

#include "reconcilers/mesh_controller.hpp"

#include <atomic>

#include "controller/core/json.hpp"
#include "controller/core/memory.hpp"
#include "reconcilers/backend/loop.hpp"
#include "reconcilers/declarations.hpp"
#include "reconcilers/domain/surroundings.hpp"
#include "reconcilers/intake.hpp"
#include "reconcilers/subscription/credentials.hpp"

namespace datamesh {
namespace {

// The one key of the object queue that is no object.
const ObjectKey kCensus{"", "", "census"};
constexpr auto kCensusInterval = std::chrono::seconds(10);

}  // namespace

struct MeshController::Parts {
  Parts(kube::Store& store_in, const EngineRegistry& engines, ManagedServers& managed, const Clock& clock_in,
        Instruments& instruments_in, const MeshControllerOptions& options)
      : context{store_in,
                clock_in,
                instruments_in,
                engines,
                managed,
                state,
                [this](const ObjectKey& key, Duration delay) { objects.add(key, delay); },
                [this](const std::string& name) { backends.add(name); }},
        loop(context, [this](const ProofKey& key) { proofs.add(key); }),
        objects(
            {.name = "objects",
             .threads = options.object_workers,
             .group = [](const ObjectKey& key) { return key.ns; }},
            [this](const ObjectKey& key, std::stop_token) {
              return key == kCensus ? take_census() : reconcile_object(context, patience, key);
            },
            clock_in, instruments_in),
        backends(
            {.name = "backends",
             .threads = options.backend_workers,
             .backoff = {std::chrono::milliseconds(200), std::chrono::seconds(15)}},
            [this](const std::string& name, std::stop_token stop) { return loop.visit(name, stop); }, clock_in,
            instruments_in),
        proofs(
            {.name = "proofs",
             .threads = options.proof_workers,
             .group = [](const ProofKey& key) { return key.subscription.ns; }},
            [this](const ProofKey& key, std::stop_token stop) { return loop.prove(key, stop); }, clock_in,
            instruments_in) {
    if (!options.home_namespace.empty()) state.quota_probe = QuotaProbe{options.home_namespace};
  }

  // Counts what metrics show of all objects together.
  Result<Next> take_census() {
    std::map<std::string, std::size_t> phases;
    {
      const std::shared_lock lock(state.mutex);
      for (const auto& key : state.catalog.keys("Subscription")) {
        const auto subscription = state.catalog.subscription(key.ns, key.name);
        if (subscription && subscription->status.phase)
          ++phases[std::string(api::to_string(*subscription->status.phase))];
      }
    }
    context.instruments.subscriptions(phases);
    if (const auto probed = probe_quotas(context); !probed)
      log_warn("quota probe", {{"error", probed.error().message}});
    return Next::in(kCensusInterval);
  }

  // One kind, for ever.
  void watch(const Watched& what, std::stop_token stop) {
    bool first = true, relisting = false;
    std::set<ObjectKey> relisted;
    const auto sink = [&](const kube::Event& event) {
      switch (event.type) {
        case kube::Event::Type::Put:
          if (relisting) relisted.insert(key_of(*event.object));
          spread(take_object(context, *event.object));
          break;
        case kube::Event::Type::Removed:
          spread(take_removal(context, key_of(*event.object), event.object));
          break;
        case kube::Event::Type::Relist:
          relisting = true;
          relisted.clear();
          break;
        case kube::Event::Type::Synced:
          if (std::exchange(relisting, false)) forget_others(what.type.kind, std::exchange(relisted, {}));
          if (std::exchange(first, false) && ++synced_watches == watched().size()) begin();
          break;
      }
    };
    context.store.watch(what.type, what.label_selector, sink, stop);
  }

  // After a gap: what is not there any more went unheard.
  void forget_others(const std::string& kind, const std::set<ObjectKey>& there) {
    for (const auto& [key, object] : known(kind)) {
      if (!there.contains(key)) spread(take_removal(context, key, &object));
    }
  }

  // What the state holds of a kind, with as much of each object as its removal needs.
  std::vector<std::pair<ObjectKey, Json>> known(const std::string& kind) const {
    std::vector<std::pair<ObjectKey, Json>> all;
    const std::shared_lock lock(state.mutex);
    if (is_surrounding(kind)) {
      for (const auto& [key, seen] : state.surroundings) {
        if (key.kind == kind) all.emplace_back(key, Json());
      }
      return all;
    }
    if (kind != "Secret") {
      for (auto& key : state.catalog.keys(kind)) all.emplace_back(std::move(key), Json());
      return all;
    }
    for (const auto& [principal, at] : state.secrets) {
      Json metadata = {{"namespace", at.ns}, {"name", at.name}};
      metadata["annotations"][kPrincipalAnnotation] = to_string(principal);
      all.emplace_back(ObjectKey{kind, at.ns, at.name}, Json{{"metadata", std::move(metadata)}});
    }
    return all;
  }

  // Until every cache is filled, changes are only put down; then everything is due once.
  void spread(const mesh::Dirty& dirty) {
    if (begun.load()) return context.dirty(dirty);
  }

  void begin() {
    std::vector<ObjectKey> keys;
    std::vector<std::string> names;
    {
      const std::unique_lock lock(state.mutex);
      begun = true;
      for (const auto& type : kube::mesh_types()) {
        for (auto& key : state.catalog.keys(type.kind)) keys.push_back(std::move(key));
      }
      for (auto& [name, ledger] : state.backends) {
        ledger.whole_due = true;
        names.push_back(name);
      }
    }
    log_info("caches filled", {{"objects", std::to_string(keys.size())}});
    give_back_memory();
    objects.start();
    backends.start();
    proofs.start();
    for (const auto& name : names) backends.add(name);
    for (const auto& key : keys) objects.add(key);
    objects.add(kCensus);
  }

  State state;
  Context context;
  Patience patience;
  BackendLoop loop;
  Workers<ObjectKey> objects;
  Workers<std::string> backends;
  Workers<ProofKey> proofs;
  std::atomic<bool> begun = false;
  std::atomic<std::size_t> synced_watches = 0;
  std::vector<std::jthread> watchers;
};

MeshController::MeshController(kube::Store& store, const EngineRegistry& engines, ManagedServers& managed,
                               const Clock& clock, Instruments& instruments, MeshControllerOptions options)
    : parts_(std::make_unique<Parts>(store, engines, managed, clock, instruments, options)) {}

MeshController::~MeshController() {
  stop();
}

void MeshController::start() {
  for (const auto& what : watched()) {
    parts_->watchers.emplace_back([this, &what](std::stop_token stop) { parts_->watch(what, stop); });
  }
}

void MeshController::stop() {
  for (auto& watcher : parts_->watchers) watcher.request_stop();
  parts_->watchers.clear();
  parts_->objects.stop();
  parts_->backends.stop();
  parts_->proofs.stop();
}

bool MeshController::synced() const {
  return parts_->begun;
}

bool MeshController::idle() const {
  return parts_->begun && parts_->objects.idle() && parts_->backends.idle() && parts_->proofs.idle();
}

std::vector<api::Problem> MeshController::admit(const Json* before, const Json* after, std::string_view user) const {
  const std::shared_lock lock(parts_->state.mutex);
  return mesh::admit(parts_->state.catalog, before, after, parts_->context.clock.wall(), user);
}

}  // namespace datamesh

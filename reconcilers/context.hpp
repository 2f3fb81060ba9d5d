#pragma once
// What all loops share: the declarations and what is known of the backends, behind one lock; and the doors to the
// world.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "controller/core/clock.hpp"
#include "controller/kube/store.hpp"
#include "controller/runtime/instruments.hpp"
#include "mesh/catalog.hpp"
#include "reconcilers/backend/engine.hpp"
#include "reconcilers/backend/ledger.hpp"

namespace datamesh {

struct SecretName {
  std::string ns, name;
  auto operator<=>(const SecretName&) const = default;
};

// What counts of a labelled object around a Domain; see domain/surroundings.hpp.
struct Surrounding {
  std::string domain;        // the label
  bool terminating = false;  // a Namespace that is on its way out
  std::string content;       // what it says, in one text
  bool operator==(const Surrounding&) const = default;
};

// Whether the cluster counts our kinds; see domain/surroundings.hpp.
struct QuotaProbe {
  std::string ns;        // where it is
  bool counted = false;  // once and for all
};

struct State {
  mutable std::shared_mutex mutex;
  mesh::Catalog catalog;
  std::map<std::string, BackendLedger> backends;  // by name; an entry for each Backend that exists
  std::map<ObjectKey, SecretName> secrets;        // where a principal's credential is; see subscription/credentials.hpp
  std::map<ObjectKey, Surrounding> surroundings;  // as the watches saw them last
  std::optional<QuotaProbe> quota_probe;          // none: ResourceQuotas are written without one
};

struct Context {
  kube::Store& store;
  const Clock& clock;
  Instruments& instruments;
  const EngineRegistry& engines;
  ManagedServers& managed;
  State& state;
  // Wake-ups, thread-safe. Owners are looked at on that backend as changed.
  std::function<void(const ObjectKey&, Duration)> wake_object;
  std::function<void(const std::string& backend)> wake_backend;

  void dirty(const mesh::Dirty& dirty) const;
};

// Patches the status of an object to `after` where it differs from `before`; not an error if the object is gone. True:
// something was written.
Result<bool> write_status(const Context& context, const ObjectKey& key, const nlohmann::json& before,
                          const nlohmann::json& after);
// Adds or removes our finalizer, against the live object. Not an error if it is gone.
Result<void> add_finalizer(const Context& context, const ObjectKey& key);
Result<void> remove_finalizer(const Context& context, const ObjectKey& key);

// The merge patch (RFC 7386) that turns `before` into `after`; null: equal.
nlohmann::json merge_patch_between(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace datamesh

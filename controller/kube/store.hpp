#pragma once
// Where declarations live, as a Kubernetes API: the embedded server in this process, or a cluster's (remote). Both pass
// tests/contract/store_contract. Safe to call from many threads; calls block.

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/result.hpp"

namespace datamesh::kube {

struct ResourceType {
  std::string group;  // "" is the core group
  std::string version, plural, kind;
  bool namespaced = true;
  auto operator<=>(const ResourceType&) const = default;
};

enum class PatchType { Merge, Json, Apply, Strategic };

struct Patch {
  PatchType type = PatchType::Merge;
  std::string body;         // JSON
  std::string subresource;  // "" or "status"
  std::string field_manager = "datamesh";
  bool force = false;  // Apply only
};

struct Event {
  enum class Type {
    Put,      // added or changed; also each object of the first listing
    Removed,  // `object` is its last state
    Synced,   // everything that existed has been delivered; sent once after every (re)listing
    Relist,   // a gap: what is not delivered again before the next Synced is gone
  } type;
  const nlohmann::json* object;  // valid during the call; nullptr for Synced and Relist
};

// Error codes: NotFound (no such object, or no such kind), Conflict (resourceVersion, or it exists), Invalid (refused
// by schema or admission; the message is the server's), Denied (403), Unavailable.
class Store {
 public:
  virtual ~Store() = default;

  virtual Result<nlohmann::json> get(const ResourceType& type, const std::string& ns, const std::string& name) = 0;
  virtual Result<std::vector<nlohmann::json>> list(const ResourceType& type, const std::string& ns = "") = 0;
  virtual Result<nlohmann::json> create(const ResourceType& type, const nlohmann::json& object) = 0;
  // Compare-and-set when metadata.resourceVersion is given.
  virtual Result<nlohmann::json> update(const ResourceType& type, const nlohmann::json& object) = 0;
  virtual Result<nlohmann::json> patch(const ResourceType& type, const std::string& ns, const std::string& name,
                                       const Patch& patch) = 0;
  // `uid` non-empty: only that very object. Not an error if it is gone already.
  virtual Result<void> remove(const ResourceType& type, const std::string& ns, const std::string& name,
                              const std::string& uid = "") = 0;
  // Delivers everything there is, then every change in order, until stopped; reconnects by itself. `label_selector`
  // empty: everything. Blocks; `sink` is called from this thread alone.
  virtual void watch(const ResourceType& type, const std::string& label_selector,
                     const std::function<void(const Event&)>& sink, std::stop_token stop) = 0;
};

// The kinds this product uses.
const std::vector<ResourceType>& mesh_types();            // the seven, in API.md's order
const ResourceType& type_of_kind(std::string_view kind);  // of any kind below; aborts on an unknown one
const ResourceType& namespaces();
const ResourceType& secrets();
const ResourceType& role_bindings();
const ResourceType& roles();
const ResourceType& events();  // events.k8s.io/v1
const ResourceType& leases();

}  // namespace datamesh::kube

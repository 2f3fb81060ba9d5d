#pragma once
// Backend: a server (or a pool of managed servers) that ports are served from.

#include <chrono>

#include "api/types.hpp"

namespace datamesh::api {

enum class Platform { Auto, Process, Kubernetes, Swarm };
enum class ManagedScope { Mesh, Domain };

struct ExternalBackend {
  std::string endpoint;           // URL without credentials
  NamespacedRef credentials_ref;  // a Secret
  bool operator==(const ExternalBackend&) const = default;
};

struct ManagedBackend {
  Platform platform = Platform::Auto;
  ManagedScope scope = ManagedScope::Mesh;
  std::string version;
  std::string storage;
  bool operator==(const ManagedBackend&) const = default;
};

struct BackendResources {
  std::int64_t managed = 0, drifted = 0, held = 0, foreign = 0, retained = 0;
  bool operator==(const BackendResources&) const = default;
};

struct BackendStatus {
  std::int64_t observed_generation = -1;
  std::vector<Condition> conditions;  // Reachable, InSync, Ready
  std::string version;
  BackendResources resources;
  std::string last_handled_request;
  bool operator==(const BackendStatus&) const = default;
};

struct Backend {
  Metadata metadata;
  std::string engine;  // postgresql | nats | memory (those built so far); others decode and are reported as unknown
  std::optional<ExternalBackend> external;  // exactly one of the two
  std::optional<ManagedBackend> managed;
  std::vector<std::string> domains;  // who may use it; empty: everybody
  std::chrono::milliseconds sync_interval{60'000};
  std::int64_t deletes_per_pass = 50;
  BackendStatus status;
  bool operator==(const Backend&) const = default;
};

Result<Backend> decode_backend(const nlohmann::json& object);
std::vector<Problem> validate(const Backend& backend);
nlohmann::json encode_spec(const Backend& backend);
nlohmann::json encode_status(const BackendStatus& status);

}  // namespace datamesh::api

#pragma once
// What one backend should serve, in words no engine owns. compile() makes it; a driver only translates it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/log.hpp"

namespace datamesh::mesh {

enum class PortType { Tables, Documents, KeyValue, Topic, Files, Api };
std::string_view to_string(PortType type);  // "tables", ...

// One column of a contract (ODCS property). `physical_type` is the engine's own type when the contract gives one.
struct Column {
  std::string name;
  std::string logical_type;   // ODCS: string date timestamp time number integer object array boolean
  std::string physical_type;  // e.g. "uuid", "varchar(20)"; empty: from the logical type
  bool required = false;
  bool unique = false;
  int primary_key_position = 0;  // 1.. ; 0: not part of the primary key
  std::string description;
  bool operator==(const Column&) const = default;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::string description;
  bool operator==(const Table&) const = default;
};

// Who may read what: table -> columns, sorted. A column that is not named is denied.
using Readable = std::map<std::string, std::set<std::string>>;

// A contract role of a port. Grants hang on roles, subscriptions hang on roles.
struct PortRole {
  std::string name;
  Readable readable;
  bool operator==(const PortRole&) const = default;
};

// The identity of a port for ever: its major version is part of it, minor and patch are not.
struct PortKey {
  std::string domain, product, port;
  int major = 1;
  auto operator<=>(const PortKey&) const = default;
};
// "urn:datamesh:port:sales:orders:order-placed:v1", product included.
std::string urn(const PortKey& key);

struct Port {
  PortKey key;
  ObjectKey owner;  // the DataProduct
  PortType type = PortType::Tables;
  std::string version;
  std::vector<Table> tables;                           // of the contract; for topics the schema of the event, if any
  std::vector<PortRole> roles;                         // sorted by name; at least one
  std::optional<std::chrono::milliseconds> retention;  // topics: parameters.retention
  std::optional<std::int64_t> max_bytes;               // topics: parameters.maxBytes
  int replicas = 1;
  bool keep = true;    // deletionPolicy: Retain
  bool adopt = false;  // datamesh.dev/adopt
  bool operator==(const Port&) const = default;
};

// One subscription that is to have access now. What is not named here has none.
struct Access {
  ObjectKey subscription;
  PortKey port;
  std::string consumer_domain;
  std::set<std::string> roles;     // contract roles of the port
  Readable readable;               // union over the roles: what must work; everything else must not
  std::optional<WallTime> until;   // for engines whose credentials can expire by themselves
  std::string credential_version;  // of the Secret to be honoured; empty: none yet, so nothing can be granted
  bool operator==(const Access&) const = default;
};

// A person of a domain's team. Producers write to what their domain owns.
struct Member {
  std::string username;
  bool producer = false;  // owner or developer
  std::string credential_version;
  bool operator==(const Member&) const = default;
};

// A domain that uses the backend: as provider, as consumer, or because members need their roles.
struct DomainUse {
  ObjectKey owner;  // the Domain
  std::string name;
  std::vector<Member> members;  // sorted by username
  bool operator==(const DomainUse&) const = default;
};

// For one backend; restricted to a Scope when compile() was given one. When a domain is within the scope, all accesses
// of that domain's subscriptions on this backend are, so that an engine can rebuild a whole account from it.
struct Workload {
  std::string backend;
  std::vector<DomainUse> domains;  // sorted by name
  std::vector<Port> ports;         // sorted by key
  std::vector<Access> accesses;    // sorted by subscription
  std::set<ObjectKey> held;        // declarations that could not be understood: what they own stays as it is
};

// A member's principal on one backend; a subscription's is its ObjectKey.
ObjectKey member_principal(std::string_view domain, std::string_view backend, std::string_view username);

// Credentials, by principal. Held by the Secret in the cluster; plans and workloads know only the version. Fields are
// those of servicebinding.io. The version is empty when the fields are not one of ours, or damaged.
struct Credential {
  std::string version;
  std::map<std::string, Secret> fields;
};
using CredentialSource = std::function<std::shared_ptr<const Credential>(const ObjectKey& principal)>;

}  // namespace datamesh::mesh

#pragma once
// What the memory server can hold, as plain values, and how a workload becomes them.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "controller/plan/plan.hpp"
#include "mesh/workload.hpp"

namespace datamesh::memory {

// A domain's account and who may act in it.
struct Account {
  std::map<std::string, std::string> members;  // username -> credential version
  bool operator==(const Account&) const = default;
};

// A port: its tables, and what each contract role may read of them. Holds data.
struct Port {
  std::string account;
  std::map<std::string, std::set<std::string>> tables;  // table -> columns
  std::map<std::string, mesh::Readable> roles;
  bool operator==(const Port&) const = default;
};

// A subscription's identity and the roles it has at a port.
struct Access {
  std::string port;
  std::set<std::string> roles;
  std::string credential_version;
  bool operator==(const Access&) const = default;
};

using Spec = std::variant<Account, Port, Access>;

inline int rank(const Spec& spec) {
  return static_cast<int>(spec.index());
}
inline bool holds_data(const Spec& spec) {
  return std::holds_alternative<Port>(spec);
}

std::string port_name(const mesh::PortKey& key);         // "sales/orders/orders/v1"
std::string access_name(const ObjectKey& subscription);  // "marketing/churn"

Desired<Spec> desired(const mesh::Workload& workload);
// One line a change: "create port sales/orders/orders/v1". Pure.
std::vector<std::string> lower(const Change<Spec>& change);

}  // namespace datamesh::memory

#pragma once
// Workloads for tests: a domain `sales` with the product `orders`, and who reads it.

#include <map>
#include <memory>
#include <string>

#include "controller/core/ids.hpp"
#include "drivers/postgres/credentials.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres::test {

// The Secrets of a cluster: a password for each principal.
class Credentials {
 public:
  // Makes or replaces one; its version.
  std::string set(const ObjectKey& principal, const std::string& username, const Endpoint& endpoint) {
    auto credential = std::make_shared<mesh::Credential>();
    const Secret password(random_token(24));
    credential->version = version_of_password(password);
    credential->fields = binding(endpoint, username, password, "");
    known_[principal] = credential;
    return credential->version;
  }
  std::shared_ptr<const mesh::Credential> get(const ObjectKey& principal) const {
    const auto found = known_.find(principal);
    return found == known_.end() ? nullptr : found->second;
  }
  void forget(const ObjectKey& principal) { known_.erase(principal); }

 private:
  std::map<ObjectKey, std::shared_ptr<const mesh::Credential>> known_;
};

inline mesh::Table orders_table() {
  return {"orders",
          {{"order_id", "string", "uuid", true, false, 1, ""},
           {"email", "string", "varchar(120)", false, true, 0, ""},
           {"amount", "number", "numeric(12,2)", true, false, 0, ""},
           {"placed_at", "timestamp", "", true, false, 0, ""}},
          ""};
}

inline mesh::Port orders_port(const std::string& domain = "sales", const std::string& product = "orders") {
  mesh::Port port;
  port.key = {domain, product, product, 1};
  port.owner = {"DataProduct", domain, product};
  port.version = "1.0.0";
  port.tables = {orders_table()};
  port.roles = {{"pii_reader", {{"orders", {"order_id", "email", "amount", "placed_at"}}}},
                {"reader", {{"orders", {"order_id", "amount", "placed_at"}}}}};
  port.keep = true;
  return port;
}

inline mesh::DomainUse domain_use(const std::string& name) {
  return {{"Domain", "", name}, name, {}};
}

inline mesh::Access access_to(const mesh::Port& port, const std::string& name, const std::string& version,
                              const std::string& role = "reader") {
  mesh::Access access;
  access.subscription = {"Subscription", "marketing", name};
  access.port = port.key;
  access.consumer_domain = "marketing";
  access.roles = {role};
  for (const auto& it : port.roles) {
    if (it.name == role) access.readable = it.readable;
  }
  access.credential_version = version;
  return access;
}

}  // namespace datamesh::postgres::test

#pragma once
// The keys this driver works with, and the credentials it hands out.

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "controller/core/clock.hpp"
#include "controller/core/nkeys.hpp"
#include "drivers/nats/claims.hpp"
#include "mesh/workload.hpp"

namespace datamesh::nats {

// The operator's signing key, and the domains' keys computed from it. Thread-safe; references stay valid.
class Keyring {
 public:
  explicit Keyring(nkeys::Key operator_key) : operator_(std::move(operator_key)) {}

  const nkeys::Key& operator_key() const { return operator_; }
  const DomainKeys& of(const std::string& domain) const;
  // The domain whose account that is, among those asked for so far.
  std::optional<std::string> domain_of(const std::string& account) const;

 private:
  nkeys::Key operator_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, DomainKeys> keys_;
  mutable std::map<std::string, std::string> domains_;  // by account
};

// scheme://host:port, taken apart.
struct Endpoint {
  std::string url, scheme, host, port;
};
Result<Endpoint> parse_endpoint(std::string_view url);

// A user of `domain`, signed by a key that exists only for it: the version names that key.
// For a subscription `port` says what it reads; for a member (mesh::member_principal) it is null.
// `until` makes the server end the credential by itself. Without it, it ends when a pass takes it back.
Result<mesh::Credential> mint_credential(const Keyring& keys, const Endpoint& endpoint, const ObjectKey& principal,
                                         const mesh::Port* port, const std::string& domain, WallTime now,
                                         std::optional<WallTime> until);

// The version that the fields of a binding stand for; empty if they are not ours or damaged.
std::string credential_version(const std::map<std::string, Secret>& fields);

}  // namespace datamesh::nats

#pragma once
// Account and user JWTs: how specs are written into claims, and read back. Pure.
//
// Every credential has a signing key of its own, used once and forgotten. The account's claims list the public halves
// with what their users may do (scoped signing keys). So the account is a complete list of who is let in: nothing that
// is not in it opens anything, and taking a key out refuses and disconnects its user in one step.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/clock.hpp"
#include "controller/core/nkeys.hpp"
#include "controller/core/result.hpp"
#include "drivers/nats/spec.hpp"

namespace datamesh::nats {

// An account's claims, taken apart.
struct Account {
  std::string id;      // A...
  std::string domain;  // the claim `name`
  std::optional<Mark> mark;
  AccountSpec base;
  std::map<ObjectKey, AccessSpec> accesses;   // by subscription
  std::map<std::string, MemberSpec> members;  // by username
  bool operator==(const Account&) const = default;
};

// The keys of the domains' accounts, computed from the operator's signing key.
struct DomainKeys {
  nkeys::Key account, signing;  // signing: for the control plane's own short-lived users
};
DomainKeys domain_keys(const nkeys::Key& operator_key, std::string_view domain);

// The account every domain should have, before accesses and members.
Account bare_account(const nkeys::Key& operator_key, const DomainKeys& keys, std::string_view domain, const Mark& mark);

// The account's JWT. `base.frame` is taken as it is, strays are left out.
std::string write_account(const nkeys::Key& operator_key, const Account& account, WallTime now);
// Invalid: not an account's JWT, or its issuer did not sign it.
Result<Account> read_account(std::string_view jwt);

// What a subscription's user may do, and what its account imports for it.
AccessSpec access_spec(std::string_view key, std::string_view provider_account, std::string_view provider,
                       std::string_view consumer, std::string_view stream, const ObjectKey& subscription);
// `principal`: see mesh::member_principal.
Permissions member_permissions(std::string_view domain, const ObjectKey& principal, bool producer);

// A user's JWT. Scoped: the permissions come from the account's entry for the key that signs.
std::string user_jwt(const nkeys::Key& signer, bool scoped, std::string_view user, std::string_view name,
                     std::string_view account, WallTime now, std::optional<WallTime> until);

// Deletes accounts, for $SYS.REQ.CLAIMS.DELETE.
std::string delete_jwt(const nkeys::Key& operator_key, std::string_view account, WallTime now);

}  // namespace datamesh::nats

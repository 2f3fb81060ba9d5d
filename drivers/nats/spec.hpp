#pragma once
// What this driver compares. Each spec is in canonical form, so that `==` is "up to date".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/core/ids.hpp"
#include "controller/plan/plan.hpp"

namespace datamesh::nats {

// A domain's account, without its accesses and members, which are resources of their own within the same JWT: so each
// has its owner, and each can be held alone.
struct AccountSpec {
  std::string issuer;               // who signed it; only one key may
  std::string frame;                // JSON of all other claims: limits, exports, the control plane's signing key, ...
  std::vector<std::string> strays;  // imports and signing keys that belong to no access and no member: always drift
  bool operator==(const AccountSpec&) const = default;
};

// A topic port.
struct StreamSpec {
  std::string urn;
  std::vector<std::string> subjects;
  std::int64_t max_age_ns = 0, max_bytes = -1, max_messages = -1, max_message_size = -1, max_per_subject = -1;
  int replicas = 1;
  std::string retention = "limits", storage = "file", discard = "old";
  bool operator==(const StreamSpec&) const = default;
};

// A subscription's position in a stream: a durable pull consumer in the provider's account.
struct ConsumerSpec {
  std::string deliver_policy = "all", ack_policy = "explicit", filter_subject, deliver_subject;
  std::int64_t max_ack_pending = 1000, max_deliver = -1;
  bool operator==(const ConsumerSpec&) const = default;
};

// What a user may do. Enforced by the server from the account's claims, not from the user's.
struct Permissions {
  std::vector<std::string> publish, subscribe;  // sorted; what is not named is denied
  bool operator==(const Permissions&) const = default;
};

// A service import: requests to `local_subject` are answered by `subject` of `account`.
struct Import {
  std::string account, subject, local_subject;
  auto operator<=>(const Import&) const = default;
};

// A subscription's access: what its account imports for it, and the credential that is honoured.
struct AccessSpec {
  std::string key;  // version of the credential: the public half of the key that signed it and nothing else
  std::vector<Import> imports;
  Permissions permissions;
  bool operator==(const AccessSpec&) const = default;
};

struct MemberSpec {
  std::string key;
  Permissions permissions;
  bool operator==(const MemberSpec&) const = default;
};

using Spec = std::variant<AccountSpec, StreamSpec, ConsumerSpec, AccessSpec, MemberSpec>;

// Whose a thing is. Written in the description of an account, a stream and a consumer, as JSON.
struct Mark {
  ObjectKey owner;
  bool keep = false, retained = false;
  std::string urn;
  bool operator==(const Mark&) const = default;
};
std::string to_text(const Mark& mark);
std::optional<Mark> read_mark(std::string_view description);

int rank(const Spec& spec);
bool holds_data(const Spec& spec);

}  // namespace datamesh::nats

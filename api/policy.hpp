#pragma once
// Policy: rules across all domains. Acted on so far: `access`, `obligations` (every mask as Hide, the strictest),
// `match`, `exceptions`, `enforcement`. The rest decodes, is kept, and is named in the condition NotActedOn.

#include <chrono>

#include "api/data_contract.hpp"
#include "api/types.hpp"

namespace datamesh::api {

enum class Enforcement { Audit, Warn, Enforce };
enum class ApprovalRule { Auto, Required, Deny };
enum class Mask { Hide, Null, Hash, Redact };

struct PolicyMatch {
  std::vector<std::string> kinds, domains, tags;  // empty: all. domains: of the provider
  bool operator==(const PolicyMatch&) const = default;
};

// One entry of spec.require: what stands at `path` must be one of `in`.
struct Requirement {
  std::string path;
  std::vector<std::string> in;  // as JSON texts; empty: anything but absent
  std::string message;
  bool operator==(const Requirement&) const = default;
};

struct AccessRule {
  std::optional<ApprovalRule> approval;
  int levels = 1;
  std::optional<std::chrono::milliseconds> max_duration;
  bool operator==(const AccessRule&) const = default;
};

struct Obligation {
  std::vector<Classification> classifications;  // match.classification; empty: all
  std::vector<std::string> tags;                // match.tags; empty: all
  std::vector<std::string> unless_roles;
  Mask mask = Mask::Hide;
  bool operator==(const Obligation&) const = default;
};

struct PolicyException {
  NamespacedRef ref;  // a DataProduct or DataContract
  std::optional<WallTime> until;
  std::string reason;
  bool operator==(const PolicyException&) const = default;
};

struct PolicyStatus {
  std::int64_t observed_generation = -1;
  std::vector<Condition> conditions;  // Ready, NotActedOn
  bool operator==(const PolicyStatus&) const = default;
};

struct Policy {
  Metadata metadata;
  std::string purpose;
  Enforcement enforcement = Enforcement::Enforce;
  std::optional<WallTime> enforce_after;
  PolicyMatch match;
  std::vector<Requirement> require;  // not acted on yet
  std::optional<AccessRule> access;
  std::vector<Obligation> obligations;
  std::vector<PolicyException> exceptions;
  PolicyStatus status;
  bool operator==(const Policy&) const = default;
};

// The spec paths this version decodes but does not act on: {"spec.require", "spec.obligations[0].mask"}.
std::vector<std::string> not_acted_on(const Policy& policy);

Result<Policy> decode_policy(const nlohmann::json& object);
std::vector<Problem> validate(const Policy& policy);
nlohmann::json encode_spec(const Policy& policy);
nlohmann::json encode_status(const PolicyStatus& status);

}  // namespace datamesh::api

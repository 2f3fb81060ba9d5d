#pragma once
// Subscription: "we want to read that port, in these roles, for this purpose, until then". Approval: yes or no to
// exactly what a subscription asks.

#include "api/types.hpp"

namespace datamesh::api {

enum class Phase { Pending, Approved, Active, Rejected, Expired, Revoked };
std::string_view to_string(Phase phase);

struct PortRef {
  std::string name;
  std::string version;  // pins the major
  bool operator==(const PortRef&) const = default;
};

struct ApprovalRecord {
  int level = 1;
  std::string approver, decision;  // decision: Approved | Rejected
  std::optional<WallTime> time;
  bool operator==(const ApprovalRecord&) const = default;
};

struct SubscriptionStatus {
  std::int64_t observed_generation = -1;
  std::optional<Phase> phase;
  std::vector<Condition> conditions;  // Approved, Granted, Ready
  std::vector<ApprovalRecord> approvals;
  std::map<std::string, std::vector<std::string>> readable;
  std::string binding;  // name of the Secret
  std::string last_handled_request;
  bool operator==(const SubscriptionStatus&) const = default;
};

struct Subscription {
  Metadata metadata;
  std::string purpose;           // description.purpose
  NamespacedRef product;         // provider.dataProductRef
  PortRef output_port;           // provider.outputPort
  std::string consumer_product;  // consumer.dataProductRef.name, optional
  std::vector<std::string> roles;
  std::optional<WallTime> start, end;  // startTimestamp, endTimestamp
  SubscriptionStatus status;
  bool operator==(const Subscription&) const = default;
};

Result<Subscription> decode_subscription(const nlohmann::json& object);
std::vector<Problem> validate(const Subscription& subscription);
nlohmann::json encode_spec(const Subscription& subscription);
nlohmann::json encode_status(const SubscriptionStatus& status);

struct ApprovalStatus {
  std::int64_t observed_generation = -1;
  std::vector<Condition> conditions;  // Applied (it matches a subscription and counts), Ready
  bool operator==(const ApprovalStatus&) const = default;
};

struct Approval {
  Metadata metadata;
  NamespacedRef subscription_ref;
  PortRef output_port;
  std::vector<std::string> roles;
  bool approved = false;  // decision: Approved | Rejected
  int level = 1;
  std::string approver;
  std::optional<WallTime> until;
  ApprovalStatus status;
  bool operator==(const Approval&) const = default;
};

Result<Approval> decode_approval(const nlohmann::json& object);
std::vector<Problem> validate(const Approval& approval);
nlohmann::json encode_spec(const Approval& approval);
nlohmann::json encode_status(const ApprovalStatus& status);

}  // namespace datamesh::api

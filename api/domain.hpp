#pragma once
// Domain: a business domain, its team, its namespaces, the backends it may use.

#include "api/types.hpp"

namespace datamesh::api {

enum class TeamRole { Owner, Developer, Steward, Viewer };
std::string_view to_string(TeamRole role);  // "owner", ...

struct TeamMember {
  std::string username;
  TeamRole role = TeamRole::Viewer;
  bool operator==(const TeamMember&) const = default;
};

struct DomainStatus {
  std::int64_t observed_generation = -1;
  std::vector<Condition> conditions;  // NamespacesReady, Provisioned, Ready
  std::int64_t data_products = 0, subscriptions = 0;
  std::string last_handled_request;
  bool operator==(const DomainStatus&) const = default;
};

struct Domain {
  Metadata metadata;
  std::string name;     // display name
  std::string purpose;  // description.purpose
  std::string parent;
  std::string team_name;
  std::vector<TeamMember> members;
  std::vector<std::string> namespaces;  // default: [metadata.name]
  std::vector<std::string> backends;    // empty: those open to it
  std::optional<std::int64_t> quota_data_products, quota_subscriptions;
  DomainStatus status;
  bool operator==(const Domain&) const = default;
};

Result<Domain> decode_domain(const nlohmann::json& object);
std::vector<Problem> validate(const Domain& domain);
nlohmann::json encode_spec(const Domain& domain);
nlohmann::json encode_status(const DomainStatus& status);

}  // namespace datamesh::api

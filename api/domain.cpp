#include "api/domain.hpp"

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

constexpr Words<TeamRole, 4> kTeamRoles{{{"owner", TeamRole::Owner},
                                         {"developer", TeamRole::Developer},
                                         {"steward", TeamRole::Steward},
                                         {"viewer", TeamRole::Viewer}}};

DomainStatus read_status(const Node& root) {
  const Node node = root.object("status");
  DomainStatus status;
  status.observed_generation = node.number("observedGeneration", -1);
  status.conditions = read_conditions(node);
  status.data_products = node.number("dataProducts", 0);
  status.subscriptions = node.number("subscriptions", 0);
  status.last_handled_request = node.text("lastHandledRequest");
  return status;
}

}  // namespace

std::string_view to_string(TeamRole role) {
  return word_of(kTeamRoles, role);
}

Domain read_domain(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  Domain domain;
  domain.metadata = read_metadata(root, false);
  const Node spec = root.required_object("spec");
  domain.name = spec.text("name");
  domain.purpose = spec.object("description").text("purpose");
  domain.parent = spec.text("parent");
  const Node team = spec.object("team");
  domain.team_name = team.text("name");
  for (const Node& member : team.list("members"))
    domain.members.push_back({member.required_text("username"), member.choice("role", kTeamRoles, TeamRole::Viewer)});
  domain.namespaces = spec.texts("namespaces");
  if (domain.namespaces.empty()) domain.namespaces = {domain.metadata.name};
  domain.backends = spec.texts("backends");
  const Node quota = spec.object("quota");
  domain.quota_data_products = quota.optional_number("dataProducts");
  domain.quota_subscriptions = quota.optional_number("subscriptions");
  domain.status = read_status(Node(object, ignored));
  add_new(problems, validate(domain));
  return domain;
}

std::vector<Problem> validate(const Domain& domain) {
  Findings findings;
  findings.label(domain.metadata.name, "metadata.name");
  findings.label(domain.parent, "spec.parent", true);
  if (!domain.parent.empty() && domain.parent == domain.metadata.name)
    findings.add("spec.parent", domain.parent, "must be another Domain");
  std::vector<std::string> usernames;
  for (std::size_t i = 0; i < domain.members.size(); ++i) {
    const std::string& username = domain.members[i].username;
    const bool printable = username.find_first_of("\n\r\t\x7f") == std::string::npos && username.size() <= 253;
    if (username.empty())
      findings.missing(at_index("spec.team.members", i, ".username"));
    else if (!printable)
      findings.add(at_index("spec.team.members", i, ".username"), username,
                   "must be 1 to 253 bytes without control characters");
    usernames.push_back(username);
  }
  findings.distinct(usernames, "spec.team.members");
  for (std::size_t i = 0; i < domain.namespaces.size(); ++i)
    findings.label(domain.namespaces[i], at_index("spec.namespaces", i));
  findings.distinct(domain.namespaces, "spec.namespaces");
  for (std::size_t i = 0; i < domain.backends.size(); ++i)
    findings.subdomain(domain.backends[i], at_index("spec.backends", i));
  findings.distinct(domain.backends, "spec.backends");
  if (domain.quota_data_products.value_or(0) < 0)
    findings.add("spec.quota.dataProducts", *domain.quota_data_products, "must be 0 or more");
  if (domain.quota_subscriptions.value_or(0) < 0)
    findings.add("spec.quota.subscriptions", *domain.quota_subscriptions, "must be 0 or more");
  return findings.take();
}

Json encode_spec(const Domain& domain) {
  Json spec = Json::object();
  put_text(spec, "name", domain.name);
  if (!domain.purpose.empty()) spec["description"] = {{"purpose", domain.purpose}};
  put_text(spec, "parent", domain.parent);
  Json team = Json::object();
  put_text(team, "name", domain.team_name);
  for (const TeamMember& member : domain.members)
    team["members"].push_back({{"username", member.username}, {"role", to_string(member.role)}});
  if (!team.empty()) spec["team"] = std::move(team);
  put_texts(spec, "namespaces", domain.namespaces);
  put_texts(spec, "backends", domain.backends);
  if (domain.quota_data_products) spec["quota"]["dataProducts"] = *domain.quota_data_products;
  if (domain.quota_subscriptions) spec["quota"]["subscriptions"] = *domain.quota_subscriptions;
  return spec;
}

Json encode_status(const DomainStatus& status) {
  Json json = {{"observedGeneration", status.observed_generation},
               {"conditions", write_conditions(status.conditions)},
               {"dataProducts", status.data_products},
               {"subscriptions", status.subscriptions}};
  put_text(json, "lastHandledRequest", status.last_handled_request);
  return json;
}

}  // namespace datamesh::api

#include "api/policy.hpp"

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

constexpr Words<Enforcement, 3> kEnforcements{
    {{"Audit", Enforcement::Audit}, {"Warn", Enforcement::Warn}, {"Enforce", Enforcement::Enforce}}};
constexpr Words<ApprovalRule, 3> kApprovalRules{
    {{"Auto", ApprovalRule::Auto}, {"Required", ApprovalRule::Required}, {"Deny", ApprovalRule::Deny}}};
constexpr Words<Mask, 4> kMasks{
    {{"Hide", Mask::Hide}, {"Null", Mask::Null}, {"Hash", Mask::Hash}, {"Redact", Mask::Redact}}};
constexpr Words<Classification, 4> kClassifications{{{"public", Classification::Public},
                                                     {"internal", Classification::Internal},
                                                     {"confidential", Classification::Confidential},
                                                     {"restricted", Classification::Restricted}}};
// What access can be asked to: rules about other kinds would never match.
constexpr Words<int, 3> kKinds{{{"DataProduct", 0}, {"DataContract", 1}, {"Subscription", 2}}};
constexpr int kLevelsMost = 9;

Requirement read_requirement(const Node& node) {
  Requirement requirement{node.required_text("path"), {}, node.text("message")};
  if (!node.has("in")) return requirement;
  const Json& allowed = *node.value()->find("in");
  if (!allowed.is_array())
    node.problem("in", allowed, "must be a list");
  else
    for (const Json& value : allowed)
      requirement.in.push_back(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  return requirement;
}

AccessRule read_access(const Node& node) {
  AccessRule access;
  access.approval = node.optional_choice("approval", kApprovalRules);
  const std::int64_t levels = node.number("levels", 1);
  access.levels = levels < 0 || levels > kLevelsMost ? 0 : static_cast<int>(levels);
  access.max_duration = node.duration("maxDuration");
  return access;
}

Obligation read_obligation(const Node& node) {
  const Node match = node.object("match");
  Obligation obligation;
  obligation.classifications = match.choices("classification", kClassifications);
  obligation.tags = match.texts("tags");
  obligation.unless_roles = node.texts("unlessRoles");
  obligation.mask = node.choice("mask", kMasks, Mask::Hide);
  return obligation;
}

PolicyException read_exception(const Node& node) {
  const Node ref = node.required_object("ref");
  return {{ref.required_text("namespace"), ref.required_text("name")}, node.time("until"), node.text("reason")};
}

PolicyStatus read_status(const Node& root) {
  const Node node = root.object("status");
  return {node.number("observedGeneration", -1), read_conditions(node)};
}

Json encode_access(const AccessRule& access) {
  Json json = {{"levels", access.levels}};
  if (access.approval) json["approval"] = word_of(kApprovalRules, *access.approval);
  if (access.max_duration) json["maxDuration"] = format_duration(*access.max_duration);
  return json;
}

Json encode_obligation(const Obligation& obligation) {
  Json json = {{"mask", word_of(kMasks, obligation.mask)}};
  for (const Classification classification : obligation.classifications)
    json["match"]["classification"].push_back(to_string(classification));
  if (!obligation.tags.empty()) json["match"]["tags"] = obligation.tags;
  put_texts(json, "unlessRoles", obligation.unless_roles);
  return json;
}

}  // namespace

std::vector<std::string> not_acted_on(const Policy& policy) {
  std::vector<std::string> paths;
  if (!policy.require.empty()) paths.push_back("spec.require");
  for (std::size_t i = 0; i < policy.obligations.size(); ++i)
    if (policy.obligations[i].mask != Mask::Hide) paths.push_back(at_index("spec.obligations", i, ".mask"));
  return paths;
}

Policy read_policy(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  Policy policy;
  policy.metadata = read_metadata(root, false);
  const Node spec = root.required_object("spec");
  policy.purpose = spec.object("description").text("purpose");
  policy.enforcement = spec.choice("enforcement", kEnforcements, Enforcement::Enforce);
  policy.enforce_after = spec.time("enforceAfter");
  const Node match = spec.object("match");
  policy.match = {match.texts("kinds"), match.texts("domains"), match.texts("tags")};
  static_cast<void>(match.choices("kinds", kKinds));
  for (const Node& node : spec.list("require")) policy.require.push_back(read_requirement(node));
  if (const Node access = spec.object("access"); access.given()) policy.access = read_access(access);
  for (const Node& node : spec.list("obligations")) policy.obligations.push_back(read_obligation(node));
  for (const Node& node : spec.list("exceptions")) policy.exceptions.push_back(read_exception(node));
  policy.status = read_status(Node(object, ignored));
  add_new(problems, validate(policy));
  return policy;
}

std::vector<Problem> validate(const Policy& policy) {
  Findings findings;
  findings.subdomain(policy.metadata.name, "metadata.name");
  findings.distinct(policy.match.kinds, "spec.match.kinds");
  for (std::size_t i = 0; i < policy.match.domains.size(); ++i)
    findings.label(policy.match.domains[i], at_index("spec.match.domains", i));
  findings.distinct(policy.match.domains, "spec.match.domains");
  findings.distinct(policy.match.tags, "spec.match.tags");
  if (policy.access) {
    if (policy.access->levels < 1 || policy.access->levels > kLevelsMost)
      findings.add("spec.access.levels", policy.access->levels, "must be from 1 to 9");
    if (policy.access->max_duration && *policy.access->max_duration <= std::chrono::milliseconds(0))
      findings.add("spec.access.maxDuration", format_duration(*policy.access->max_duration), "must be more than 0s");
  }
  for (std::size_t i = 0; i < policy.obligations.size(); ++i) {
    findings.distinct(policy.obligations[i].unless_roles, at_index("spec.obligations", i, ".unlessRoles"));
    findings.distinct(policy.obligations[i].tags, at_index("spec.obligations", i, ".match.tags"));
  }
  for (std::size_t i = 0; i < policy.exceptions.size(); ++i) {
    findings.label(policy.exceptions[i].ref.ns, at_index("spec.exceptions", i, ".ref.namespace"));
    findings.subdomain(policy.exceptions[i].ref.name, at_index("spec.exceptions", i, ".ref.name"));
  }
  return findings.take();
}

Json encode_spec(const Policy& policy) {
  Json spec = {{"enforcement", word_of(kEnforcements, policy.enforcement)}};
  if (!policy.purpose.empty()) spec["description"]["purpose"] = policy.purpose;
  put_time(spec, "enforceAfter", policy.enforce_after);
  if (!policy.match.kinds.empty()) spec["match"]["kinds"] = policy.match.kinds;
  if (!policy.match.domains.empty()) spec["match"]["domains"] = policy.match.domains;
  if (!policy.match.tags.empty()) spec["match"]["tags"] = policy.match.tags;
  for (const Requirement& requirement : policy.require) {
    Json entry = {{"path", requirement.path}};
    for (const std::string& value : requirement.in) entry["in"].push_back(Json::parse(value, nullptr, false));
    put_text(entry, "message", requirement.message);
    spec["require"].push_back(std::move(entry));
  }
  if (policy.access) spec["access"] = encode_access(*policy.access);
  for (const Obligation& obligation : policy.obligations) spec["obligations"].push_back(encode_obligation(obligation));
  for (const PolicyException& exception : policy.exceptions) {
    Json entry = {{"ref", {{"namespace", exception.ref.ns}, {"name", exception.ref.name}}}};
    put_time(entry, "until", exception.until);
    put_text(entry, "reason", exception.reason);
    spec["exceptions"].push_back(std::move(entry));
  }
  return spec;
}

Json encode_status(const PolicyStatus& status) {
  return {{"observedGeneration", status.observed_generation}, {"conditions", write_conditions(status.conditions)}};
}

}  // namespace datamesh::api

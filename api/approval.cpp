#include "api/read.hpp"
#include "api/reader.hpp"
#include "api/subscription.hpp"

namespace datamesh::api {
namespace {

constexpr Words<bool, 2> kDecisions{{{"Approved", true}, {"Rejected", false}}};
constexpr int kLevelMost = 9;

ApprovalStatus read_status(const Node& root) {
  const Node node = root.object("status");
  return {node.number("observedGeneration", -1), read_conditions(node)};
}

}  // namespace

Approval read_approval(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  Approval approval;
  approval.metadata = read_metadata(root, true);
  const Node spec = root.required_object("spec");
  const Node subscription = spec.required_object("subscriptionRef");
  approval.subscription_ref = {subscription.required_text("namespace"), subscription.required_text("name")};
  const Node port = spec.required_object("outputPort");
  approval.output_port = {port.required_text("name"), port.required_text("version")};
  approval.roles = spec.texts("roles");
  if (spec.given() && !spec.has("decision")) spec.missing("decision");
  approval.approved = spec.choice("decision", kDecisions, false);
  const std::int64_t level = spec.number("level", 1);
  approval.level = level < 0 || level > kLevelMost ? 0 : static_cast<int>(level);
  approval.approver = spec.required_text("approver");
  approval.until = spec.time("until");
  approval.status = read_status(Node(object, ignored));
  add_new(problems, validate(approval));
  return approval;
}

std::vector<Problem> validate(const Approval& approval) {
  Findings findings;
  findings.subdomain(approval.metadata.name, "metadata.name");
  findings.label(approval.metadata.ns, "metadata.namespace");
  findings.label(approval.subscription_ref.ns, "spec.subscriptionRef.namespace");
  findings.subdomain(approval.subscription_ref.name, "spec.subscriptionRef.name");
  findings.port_name(approval.output_port.name, "spec.outputPort.name");
  findings.version(approval.output_port.version, "spec.outputPort.version");
  if (approval.roles.empty()) findings.missing("spec.roles");
  for (std::size_t i = 0; i < approval.roles.size(); ++i)
    findings.identifier(approval.roles[i], at_index("spec.roles", i));
  findings.distinct(approval.roles, "spec.roles");
  if (approval.level < 1 || approval.level > kLevelMost)
    findings.add("spec.level", approval.level, "must be from 1 to 9");
  if (approval.approver.empty()) findings.missing("spec.approver");
  if (approval.approver.size() > 253) findings.add("spec.approver", approval.approver, "must be at most 253 bytes");
  return findings.take();
}

Json encode_spec(const Approval& approval) {
  Json spec = {
      {"subscriptionRef", {{"namespace", approval.subscription_ref.ns}, {"name", approval.subscription_ref.name}}},
      {"outputPort", {{"name", approval.output_port.name}, {"version", approval.output_port.version}}},
      {"roles", approval.roles},
      {"decision", word_of(kDecisions, approval.approved)},
      {"level", approval.level},
      {"approver", approval.approver}};
  put_time(spec, "until", approval.until);
  return spec;
}

Json encode_status(const ApprovalStatus& status) {
  return {{"observedGeneration", status.observed_generation}, {"conditions", write_conditions(status.conditions)}};
}

}  // namespace datamesh::api

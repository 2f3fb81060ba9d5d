#include "api/subscription.hpp"

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

constexpr Words<Phase, 6> kPhases{{{"Pending", Phase::Pending},
                                   {"Approved", Phase::Approved},
                                   {"Active", Phase::Active},
                                   {"Rejected", Phase::Rejected},
                                   {"Expired", Phase::Expired},
                                   {"Revoked", Phase::Revoked}}};

SubscriptionStatus read_status(const Node& root) {
  const Node node = root.object("status");
  SubscriptionStatus status;
  status.observed_generation = node.number("observedGeneration", -1);
  status.phase = node.optional_choice("phase", kPhases);
  status.conditions = read_conditions(node);
  for (const Node& record : node.list("approvals"))
    status.approvals.push_back({static_cast<int>(record.number("level", 1)), record.text("approver"),
                                record.text("decision"), record.time("time")});
  const Node readable = node.object("readable");
  if (readable.given())
    for (const auto& [table, columns] : readable.value()->items()) status.readable[table] = readable.texts(table);
  status.binding = node.object("binding").text("name");
  status.last_handled_request = node.text("lastHandledRequest");
  return status;
}

}  // namespace

std::string_view to_string(Phase phase) {
  return word_of(kPhases, phase);
}

Subscription read_subscription(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  Subscription subscription;
  subscription.metadata = read_metadata(root, true);
  const Node spec = root.required_object("spec");
  subscription.purpose = spec.object("description").text("purpose");
  const Node provider = spec.required_object("provider");
  const Node product = provider.required_object("dataProductRef");
  subscription.product = {product.text("namespace", subscription.metadata.ns), product.required_text("name")};
  const Node port = provider.required_object("outputPort");
  subscription.output_port = {port.required_text("name"), port.required_text("version")};
  const Node consumer = spec.object("consumer");
  const Node consumer_product = consumer.object("dataProductRef");
  subscription.consumer_product = consumer_product.required_text("name");
  for (const Node& role : spec.list("roles")) subscription.roles.push_back(role.required_text("role"));
  subscription.start = spec.time("startTimestamp");
  subscription.end = spec.time("endTimestamp");
  subscription.status = read_status(Node(object, ignored));
  add_new(problems, validate(subscription));
  return subscription;
}

std::vector<Problem> validate(const Subscription& subscription) {
  Findings findings;
  findings.subdomain(subscription.metadata.name, "metadata.name");
  findings.label(subscription.metadata.ns, "metadata.namespace");
  findings.label(subscription.product.ns, "spec.provider.dataProductRef.namespace");
  findings.subdomain(subscription.product.name, "spec.provider.dataProductRef.name");
  findings.port_name(subscription.output_port.name, "spec.provider.outputPort.name");
  findings.version(subscription.output_port.version, "spec.provider.outputPort.version");
  findings.subdomain(subscription.consumer_product, "spec.consumer.dataProductRef.name", true);
  for (std::size_t i = 0; i < subscription.roles.size(); ++i)
    findings.identifier(subscription.roles[i], at_index("spec.roles", i, ".role"));
  findings.distinct(subscription.roles, "spec.roles");
  if (subscription.roles.size() > 100)
    findings.add("spec.roles", static_cast<std::int64_t>(subscription.roles.size()), "must be at most 100");
  if (subscription.start && subscription.end && *subscription.end <= *subscription.start)
    findings.add("spec.endTimestamp", format_time(*subscription.end), "must be later than spec.startTimestamp");
  return findings.take();
}

Json encode_spec(const Subscription& subscription) {
  Json spec = {
      {"provider",
       {{"dataProductRef", {{"namespace", subscription.product.ns}, {"name", subscription.product.name}}},
        {"outputPort", {{"name", subscription.output_port.name}, {"version", subscription.output_port.version}}}}}};
  if (!subscription.purpose.empty()) spec["description"]["purpose"] = subscription.purpose;
  if (!subscription.consumer_product.empty())
    spec["consumer"]["dataProductRef"]["name"] = subscription.consumer_product;
  for (const std::string& role : subscription.roles) spec["roles"].push_back({{"role", role}});
  put_time(spec, "startTimestamp", subscription.start);
  put_time(spec, "endTimestamp", subscription.end);
  return spec;
}

Json encode_status(const SubscriptionStatus& status) {
  Json json = {{"observedGeneration", status.observed_generation}, {"conditions", write_conditions(status.conditions)}};
  if (status.phase) json["phase"] = to_string(*status.phase);
  for (const ApprovalRecord& record : status.approvals) {
    Json entry = {{"level", record.level}, {"approver", record.approver}, {"decision", record.decision}};
    put_time(entry, "time", record.time);
    json["approvals"].push_back(std::move(entry));
  }
  if (!status.readable.empty()) json["readable"] = status.readable;
  if (!status.binding.empty()) json["binding"] = {{"name", status.binding}};
  put_text(json, "lastHandledRequest", status.last_handled_request);
  return json;
}

}  // namespace datamesh::api

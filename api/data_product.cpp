#include "api/data_product.hpp"

#include <algorithm>

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

constexpr std::array<std::string_view, 6> kPortTypes{"tables", "documents", "keyvalue", "topic", "files", "api"};
constexpr std::array<std::string_view, 5> kLifecycles{"proposed", "draft", "active", "deprecated", "retired"};
constexpr Words<DeletionPolicy, 2> kDeletionPolicies{
    {{"Retain", DeletionPolicy::Retain}, {"Delete", DeletionPolicy::Delete}}};
constexpr std::size_t kPortsMost = 100;

template <std::size_t N>
std::string one_of(const std::array<std::string_view, N>& words) {
  std::string text = "must be one of ";
  for (std::size_t i = 0; i < N; ++i) text += (i ? ", " : "") + std::string(words[i]);
  return text;
}
template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

OutputPort read_output_port(const Node& node) {
  OutputPort port;
  port.name = node.required_text("name");
  port.version = node.required_text("version");
  port.type = node.required_text("type");
  port.contract_id = node.text("contractId");
  const Node provisioning = node.object("provisioning");
  const Node contract = provisioning.object("contractRef");
  port.contract_ref = contract.required_text("name");
  port.backend = provisioning.text("backend");
  port.deletion_policy = provisioning.choice("deletionPolicy", kDeletionPolicies, DeletionPolicy::Retain);
  port.parameters = provisioning.scalars("parameters");
  return port;
}

InputPort read_input_port(const Node& node) {
  InputPort port{node.required_text("name"), node.text("version"), node.text("contractId"), ""};
  const Node provisioning = node.object("provisioning");
  const Node subscription = provisioning.object("subscriptionRef");
  port.subscription_ref = subscription.required_text("name");
  return port;
}

DataProductStatus read_status(const Node& root) {
  const Node node = root.object("status");
  DataProductStatus status;
  status.observed_generation = node.number("observedGeneration", -1);
  status.conditions = read_conditions(node);
  for (const Node& port : node.list("outputPorts")) {
    const Node dataset = port.object("dataset");
    status.output_ports.push_back({port.text("name"), port.text("version"), port.number("subscriptions", 0),
                                   dataset.text("namespace"), dataset.text("name")});
  }
  status.retained = node.texts("retained");
  status.last_handled_request = node.text("lastHandledRequest");
  return status;
}

// A parameter that nobody reads is a mistake that nobody sees.
void check_parameters(const OutputPort& port, const std::string& path, Findings& findings) {
  for (const auto& [name, value] : port.parameters) {
    const std::string at = path + ".provisioning.parameters." + name;
    if (port.type != "topic") {
      findings.add(at, value, "is not a parameter of type " + port.type + ", which has none");
    } else if (name == "retention") {
      const auto retention = parse_duration(value);
      if (!retention || *retention <= std::chrono::milliseconds(0))
        findings.add(at, value, "must be a duration, such as 90s, 1h30m or 7d");
    } else if (name == "maxBytes") {
      if (parse_bytes(value).value_or(0) <= 0)
        findings.add(at, value, "must be a number of bytes, such as 1048576 or 10Gi");
    } else if (name == "replicas") {
      if (value != "1" && value != "3" && value != "5") findings.add(at, value, "must be 1, 3 or 5");
    } else {
      findings.add(at, value, "is not a parameter of type topic: retention, maxBytes, replicas");
    }
  }
}

void check_output_ports(const DataProduct& product, Findings& findings) {
  if (product.output_ports.size() > kPortsMost)
    findings.add("spec.outputPorts", static_cast<std::int64_t>(product.output_ports.size()),
                 "must be at most 100 ports");
  std::map<std::pair<std::string, int>, std::size_t> seen;
  for (std::size_t i = 0; i < product.output_ports.size(); ++i) {
    const OutputPort& port = product.output_ports[i];
    const std::string path = at_index("spec.outputPorts", i);
    findings.port_name(port.name, path + ".name");
    findings.version(port.version, path + ".version");
    if (port.type.empty())
      findings.missing(path + ".type");
    else if (!contains(kPortTypes, port.type))
      findings.add(path + ".type", port.type, one_of(kPortTypes));
    else
      check_parameters(port, path, findings);
    findings.subdomain(port.contract_ref, path + ".provisioning.contractRef.name", true);
    findings.subdomain(port.backend, path + ".provisioning.backend", true);
    const auto [first, fresh] = seen.emplace(std::pair(port.name, major_of(port.version).value_or(-1)), i);
    if (!fresh)
      findings.add(path + ".version", port.version,
                   "is the same port as spec.outputPorts[" + std::to_string(first->second) +
                       "]: a port is its name and its major version");
  }
}

}  // namespace

std::string product_urn(std::string_view ns, std::string_view name) {
  return "urn:datamesh:product:" + std::string(ns) + ":" + std::string(name);
}

DataProduct read_data_product(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  DataProduct product;
  product.metadata = read_metadata(root, true);
  const Node spec = root.required_object("spec");
  product.id = spec.text("id");
  if (product.id.empty()) product.id = uuid_v5(product_urn(product.metadata.ns, product.metadata.name));
  product.name = spec.text("name");
  product.version = spec.text("version");
  product.lifecycle = spec.text("lifecycle", "active");
  product.domain = spec.text("domain");
  product.tags = spec.texts("tags");
  for (const Node& port : spec.list("inputPorts")) product.input_ports.push_back(read_input_port(port));
  for (const Node& port : spec.list("outputPorts")) product.output_ports.push_back(read_output_port(port));
  product.status = read_status(Node(object, ignored));
  add_new(problems, validate(product));
  return product;
}

std::vector<Problem> validate(const DataProduct& product) {
  Findings findings;
  findings.subdomain(product.metadata.name, "metadata.name");
  findings.label(product.metadata.ns, "metadata.namespace");
  findings.uuid(product.id, "spec.id");
  findings.version(product.version, "spec.version", true);
  if (!contains(kLifecycles, product.lifecycle)) findings.add("spec.lifecycle", product.lifecycle, one_of(kLifecycles));
  findings.label(product.domain, "spec.domain", true);
  findings.distinct(product.tags, "spec.tags");
  for (std::size_t i = 0; i < product.input_ports.size(); ++i) {
    const InputPort& port = product.input_ports[i];
    const std::string path = at_index("spec.inputPorts", i);
    findings.port_name(port.name, path + ".name");
    findings.version(port.version, path + ".version", true);
    findings.subdomain(port.subscription_ref, path + ".provisioning.subscriptionRef.name", true);
  }
  check_output_ports(product, findings);
  return findings.take();
}

Json encode_spec(const DataProduct& product) {
  Json spec = {{"id", product.id}, {"lifecycle", product.lifecycle}};
  put_text(spec, "name", product.name);
  put_text(spec, "version", product.version);
  put_text(spec, "domain", product.domain);
  put_texts(spec, "tags", product.tags);
  for (const InputPort& port : product.input_ports) {
    Json json = {{"name", port.name}};
    put_text(json, "version", port.version);
    put_text(json, "contractId", port.contract_id);
    if (!port.subscription_ref.empty()) json["provisioning"]["subscriptionRef"]["name"] = port.subscription_ref;
    spec["inputPorts"].push_back(std::move(json));
  }
  for (const OutputPort& port : product.output_ports) {
    Json json = {{"name", port.name}, {"version", port.version}, {"type", port.type}};
    put_text(json, "contractId", port.contract_id);
    Json& provisioning = json["provisioning"];
    provisioning = {{"deletionPolicy", word_of(kDeletionPolicies, port.deletion_policy)}};
    if (!port.contract_ref.empty()) provisioning["contractRef"]["name"] = port.contract_ref;
    put_text(provisioning, "backend", port.backend);
    if (!port.parameters.empty()) provisioning["parameters"] = port.parameters;
    spec["outputPorts"].push_back(std::move(json));
  }
  return spec;
}

Json encode_status(const DataProductStatus& status) {
  Json json = {{"observedGeneration", status.observed_generation},
               {"conditions", write_conditions(status.conditions)},
               {"outputPorts", Json::array()}};
  for (const OutputPortStatus& port : status.output_ports) {
    Json entry = {{"name", port.name}, {"version", port.version}, {"subscriptions", port.subscriptions}};
    if (!port.dataset_name.empty())
      entry["dataset"] = {{"namespace", port.dataset_namespace}, {"name", port.dataset_name}};
    json["outputPorts"].push_back(std::move(entry));
  }
  put_texts(json, "retained", status.retained);
  put_text(json, "lastHandledRequest", status.last_handled_request);
  return json;
}

}  // namespace datamesh::api

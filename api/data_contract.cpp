#include "api/data_contract.hpp"

#include <algorithm>
#include <set>

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

constexpr Words<Classification, 4> kClassifications{{{"public", Classification::Public},
                                                     {"internal", Classification::Internal},
                                                     {"confidential", Classification::Confidential},
                                                     {"restricted", Classification::Restricted}}};
constexpr Words<Compatibility, 4> kCompatibilities{{{"None", Compatibility::None},
                                                    {"Backward", Compatibility::Backward},
                                                    {"Forward", Compatibility::Forward},
                                                    {"Full", Compatibility::Full}}};
constexpr std::array<std::string_view, 9> kLogicalTypes{"string",  "date",   "timestamp", "time",   "number",
                                                        "integer", "object", "array",     "boolean"};
constexpr std::array<std::string_view, 5> kLifecycles{"proposed", "draft", "active", "deprecated", "retired"};
constexpr std::size_t kTablesMost = 1000, kColumnsMost = 1600, kRolesMost = 100;

Property read_property(const Node& node) {
  Property property;
  property.name = node.required_text("name");
  property.logical_type = node.text("logicalType");
  property.physical_type = node.text("physicalType");
  property.description = node.text("description");
  property.required = node.flag("required", false);
  property.unique = node.flag("unique", false);
  property.primary_key = node.flag("primaryKey", false);
  property.primary_key_position =
      static_cast<int>(std::clamp<std::int64_t>(node.number("primaryKeyPosition", 0), -2, 9999));
  if (property.primary_key_position == -1) property.primary_key_position = 0;  // ODCS: not part of the key
  property.classification = node.choice("classification", kClassifications, Classification::Internal);
  property.tags = node.texts("tags");
  return property;
}

SchemaObject read_schema_object(const Node& node) {
  SchemaObject object;
  object.name = node.required_text("name");
  object.physical_name = node.text("physicalName");
  if (object.physical_name.empty()) object.physical_name = object.name;
  object.description = node.text("description");
  for (const Node& property : node.list("properties")) object.properties.push_back(read_property(property));
  return object;
}

// Roles come from ODCS `roles`, what they may read from `provisioning.roles`.
void read_roles(const Node& spec, const Node& provisioning, DataContract& contract, std::vector<Problem>& problems) {
  for (const Node& node : spec.list("roles")) {
    ContractRole role;
    role.role = node.required_text("role");
    role.access = node.text("access", "read");
    role.first_level_approvers = node.text("firstLevelApprovers");
    role.second_level_approvers = node.text("secondLevelApprovers");
    contract.roles.push_back(std::move(role));
  }
  const bool declared = !contract.roles.empty();
  std::set<std::string> seen;
  for (const Node& node : provisioning.list("roles")) {
    const std::string name = node.required_text("role");
    const auto most = node.choice("maxClassification", kClassifications, Classification::Internal);
    if (!seen.insert(name).second) node.problem("role", Json(name), "is listed twice");
    if (!declared && name == "reader" && contract.roles.empty())
      contract.roles.push_back({"reader", "read", "", "", most});
    const auto known = std::find_if(contract.roles.begin(), contract.roles.end(),
                                    [&](const ContractRole& role) { return role.role == name; });
    if (known != contract.roles.end())
      known->max_classification = most;
    else if (!name.empty())
      problems.push_back({node.path() + ".role", Json(name).dump(-1, ' ', false, Json::error_handler_t::replace),
                          "is not a role of the contract: add it to spec.roles"});
  }
}

DataContractStatus read_status(const Node& root) {
  const Node node = root.object("status");
  return {node.number("observedGeneration", -1), read_conditions(node), node.number("ports", 0)};
}

// The type goes into statements of the engine, so it may hold words, numbers and brackets alone.
bool is_physical_type(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty()) return true;
  if (text.size() > 128 || !letter(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || std::string_view("_ (),[]<>:").find(c) != std::string_view::npos;
  });
}

void check_property(const Property& property, const std::string& path, Findings& findings) {
  findings.identifier(property.name, path + ".name");
  const bool known =
      std::find(kLogicalTypes.begin(), kLogicalTypes.end(), property.logical_type) != kLogicalTypes.end();
  if (!property.logical_type.empty() && !known)
    findings.add(path + ".logicalType", property.logical_type,
                 "must be one of string, date, timestamp, time, number, integer, object, array, boolean");
  if (!is_physical_type(property.physical_type))
    findings.add(path + ".physicalType", property.physical_type, "must be a type such as varchar(20) or timestamptz");
  if (property.primary_key_position < 0 || property.primary_key_position > 64)
    findings.add(path + ".primaryKeyPosition", property.primary_key_position, "must be from 1 to 64");
}

void check_columns(const SchemaObject& object, const std::string& path, Findings& findings) {
  if (object.properties.size() > kColumnsMost)
    findings.add(path + ".properties", static_cast<std::int64_t>(object.properties.size()), "must be at most 1600");
  std::set<std::string_view> names;
  std::set<int> positions;
  for (std::size_t i = 0; i < object.properties.size(); ++i) {
    const Property& property = object.properties[i];
    const std::string at = at_index(path + ".properties", i);
    check_property(property, at, findings);
    if (!names.insert(property.name).second) findings.add(at + ".name", property.name, "is listed twice");
    const bool placed = property.primary_key && property.primary_key_position > 0;
    if (placed && !positions.insert(property.primary_key_position).second)
      findings.add(at + ".primaryKeyPosition", property.primary_key_position, "is taken by another column");
  }
}

}  // namespace

std::string_view to_string(Classification classification) {
  return word_of(kClassifications, classification);
}

std::optional<Classification> parse_classification(std::string_view text) {
  for (const auto& [word, value] : kClassifications)
    if (word == text) return value;
  return std::nullopt;
}

DataContract read_data_contract(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  DataContract contract;
  contract.metadata = read_metadata(root, true);
  const Node spec = root.required_object("spec");
  contract.id = spec.text("id");
  if (contract.id.empty())
    contract.id = uuid_v5("urn:datamesh:contract:" + contract.metadata.ns + ":" + contract.metadata.name);
  contract.name = spec.text("name");
  contract.version = spec.required_text("version");
  contract.lifecycle = spec.text("lifecycle", "active");
  contract.tags = spec.texts("tags");
  for (const Node& node : spec.list("schema")) contract.schema.push_back(read_schema_object(node));
  const Node provisioning = spec.object("provisioning");
  contract.compatibility = provisioning.choice("compatibility", kCompatibilities, Compatibility::Backward);
  read_roles(spec, provisioning, contract, problems);
  contract.status = read_status(Node(object, ignored));
  add_new(problems, validate(contract));
  return contract;
}

std::vector<Problem> validate(const DataContract& contract) {
  Findings findings;
  findings.subdomain(contract.metadata.name, "metadata.name");
  findings.label(contract.metadata.ns, "metadata.namespace");
  if (contract.id.empty() || contract.id.size() > 253) findings.add("spec.id", contract.id, "must be 1 to 253 bytes");
  findings.version(contract.version, "spec.version");
  if (std::find(kLifecycles.begin(), kLifecycles.end(), contract.lifecycle) == kLifecycles.end())
    findings.add("spec.lifecycle", contract.lifecycle, "must be one of proposed, draft, active, deprecated, retired");
  findings.distinct(contract.tags, "spec.tags");
  if (contract.schema.size() > kTablesMost)
    findings.add("spec.schema", static_cast<std::int64_t>(contract.schema.size()), "must be at most 1000");
  std::set<std::string_view> names, physical_names;
  for (std::size_t i = 0; i < contract.schema.size(); ++i) {
    const SchemaObject& object = contract.schema[i];
    const std::string path = at_index("spec.schema", i);
    findings.identifier(object.name, path + ".name");
    if (!names.insert(object.name).second)
      findings.add(path + ".name", object.name, "is listed twice");
    else if (!physical_names.insert(object.physical_name).second)
      findings.add(path + ".physicalName", object.physical_name, "is taken by another entry of spec.schema");
    if (object.physical_name != object.name) findings.identifier(object.physical_name, path + ".physicalName");
    check_columns(object, path, findings);
  }
  if (contract.roles.size() > kRolesMost)
    findings.add("spec.roles", static_cast<std::int64_t>(contract.roles.size()), "must be at most 100");
  std::set<std::string_view> roles;
  for (std::size_t i = 0; i < contract.roles.size(); ++i) {
    const ContractRole& role = contract.roles[i];
    findings.identifier(role.role, at_index("spec.roles", i, ".role"));
    if (!roles.insert(role.role).second) findings.add(at_index("spec.roles", i, ".role"), role.role, "is listed twice");
    if (role.access != "read") findings.add(at_index("spec.roles", i, ".access"), role.access, "must be read");
  }
  return findings.take();
}

Json encode_spec(const DataContract& contract) {
  Json spec = {{"id", contract.id}, {"version", contract.version}, {"lifecycle", contract.lifecycle}};
  put_text(spec, "name", contract.name);
  put_texts(spec, "tags", contract.tags);
  for (const SchemaObject& object : contract.schema) {
    Json entry = {{"name", object.name}, {"properties", Json::array()}};
    if (object.physical_name != object.name) entry["physicalName"] = object.physical_name;
    put_text(entry, "description", object.description);
    for (const Property& property : object.properties) {
      Json column = {{"name", property.name}, {"classification", to_string(property.classification)}};
      put_text(column, "logicalType", property.logical_type);
      put_text(column, "physicalType", property.physical_type);
      put_text(column, "description", property.description);
      if (property.required) column["required"] = true;
      if (property.unique) column["unique"] = true;
      if (property.primary_key) column["primaryKey"] = true;
      if (property.primary_key_position != 0) column["primaryKeyPosition"] = property.primary_key_position;
      put_texts(column, "tags", property.tags);
      entry["properties"].push_back(std::move(column));
    }
    spec["schema"].push_back(std::move(entry));
  }
  Json& provisioning = spec["provisioning"];
  provisioning = {{"compatibility", word_of(kCompatibilities, contract.compatibility)}};
  for (const ContractRole& role : contract.roles) {
    Json entry = {{"role", role.role}, {"access", role.access}};
    put_text(entry, "firstLevelApprovers", role.first_level_approvers);
    put_text(entry, "secondLevelApprovers", role.second_level_approvers);
    spec["roles"].push_back(std::move(entry));
    provisioning["roles"].push_back({{"role", role.role}, {"maxClassification", to_string(role.max_classification)}});
  }
  return spec;
}

Json encode_status(const DataContractStatus& status) {
  return {{"observedGeneration", status.observed_generation},
          {"conditions", write_conditions(status.conditions)},
          {"ports", status.ports}};
}

}  // namespace datamesh::api

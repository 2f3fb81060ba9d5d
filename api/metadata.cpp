#include "api/reader.hpp"

namespace datamesh::api {
namespace {

constexpr std::array<std::pair<std::string_view, std::chrono::milliseconds>, 5> kUnits{{
    {"d", std::chrono::hours(24)},
    {"h", std::chrono::hours(1)},
    {"m", std::chrono::minutes(1)},
    {"s", std::chrono::seconds(1)},
    {"ms", std::chrono::milliseconds(1)},
}};

// What kubectl apply leaves behind: a copy of the whole object, of use to kubectl alone.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

std::map<std::string, std::string> read_map(const Node& parent, std::string_view key) {
  std::map<std::string, std::string> result;
  const Node members = parent.object(key);
  if (!members.given()) return result;
  for (const auto& [name, value] : members.value()->items()) {
    if (value.is_string())
      result[name] = value.get<std::string>();
    else
      members.problem(name, value, "must be a string");
  }
  return result;
}

}  // namespace

Metadata read_metadata(const Node& root, bool namespaced) {
  const Node node = root.required_object("metadata");
  Metadata metadata;
  metadata.name = node.required_text("name");
  metadata.ns = namespaced ? node.text("namespace", "default") : "";
  metadata.uid = node.text("uid");
  metadata.resource_version = node.text("resourceVersion");
  metadata.generation = node.number("generation", 0);
  metadata.labels = read_map(node, "labels");
  metadata.annotations = read_map(node, "annotations");
  metadata.annotations.erase(kLastApplied);
  metadata.finalizers = node.texts("finalizers");
  metadata.creation_time = node.time("creationTimestamp");
  metadata.deletion_time = node.time("deletionTimestamp");
  return metadata;
}

Json encode_metadata(const Metadata& metadata) {
  Json json = {{"name", metadata.name}};
  put_text(json, "namespace", metadata.ns);
  put_text(json, "uid", metadata.uid);
  put_text(json, "resourceVersion", metadata.resource_version);
  if (metadata.generation != 0) json["generation"] = metadata.generation;
  if (!metadata.labels.empty()) json["labels"] = metadata.labels;
  if (!metadata.annotations.empty()) json["annotations"] = metadata.annotations;
  put_texts(json, "finalizers", metadata.finalizers);
  put_time(json, "creationTimestamp", metadata.creation_time);
  put_time(json, "deletionTimestamp", metadata.deletion_time);
  return json;
}

std::vector<Condition> read_conditions(const Node& status) {
  std::vector<Condition> conditions;
  for (const Node& node : status.list("conditions"))
    conditions.push_back({node.text("type"), node.text("status"), node.text("reason"), node.text("message"),
                          node.number("observedGeneration", 0), node.time("lastTransitionTime")});
  return conditions;
}

Json write_conditions(const std::vector<Condition>& conditions) {
  Json list = Json::array();
  for (const Condition& condition : conditions) {
    Json json = {{"type", condition.type},
                 {"status", condition.status},
                 {"reason", condition.reason},
                 {"message", condition.message},
                 {"observedGeneration", condition.observed_generation}};
    put_time(json, "lastTransitionTime", condition.last_transition);
    list.push_back(std::move(json));
  }
  return list;
}

std::string format_duration(std::chrono::milliseconds duration) {
  std::string text;
  for (const auto& [unit, length] : kUnits) {
    if (duration < length) continue;
    text += std::to_string(duration / length) + std::string(unit);
    duration %= length;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace datamesh::api

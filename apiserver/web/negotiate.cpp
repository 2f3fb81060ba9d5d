#include "apiserver/web/negotiate.hpp"

#include <map>
#include <optional>

#include "apiserver/web/protobuf.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::apiserver {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

struct Wish {
  std::string_view type;
  std::map<std::string_view, std::string_view> parameters;

  std::string_view get(std::string_view key) const {
    const auto it = parameters.find(key);
    return it == parameters.end() ? std::string_view{} : it->second;
  }
};

Wish parse_wish(std::string_view text) {
  Wish wish;
  wish.type = take(text, ';');
  while (!text.empty()) {
    std::string_view parameter = take(text, ';');
    const std::string_view key = take(parameter, '=');
    wish.parameters[key] = trim(parameter);
  }
  return wish;
}

std::optional<Format> fulfil(const Wish& wish) {
  Format format;
  if (wish.type == "application/yaml") {
    format.yaml = true;
  } else if (wish.type != "application/json" && wish.type != "*/*" && wish.type != "application/*") {
    return std::nullopt;
  }
  const std::string_view as = wish.get("as");
  if (as.empty()) return format;
  const bool known_version = wish.get("v") == "v1" || wish.get("v") == "v1beta1";
  if (wish.get("g") != "meta.k8s.io" || !known_version) return std::nullopt;
  format.table_version = wish.get("v");
  if (as == "Table") {
    format.form = Form::Table;
  } else if (as == "PartialObjectMetadata") {
    format.form = Form::Metadata;
  } else if (as == "PartialObjectMetadataList") {
    format.form = Form::MetadataList;
  } else {
    return std::nullopt;
  }
  return format;
}

}  // namespace

Outcome<Format> negotiate(std::string_view accept) {
  if (trim(accept).empty()) return Format{};
  while (!accept.empty()) {
    const Wish wish = parse_wish(take(accept, ','));
    if (auto format = fulfil(wish)) return std::move(*format);
  }
  return not_acceptable("only the following media types are accepted: application/json, application/yaml");
}

std::string discovery_version(std::string_view accept) {
  while (!accept.empty()) {
    const Wish wish = parse_wish(take(accept, ','));
    if (wish.type != "application/json") continue;
    if (wish.get("as").empty()) return {};
    if (wish.get("g") != "apidiscovery.k8s.io" || wish.get("as") != "APIGroupDiscoveryList") continue;
    if (wish.get("v") == "v2" || wish.get("v") == "v2beta1") return std::string(wish.get("v"));
  }
  return {};
}

bool accepts(std::string_view accept, std::string_view wanted) {
  while (!accept.empty()) {
    if (parse_wish(take(accept, ',')).type == wanted) return true;
  }
  return false;
}

std::string_view media_type(std::string_view content_type) {
  return take(content_type, ';');
}

Outcome<Json> decode_body(std::string_view content_type, const std::string& body,
                          std::vector<std::string>& duplicates) {
  const std::string_view type = media_type(content_type);
  if (type == "application/yaml" || type == "application/apply-patch+yaml") {
    // JSON is YAML too, and what kubectl mostly sends here; its parser is the faster one by far.
    if (auto value = parse_json(body, {}, &duplicates); value && value->is_object()) return *std::move(value);
    duplicates.clear();
    kube::YamlLimits limits;
    limits.duplicates_allowed = true;
    auto documents = kube::parse_yaml(body, limits, &duplicates);
    if (!documents) return bad_request("error decoding the body: " + documents.error().message);
    if (documents->size() != 1) return bad_request("the body must hold exactly one YAML document");
    return std::move((*documents)[0]);
  }
  if (type == "application/vnd.kubernetes.protobuf") {
    auto value = decode_protobuf(body);
    if (!value) return bad_request(value.error().message);
    return *std::move(value);
  }
  if (!type.empty() && !type.ends_with("json")) {
    return unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf");
  }
  auto value = parse_json(body, {}, &duplicates);
  if (!value) return bad_request("error decoding the body: " + value.error().message);
  return *std::move(value);
}

}  // namespace datamesh::apiserver

#include "apiserver/schema/names.hpp"

#include <algorithm>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t subdomain_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t annotations_bytes_max = 256 << 10;

constexpr std::string_view subdomain_message =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view label_message =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view label1035_message =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view label_value_message =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::string_view name_part_message =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view qualified_message =
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
    "'example.com/MyName')";

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_name_part(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string too_long_message(std::size_t bytes_max) {
  return "must be no more than " + std::to_string(bytes_max) + " bytes";
}

std::optional<std::string> path_segment_problem(std::string_view name) {
  if (name == "." || name == "..") return "may not be '" + std::string{name} + "'";
  for (char c : {'/', '%'}) {
    if (name.find(c) != std::string_view::npos) return std::string{"may not contain '"} + c + "'";
  }
  return std::nullopt;
}

std::string text_at(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

const Json* member(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

void check_name(const Json& metadata, NameRule rule, FieldErrors& errors) {
  const std::string name = text_at(metadata, "name");
  if (!name.empty()) {
    if (auto problem = name_problem(name, rule)) errors.push_back(invalid("metadata.name", name, *problem));
    return;
  }
  std::string base = text_at(metadata, "generateName");
  if (base.empty()) {
    errors.push_back(required("metadata.name", "name or generateName is required"));
    return;
  }
  // A trailing dash is masked: the suffix follows it.
  const std::string shown = base;
  if (base.size() > 1 && base.back() == '-') base.back() = 'a';
  if (auto problem = name_problem(base, rule)) errors.push_back(invalid("metadata.generateName", shown, *problem));
}

void check_labels(const Json& labels, FieldErrors& errors) {
  if (!labels.is_object()) return;
  for (const auto& [key, value] : labels.items()) {
    if (auto problem = qualified_name_problem(key)) errors.push_back(invalid("metadata.labels", key, *problem));
    if (!value.is_string()) continue;
    const auto& text = value.get_ref<const std::string&>();
    if (auto problem = label_value_problem(text)) errors.push_back(invalid("metadata.labels", text, *problem));
  }
}

void check_annotations(const Json& annotations, FieldErrors& errors) {
  if (!annotations.is_object()) return;
  std::size_t bytes = 0;
  for (const auto& [key, value] : annotations.items()) {
    std::string lower = key;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (auto problem = qualified_name_problem(lower)) errors.push_back(invalid("metadata.annotations", key, *problem));
    bytes += key.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 0);
  }
  if (bytes > annotations_bytes_max) errors.push_back(too_long("metadata.annotations", annotations_bytes_max));
}

void check_finalizers(const Json& finalizers, FieldErrors& errors) {
  if (!finalizers.is_array()) return;
  bool orphan = false;
  bool foreground = false;
  for (const Json& one : finalizers) {
    if (!one.is_string()) continue;
    const auto& text = one.get_ref<const std::string&>();
    orphan |= text == "orphan";
    foreground |= text == "foregroundDeletion";
    if (auto problem = qualified_name_problem(text)) errors.push_back(invalid("metadata.finalizers", text, *problem));
  }
  if (orphan && foreground) {
    errors.push_back(
        invalid_json("metadata.finalizers", finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  }
}

void check_owners(const Json& owners, FieldErrors& errors) {
  if (!owners.is_array()) return;
  std::string controller;
  for (const Json& owner : owners) {
    if (!owner.is_object()) continue;
    const std::string path = "metadata.ownerReferences";
    const std::string version = text_at(owner, "apiVersion");
    if (version.empty() || version.back() == '/') {
      errors.push_back(invalid(path + ".apiVersion", version, "version must not be empty"));
    }
    for (const char* key : {"kind", "name", "uid"}) {
      if (text_at(owner, key).empty()) errors.push_back(invalid(path + "." + key, "", "must not be empty"));
    }
    if (version == "v1" && text_at(owner, "kind") == "Event") {
      errors.push_back(invalid_json(path, owner, "/v1, Kind=Event is disallowed from being an owner"));
    }
    const Json* is_controller = member(owner, "controller");
    if (!is_controller || !is_controller->is_boolean() || !is_controller->get<bool>()) continue;
    const std::string name = text_at(owner, "kind") + "/" + text_at(owner, "name");
    if (!controller.empty()) {
      errors.push_back(invalid_json(path, owners,
                                    "Only one reference can have Controller set to true. Found \"true\" in references "
                                    "for " +
                                        controller + " and " + name));
    }
    controller = name;
  }
}

}  // namespace

std::optional<std::string> name_problem(std::string_view name, NameRule rule) {
  switch (rule) {
    case NameRule::PathSegment:
      return path_segment_problem(name);
    case NameRule::Subdomain:
      if (name.size() > subdomain_bytes_max) return too_long_message(subdomain_bytes_max);
      if (!is_subdomain(name)) return std::string{subdomain_message};
      return std::nullopt;
    case NameRule::Label:
      if (name.size() > label_bytes_max) return too_long_message(label_bytes_max);
      if (!is_label(name)) return std::string{label_message};
      return std::nullopt;
    case NameRule::Label1035:
      if (name.size() > label_bytes_max) return too_long_message(label_bytes_max);
      if (!is_label(name) || name.front() < 'a') return std::string{label1035_message};
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> label_value_problem(std::string_view value) {
  if (value.size() > label_bytes_max) return too_long_message(label_bytes_max);
  if (!value.empty() && !is_name_part(value)) return std::string{label_value_message};
  return std::nullopt;
}

std::optional<std::string> qualified_name_problem(std::string_view name) {
  std::string_view part = name;
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    const std::string_view prefix = name.substr(0, slash);
    part = name.substr(slash + 1);
    if (part.find('/') != std::string_view::npos) return std::string{qualified_message};
    if (prefix.empty()) return "prefix part must be non-empty";
    if (auto problem = name_problem(prefix, NameRule::Subdomain)) return "prefix part " + *problem;
  }
  if (part.empty()) return "name part must be non-empty";
  if (part.size() > label_bytes_max) return "name part " + too_long_message(label_bytes_max);
  if (!is_name_part(part)) return std::string{name_part_message};
  return std::nullopt;
}

FieldErrors validate_metadata(const Json& metadata, bool namespaced, NameRule rule) {
  FieldErrors errors;
  if (!metadata.is_object()) return {required("metadata", "must be an object")};
  check_name(metadata, rule, errors);
  const std::string ns = text_at(metadata, "namespace");
  if (namespaced && ns.empty()) {
    errors.push_back(required("metadata.namespace"));
  } else if (namespaced) {
    if (auto problem = name_problem(ns, NameRule::Label)) errors.push_back(invalid("metadata.namespace", ns, *problem));
  } else if (!ns.empty()) {
    errors.push_back(forbidden("metadata.namespace", "not allowed on this type"));
  }
  if (const Json* labels = member(metadata, "labels")) check_labels(*labels, errors);
  if (const Json* annotations = member(metadata, "annotations")) check_annotations(*annotations, errors);
  if (const Json* owners = member(metadata, "ownerReferences")) check_owners(*owners, errors);
  if (const Json* finalizers = member(metadata, "finalizers")) check_finalizers(*finalizers, errors);
  return errors;
}

FieldErrors validate_metadata_update(const Json& metadata, const Json& old_metadata) {
  FieldErrors errors;
  if (!metadata.is_object() || !old_metadata.is_object()) return {required("metadata", "must be an object")};
  for (const char* key : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"}) {
    const std::string value = text_at(metadata, key);
    if (value != text_at(old_metadata, key)) {
      errors.push_back(invalid(std::string{"metadata."} + key, value, "field is immutable"));
    }
  }
  const Json* finalizers = member(metadata, "finalizers");
  if (text_at(old_metadata, "deletionTimestamp").empty() || !finalizers || !finalizers->is_array()) return errors;
  const Json* before = member(old_metadata, "finalizers");
  std::string added;
  for (const Json& one : *finalizers) {
    const bool known = before && before->is_array() && std::find(before->begin(), before->end(), one) != before->end();
    if (!known && one.is_string())
      added.append(added.empty() ? "" : ", ").append(go_quoted(one.get_ref<const std::string&>()));
  }
  if (!added.empty()) {
    errors.push_back(forbidden("metadata.finalizers",
                               "no new finalizers can be added if the object is being deleted, found new finalizers "
                               "[]string{" +
                                   added + "}"));
  }
  return errors;
}

std::string generated_name(std::string_view generate_name, std::string_view suffix) {
  return std::string{generate_name.substr(0, label_bytes_max - std::min(label_bytes_max, suffix.size()))}.append(
      suffix);
}

}  // namespace datamesh::apiserver

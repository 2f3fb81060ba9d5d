#include "apiserver/schema/crd_schema.hpp"

#include <algorithm>
#include <array>

namespace datamesh::apiserver {

namespace {

constexpr int depth_max = 100;
constexpr std::size_t errors_max = 50;

bool is_true(const Json& schema, const char* key) {
  const auto it = schema.find(key);
  return it != schema.end() && it->is_boolean() && it->get<bool>();
}

struct Forbidden {
  const char* key;
  const char* detail;
};

constexpr std::array forbidden_keys = {
    Forbidden{"$ref", "$ref is not supported"},
    Forbidden{"id", "id is not supported"},
    Forbidden{"definitions", "definitions is not supported"},
    Forbidden{"dependencies", "dependencies is not supported"},
    Forbidden{"additionalItems", "additionalItems is not supported"},
    Forbidden{"patternProperties", "patternProperties is not supported"},
};

// Inside allOf, anyOf, oneOf and not a schema may only restrict values, never describe them anew.
constexpr std::array describing_keys = {"type",
                                        "default",
                                        "description",
                                        "nullable",
                                        "title",
                                        "additionalProperties",
                                        "x-kubernetes-preserve-unknown-fields",
                                        "x-kubernetes-embedded-resource"};

void check_value_schema(const Json& schema, const std::string& path, bool int_or_string, int depth,
                        FieldErrors& errors) {
  if (!schema.is_object() || depth > depth_max || errors.size() > errors_max) return;
  for (const char* key : describing_keys) {
    if (!schema.contains(key) || (int_or_string && std::string_view{key} == "type")) continue;
    errors.push_back(forbidden(path + "." + key, "must be empty to be structural"));
  }
  if (const auto it = schema.find("properties"); it != schema.end() && it->is_object()) {
    for (const auto& [name, property] : it->items()) {
      check_value_schema(property, path + ".properties[" + name + "]", false, depth + 1, errors);
    }
  }
  if (const auto it = schema.find("items"); it != schema.end()) {
    check_value_schema(*it, path + ".items", false, depth + 1, errors);
  }
}

void check_groups(const Json& schema, const std::string& path, bool int_or_string, int depth, FieldErrors& errors) {
  for (const char* key : {"allOf", "anyOf", "oneOf"}) {
    const auto it = schema.find(key);
    if (it == schema.end() || !it->is_array()) continue;
    for (std::size_t i = 0; i < it->size(); ++i) {
      check_value_schema((*it)[i], path + "." + key + "[" + std::to_string(i) + "]", int_or_string, depth + 1, errors);
    }
  }
  if (const auto it = schema.find("not"); it != schema.end())
    check_value_schema(*it, path + ".not", false, depth + 1, errors);
}

void check_list(const Json& schema, const std::string& path, FieldErrors& errors) {
  const std::string list_type = string_at(schema, {"x-kubernetes-list-type"});
  const Json* keys = datamesh::find(schema, {"x-kubernetes-list-map-keys"});
  if (list_type.empty()) {
    if (keys && !keys->empty()) {
      errors.push_back(
          required(path + ".x-kubernetes-list-type", "must be map if x-kubernetes-list-map-keys is non-empty"));
    }
    return;
  }
  if (list_type != "atomic" && list_type != "set" && list_type != "map") {
    errors.push_back(not_supported(path + ".x-kubernetes-list-type", list_type, {"atomic", "map", "set"}));
  }
  if (string_at(schema, {"type"}) != "array") {
    errors.push_back(
        invalid(path + ".type", string_at(schema, {"type"}), "must be array if x-kubernetes-list-type is specified"));
  }
  if (list_type != "map") return;
  if (!keys || !keys->is_array() || keys->empty()) {
    errors.push_back(
        required(path + ".x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"));
    return;
  }
  const Json* properties = datamesh::find(schema, {"items", "properties"});
  const Json* needed = datamesh::find(schema, {"items", "required"});
  for (const Json& key : *keys) {
    const std::string name = key.is_string() ? key.get<std::string>() : key.dump();
    const Json* property = properties ? datamesh::find(*properties, {name}) : nullptr;
    if (!property) {
      errors.push_back(
          invalid(path + ".x-kubernetes-list-map-keys", name, "entries must all be names of item properties"));
      continue;
    }
    const bool is_required =
        needed && needed->is_array() && std::find(needed->begin(), needed->end(), key) != needed->end();
    if (!is_required && !property->contains("default")) {
      errors.push_back(required(
          path + ".items.properties[" + name + "].default",
          "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"));
    }
  }
}

void check_node(const Json& schema, const std::string& path, int depth, FieldErrors& errors);

void check_children(const Json& schema, const std::string& path, int depth, FieldErrors& errors) {
  const auto properties = schema.find("properties");
  const auto additional = schema.find("additionalProperties");
  if (properties != schema.end() && properties->is_object()) {
    for (const auto& [name, property] : properties->items()) {
      check_node(property, path + ".properties[" + name + "]", depth + 1, errors);
    }
  }
  if (additional != schema.end()) {
    if (properties != schema.end() && !properties->empty()) {
      errors.push_back(
          forbidden(path + ".additionalProperties", "additionalProperties and properties are mutual exclusive"));
    }
    if (additional->is_object()) {
      check_node(*additional, path + ".additionalProperties", depth + 1, errors);
    } else if (additional->is_boolean() && !additional->get<bool>()) {
      errors.push_back(forbidden(path + ".additionalProperties", "additionalProperties cannot be set to false"));
    }
  }
  const auto items = schema.find("items");
  if (items != schema.end() && items->is_array()) {
    errors.push_back(forbidden(path + ".items", "items must be a schema object and not an array"));
  } else if (items != schema.end()) {
    check_node(*items, path + ".items", depth + 1, errors);
  } else if (string_at(schema, {"type"}) == "array") {
    errors.push_back(required(path + ".items", "must be specified"));
  }
}

void check_node(const Json& schema, const std::string& path, int depth, FieldErrors& errors) {
  if (errors.size() > errors_max) return;
  if (!schema.is_object() || depth > depth_max) {
    errors.push_back(invalid(path, "", schema.is_object() ? "nests too deeply" : "must be an object"));
    return;
  }
  for (const Forbidden& one : forbidden_keys) {
    if (schema.contains(one.key)) errors.push_back(forbidden(path + "." + one.key, one.detail));
  }
  if (is_true(schema, "uniqueItems")) {
    errors.push_back(forbidden(path + ".uniqueItems",
                               "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"));
  }
  const std::string type = string_at(schema, {"type"});
  const bool int_or_string = is_true(schema, "x-kubernetes-int-or-string");
  const bool preserve = is_true(schema, "x-kubernetes-preserve-unknown-fields");
  static const std::vector<std::string> types = {"array", "boolean", "integer", "number", "object", "string"};
  if (type.empty() && !int_or_string && !preserve) {
    errors.push_back(required(path + ".type", depth == 0 ? "must not be empty at the root"
                                                         : "must not be empty for specified object fields"));
  } else if (!type.empty() && int_or_string) {
    errors.push_back(invalid(path + ".type", type, "must be empty if x-kubernetes-int-or-string is true"));
  } else if (!type.empty() && std::find(types.begin(), types.end(), type) == types.end()) {
    errors.push_back(not_supported(path + ".type", type, types));
  }
  if (is_true(schema, "x-kubernetes-embedded-resource") && type != "object") {
    errors.push_back(invalid(path + ".type", type, "must be object if x-kubernetes-embedded-resource is true"));
  }
  check_list(schema, path, errors);
  check_groups(schema, path, int_or_string, depth, errors);
  check_children(schema, path, depth, errors);
}

}  // namespace

void check_structural(const Json& schema, const std::string& path, FieldErrors& errors) {
  check_node(schema, path, 0, errors);
  const std::string type = string_at(schema, {"type"});
  if (schema.is_object() && !type.empty() && type != "object") {
    errors.push_back(invalid(path + ".type", type, "must be object at the root"));
  }
}

}  // namespace datamesh::apiserver

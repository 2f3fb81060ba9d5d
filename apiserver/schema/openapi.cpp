#include "apiserver/schema/openapi.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <set>

#include "apiserver/schema/builtin_schemas.hpp"
#include "apiserver/schema/openapi_parts.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::string_view definitions_prefix = "#/definitions/";
constexpr std::string_view meta_prefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";
constexpr int depth_max = 100;

// What a v2 document cannot say is left out: as kube-apiserver publishes CRDs in /openapi/v2.
Json as_v2(const Json& schema, int depth = 0) {
  if (!schema.is_object() || depth > depth_max) return schema;
  Json out = schema;
  for (const char* key : {"oneOf", "anyOf", "allOf", "not", "nullable", "x-kubernetes-validations"}) out.erase(key);
  const auto is = [&](const char* key) { return schema.contains(key) && schema[key] == true; };
  if (is("nullable")) {
    out.erase("type");
    out.erase("items");
    out.erase("properties");
    return out;
  }
  if (is("x-kubernetes-int-or-string")) {
    out["type"] = "string";
    out["format"] = "int-or-string";
  }
  if (is("x-kubernetes-preserve-unknown-fields")) {
    // A client that validates by this must not refuse what the server keeps.
    out.erase("properties");
    out.erase("items");
    out.erase("required");
  }
  if (const auto it = out.find("properties"); it != out.end()) {
    for (auto& property : *it) property = as_v2(property, depth + 1);
  }
  for (const char* key : {"items", "additionalProperties"}) {
    if (const auto it = out.find(key); it != out.end()) *it = as_v2(*it, depth + 1);
  }
  return out;
}

// References move to #/components/schemas/, and into allOf where they have siblings (v3 ignores those).
Json as_v3(const Json& schema, int depth = 0) {
  if (depth > depth_max) return schema;
  if (schema.is_array()) {
    Json out = Json::array();
    for (const Json& one : schema) out.push_back(as_v3(one, depth + 1));
    return out;
  }
  if (!schema.is_object()) return schema;
  Json out = Json::object();
  for (const auto& [key, value] : schema.items()) {
    if (key == "$ref" && value.is_string()) {
      const std::string target = "#/components/schemas/" + value.get<std::string>().substr(definitions_prefix.size());
      if (schema.size() == 1) {
        out["$ref"] = target;
      } else {
        out["allOf"] = Json::array({{{"$ref", target}}});
        out["default"] = Json::object();
      }
    } else if (key == "properties" && value.is_object()) {
      Json& properties = out["properties"];
      properties = Json::object();
      for (const auto& [name, property] : value.items()) properties[name] = as_v3(property, depth + 1);
    } else if (key == "items" || key == "additionalProperties" || key == "allOf" || key == "anyOf" || key == "oneOf" ||
               key == "not") {
      out[key] = as_v3(value, depth + 1);
    } else {
      out[key] = value;
    }
  }
  return out;
}

void collect_references(const Json& value, std::set<std::string>& out) {
  if (value.is_array()) {
    for (const Json& one : value) collect_references(one, out);
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (key == "$ref" && member.is_string()) {
        const std::string& text = member.get_ref<const std::string&>();
        out.insert(text.substr(text.rfind('/') + 1));
      } else {
        collect_references(member, out);
      }
    }
  }
}

Json gvk(const std::string& group, const std::string& version, const std::string& kind) {
  return Json::array({{{"group", group}, {"kind", kind}, {"version", version}}});
}

// The definitions of one served version of a CRD, and of its list.
void add_custom(Json& definitions, const Json& crd, const Json& version, const OpenApiResource& resource) {
  const Json* given = datamesh::find(version, {"schema", "openAPIV3Schema"});
  Json schema =
      given && given->is_object() ? *given : Json{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  schema["type"] = "object";
  Json& properties = schema["properties"];
  if (!properties.is_object()) properties = Json::object();
  const Json& example = builtin_definitions().at("io.k8s.api.core.v1.Namespace")["properties"];
  for (const char* key : {"apiVersion", "kind", "metadata"}) properties[key] = example[key];
  schema["x-kubernetes-group-version-kind"] = gvk(resource.group, resource.version, resource.kind);
  definitions[resource.definition] = std::move(schema);

  std::string list_kind = string_at(crd, {"spec", "names", "listKind"});
  if (list_kind.empty()) list_kind = resource.kind + "List";
  Json list = builtin_definitions().at("io.k8s.api.core.v1.NamespaceList");
  list["description"] = list_kind + " is a list of " + resource.kind;
  list["properties"]["items"]["items"] = {{"$ref", std::string{definitions_prefix} + resource.definition}};
  list["x-kubernetes-group-version-kind"] = gvk(resource.group, resource.version, list_kind);
  definitions[resource.definition + "List"] = std::move(list);
}

std::vector<OpenApiResource> resources_of(const std::vector<const Json*>& crds, Json& definitions) {
  std::vector<OpenApiResource> out;
  for (const BuiltinType& one : builtin_types()) {
    out.push_back(
        {one.group, one.version, one.kind, one.plural, one.namespaced, one.status, one.review, false, one.definition});
  }
  for (const Json* crd : crds) {
    const Json* versions = datamesh::find(*crd, {"spec", "versions"});
    if (!versions || !versions->is_array()) continue;
    for (const Json& version : *versions) {
      const Json* served = datamesh::find(version, {"served"});
      if (!served || !served->is_boolean() || !served->get<bool>()) continue;
      const Json* status = datamesh::find(version, {"subresources", "status"});
      OpenApiResource one{string_at(*crd, {"spec", "group"}),
                          string_at(version, {"name"}),
                          string_at(*crd, {"spec", "names", "kind"}),
                          string_at(*crd, {"spec", "names", "plural"}),
                          string_at(*crd, {"spec", "scope"}) == "Namespaced",
                          status && !status->is_null(),
                          false,
                          true,
                          {}};
      one.definition = definition_name(one.group, one.version, one.kind);
      add_custom(definitions, *crd, version, one);
      out.push_back(std::move(one));
    }
  }
  return out;
}

// FNV-1a: the hash in an index only has to change with the document.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char out[17];
  std::snprintf(out, sizeof out, "%016llX", static_cast<unsigned long long>(hash));
  return out;
}

std::string dumped(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json info(std::string_view server_version) {
  return {{"title", "Kubernetes"}, {"version", server_version}};
}

// One document of a group and version, with every schema that it refers to.
Json v3_document(const std::vector<const OpenApiResource*>& resources, const Json& definitions,
                 std::string_view server_version) {
  Json paths = Json::object();
  std::set<std::string> wanted;
  for (const OpenApiResource* one : resources) {
    paths.update(openapi_paths(*one, OpenApiVersion::V3));
    wanted.insert(one->definition);
  }
  collect_references(paths, wanted);
  for (const char* name : {"DeleteOptions", "Status", "WatchEvent"}) wanted.insert(std::string{meta_prefix} + name);
  Json schemas = Json::object();
  while (!wanted.empty()) {
    const std::string name = *wanted.begin();
    wanted.erase(wanted.begin());
    const auto it = definitions.find(name);
    if (it == definitions.end() || schemas.contains(name)) continue;
    schemas[name] = as_v3(*it);
    std::set<std::string> more;
    collect_references(*it, more);
    for (const std::string& one : more) {
      if (!schemas.contains(one)) wanted.insert(one);
    }
  }
  return {{"openapi", "3.0.0"},
          {"info", info(server_version)},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}}}};
}

}  // namespace

std::string definition_name(std::string_view group, std::string_view version, std::string_view kind) {
  std::string out;
  while (!group.empty()) {
    const std::size_t dot = group.rfind('.');
    out.append(dot == std::string_view::npos ? group : group.substr(dot + 1)).append(".");
    group = dot == std::string_view::npos ? std::string_view{} : group.substr(0, dot);
  }
  return out.append(version).append(".").append(kind);
}

OpenApiDocuments openapi_documents(const std::vector<const Json*>& crds, std::string_view server_version) {
  OpenApiDocuments out;
  Json definitions = builtin_definitions();
  const std::vector<OpenApiResource> resources = resources_of(crds, definitions);

  Json v2 = {
      {"swagger", "2.0"}, {"info", info(server_version)}, {"paths", Json::object()}, {"definitions", Json::object()}};
  std::map<std::string, std::vector<const OpenApiResource*>> groups;
  for (const OpenApiResource& one : resources) {
    v2["paths"].update(openapi_paths(one, OpenApiVersion::V2));
    groups[one.group.empty() ? "api/" + one.version : "apis/" + one.group + "/" + one.version].push_back(&one);
  }
  for (const auto& [name, definition] : definitions.items()) v2["definitions"][name] = as_v2(definition);
  out.v2 = dumped(v2);
  out.v2_protobuf = openapi_v2_protobuf(v2);

  Json index = {{"paths", Json::object()}};
  for (const auto& [key, members] : groups) {
    std::string text = dumped(v3_document(members, definitions, server_version));
    index["paths"][key] = {{"serverRelativeURL", "/openapi/v3/" + key + "?hash=" + hash_of(text)}};
    out.v3.emplace(key, std::move(text));
  }
  out.v3_index = dumped(index);
  return out;
}

}  // namespace datamesh::apiserver

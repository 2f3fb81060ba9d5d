#include "apiserver/schema/builtin_schemas.hpp"

#include <array>
#include <map>

#include "apiserver/schema/builtin_text.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

struct Package {
  std::string_view alias, prefix, group, version;
};

constexpr std::array packages = {
    Package{"meta", "io.k8s.apimachinery.pkg.apis.meta.v1.", "", "v1"},
    Package{"core", "io.k8s.api.core.v1.", "", "v1"},
    Package{"events", "io.k8s.api.events.v1.", "events.k8s.io", "v1"},
    Package{"coordination", "io.k8s.api.coordination.v1.", "coordination.k8s.io", "v1"},
    Package{"rbac", "io.k8s.api.rbac.v1.", "rbac.authorization.k8s.io", "v1"},
    Package{"authorization", "io.k8s.api.authorization.v1.", "authorization.k8s.io", "v1"},
    Package{"authentication", "io.k8s.api.authentication.v1.", "authentication.k8s.io", "v1"},
    Package{"extensions", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.", "apiextensions.k8s.io", "v1"},
};

const Package& package_of(std::string_view alias) {
  for (const Package& one : packages) {
    if (one.alias == alias) return one;
  }
  return packages.front();
}

std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

// {"type": ...} of a TYPE of the short form.
Json type_schema(std::string_view type, const Package& package) {
  if (type.starts_with("[]")) return {{"type", "array"}, {"items", type_schema(type.substr(2), package)}};
  if (type.starts_with("map[]")) {
    return {{"type", "object"}, {"additionalProperties", type_schema(type.substr(5), package)}};
  }
  static const std::map<std::string_view, Json> scalars = {
      {"string", {{"type", "string"}}},
      {"bool", {{"type", "boolean"}}},
      {"int32", {{"type", "integer"}, {"format", "int32"}}},
      {"int64", {{"type", "integer"}, {"format", "int64"}}},
      {"number", {{"type", "number"}, {"format", "double"}}},
      {"time", {{"type", "string"}, {"format", "date-time"}}},
      {"microtime", {{"type", "string"}, {"format", "date-time"}}},
      {"bytes", {{"type", "string"}, {"format", "byte"}}},
      {"quantity", {{"x-kubernetes-int-or-string", true}}},
      {"intorstring", {{"x-kubernetes-int-or-string", true}}},
      {"any", {{"x-kubernetes-preserve-unknown-fields", true}}},
      {"StringList", {{"type", "array"}, {"items", {{"type", "string"}}}}},
  };
  if (const auto it = scalars.find(type); it != scalars.end()) return it->second;
  const std::size_t dot = type.find('.');
  const Package& from = dot == std::string_view::npos ? package : package_of(type.substr(0, dot));
  const std::string_view name = dot == std::string_view::npos ? type : type.substr(dot + 1);
  return {{"$ref", "#/definitions/" + std::string{from.prefix} + std::string{name}}};
}

void add_option(Json& schema, std::string_view option) {
  const std::size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  const std::string value{equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1)};
  if (name == "set" || name == "atomic") {
    schema["x-kubernetes-list-type"] = name;
  } else if (name == "keys") {
    schema["x-kubernetes-list-type"] = "map";
    schema["x-kubernetes-list-map-keys"] = Json::array({value});
  } else if (name == "merge") {
    schema["x-kubernetes-patch-strategy"] = "merge";
  } else if (name == "mergekey") {
    schema["x-kubernetes-patch-merge-key"] = value;
  }
}

void add_field(Json& definition, std::string_view line, const Package& package) {
  const std::size_t bar = line.find(" | ");
  const std::string_view description = line.substr(bar + 3);
  line = line.substr(0, bar);
  std::string name{take_word(line)};
  if (name.ends_with('!')) {
    name.pop_back();
    definition["required"].push_back(name);
  }
  Json schema = type_schema(take_word(line), package);
  schema["description"] = description;
  while (!line.empty()) add_option(schema, take_word(line));
  definition["properties"][name] = std::move(schema);
}

Json gvk_list(const Package& package, const std::string& kind) {
  return Json::array({{{"group", package.group}, {"version", package.version}, {"kind", kind}}});
}

constexpr std::string_view api_version_text =
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
    "schemas to the latest internal value, and may reject unrecognized values.";
constexpr std::string_view kind_text =
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
    "endpoint the client submits requests to. Cannot be updated. In CamelCase.";

void add_object_fields(Json& definition, std::string_view metadata) {
  Json& properties = definition["properties"];
  properties["apiVersion"] = {{"type", "string"}, {"description", api_version_text}};
  properties["kind"] = {{"type", "string"}, {"description", kind_text}};
  properties["metadata"] = {
      {"$ref", "#/definitions/" + std::string{package_of("meta").prefix} + std::string{metadata}},
      {"description", metadata == "ListMeta" ? "Standard list metadata." : "Standard object's metadata."}};
}

void add_list(Json& definitions, const Package& package, const std::string& kind) {
  Json list = {{"type", "object"}, {"description", kind + "List is a list of " + kind + " objects."}};
  list["required"] = Json::array({"items"});
  add_object_fields(list, "ListMeta");
  list["properties"]["items"] = {{"type", "array"},
                                 {"items", {{"$ref", "#/definitions/" + std::string{package.prefix} + kind}}},
                                 {"description", "The objects."}};
  list["x-kubernetes-group-version-kind"] = gvk_list(package, kind + "List");
  definitions[std::string{package.prefix} + kind + "List"] = std::move(list);
}

void read_text(Json& definitions, std::string_view text) {
  const Package* package = &packages.front();
  Json* definition = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    if (!line.starts_with("= ")) {
      add_field(*definition, line, *package);
      continue;
    }
    line.remove_prefix(2);
    const std::size_t bar = line.find(" | ");
    const std::string_view description = line.substr(bar + 3);
    line = line.substr(0, bar);
    package = &package_of(take_word(line));
    const std::string name{take_word(line)};
    definition = &definitions[std::string{package->prefix} + name];
    *definition = {{"type", "object"}, {"description", description}};
    const std::string_view option = take_word(line);
    if (option == "atomicmap") (*definition)["x-kubernetes-map-type"] = "atomic";
    if (option != "kind") continue;
    add_object_fields(*definition, "ObjectMeta");
    (*definition)["x-kubernetes-group-version-kind"] = gvk_list(*package, name);
    // References to the definition stay valid: a Json object is a node-based map.
    if (!name.ends_with("Review") && name != "TokenRequest") add_list(definitions, *package, name);
  }
}

BuiltinType type(std::string_view package, std::string kind, std::string plural, bool namespaced) {
  const Package& from = package_of(package);
  BuiltinType out;
  out.group = from.group;
  out.version = from.version;
  out.plural = std::move(plural);
  for (char c : kind) out.singular += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  out.definition = std::string{from.prefix} + kind;
  out.kind = std::move(kind);
  out.namespaced = namespaced;
  return out;
}

std::vector<BuiltinType> make_types() {
  std::vector<BuiltinType> types;
  const auto add = [&](BuiltinType one) -> BuiltinType& { return types.emplace_back(std::move(one)); };
  BuiltinType& ns = add(type("core", "Namespace", "namespaces", false));
  ns.short_names = {"ns"};
  ns.status = true;
  ns.names = NameRule::Label;
  ns.selectable_fields = {"status.phase"};
  add(type("core", "Secret", "secrets", true)).selectable_fields = {"type"};
  add(type("core", "ConfigMap", "configmaps", true)).short_names = {"cm"};
  add(type("core", "ServiceAccount", "serviceaccounts", true)).short_names = {"sa"};
  BuiltinType& event = add(type("core", "Event", "events", true));
  event.short_names = {"ev"};
  event.names = NameRule::PathSegment;
  event.selectable_fields = {"involvedObject.kind",
                             "involvedObject.namespace",
                             "involvedObject.name",
                             "involvedObject.uid",
                             "involvedObject.apiVersion",
                             "involvedObject.resourceVersion",
                             "involvedObject.fieldPath",
                             "reason",
                             "reportingComponent",
                             "source",
                             "type"};
  BuiltinType& quota = add(type("core", "ResourceQuota", "resourcequotas", true));
  quota.short_names = {"quota"};
  quota.status = true;
  BuiltinType& new_event = add(type("events", "Event", "events", true));
  new_event.short_names = {"ev"};
  new_event.names = NameRule::PathSegment;
  new_event.selectable_fields = {"regarding.kind",       "regarding.namespace",
                                 "regarding.name",       "regarding.uid",
                                 "regarding.apiVersion", "reason",
                                 "reportingController",  "type"};
  add(type("coordination", "Lease", "leases", true));
  for (const auto& [kind, plural, namespaced] :
       {std::tuple{"Role", "roles", true}, std::tuple{"RoleBinding", "rolebindings", true},
        std::tuple{"ClusterRole", "clusterroles", false},
        std::tuple{"ClusterRoleBinding", "clusterrolebindings", false}}) {
    add(type("rbac", kind, plural, namespaced)).names = NameRule::PathSegment;
  }
  BuiltinType& crd = add(type("extensions", "CustomResourceDefinition", "customresourcedefinitions", false));
  crd.short_names = {"crd", "crds"};
  crd.status = true;
  add(type("authorization", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false)).review = true;
  add(type("authorization", "SubjectAccessReview", "subjectaccessreviews", false)).review = true;
  add(type("authorization", "LocalSubjectAccessReview", "localsubjectaccessreviews", true)).review = true;
  add(type("authorization", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false)).review = true;
  add(type("authentication", "TokenReview", "tokenreviews", false)).review = true;
  add(type("authentication", "SelfSubjectReview", "selfsubjectreviews", false)).review = true;
  return types;
}

}  // namespace

const std::vector<BuiltinType>& builtin_types() {
  static const std::vector<BuiltinType> types = make_types();
  return types;
}

const BuiltinType* find_builtin(std::string_view group, std::string_view version, std::string_view kind) {
  for (const BuiltinType& one : builtin_types()) {
    if (one.group == group && one.version == version && one.kind == kind) return &one;
  }
  return nullptr;
}

const Json& builtin_definitions() {
  static const Json definitions = [] {
    Json all = Json::object();
    for (std::string_view text : {builtin_text_meta, builtin_text_core, builtin_text_access, builtin_text_extensions}) {
      read_text(all, text);
    }
    return all;
  }();
  return definitions;
}

const Schema* builtin_schema(std::string_view group, std::string_view version, std::string_view kind) {
  static const std::map<std::string, Schema> schemas = [] {
    std::map<std::string, Schema> all;
    const Json& definitions = builtin_definitions();
    for (const auto& [name, definition] : definitions.items()) {
      const auto gvk = definition.find("x-kubernetes-group-version-kind");
      if (gvk == definition.end()) continue;
      auto schema = Schema::compile_with_definitions({{"$ref", "#/definitions/" + name}}, definitions);
      const Json& one = gvk->front();
      if (schema) {
        all.emplace(string_at(one, {"group"}) + "/" + string_at(one, {"version"}) + "/" + string_at(one, {"kind"}),
                    *schema);
      }
    }
    return all;
  }();
  const auto it = schemas.find(std::string{group}.append("/").append(version).append("/").append(kind));
  return it == schemas.end() ? nullptr : &it->second;
}

}  // namespace datamesh::apiserver

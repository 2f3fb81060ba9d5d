#include "apiserver/schema/crd.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "apiserver/schema/crd_schema.hpp"
#include "apiserver/schema/names.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

const Json* array_at(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* value = datamesh::find(object, path);
  return value && value->is_array() ? value : nullptr;
}

std::vector<std::string> texts(const Json* list) {
  std::vector<std::string> out;
  if (!list || !list->is_array()) return out;
  for (const Json& one : *list) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

bool is_true(const Json& object, std::string_view key) {
  const Json* value = datamesh::find(object, {key});
  return value && value->is_boolean() && value->get<bool>();
}

const Json& schema_of(const Json& crd, const Json& version) {
  static const Json none;
  if (const Json* schema = datamesh::find(version, {"schema", "openAPIV3Schema"})) return *schema;
  const Json* shared = datamesh::find(crd, {"spec", "validation", "openAPIV3Schema"});
  return shared ? *shared : none;
}

// status.conditions[type].status == "True"
bool has_condition(const Json& crd, std::string_view type) {
  const Json* conditions = array_at(crd, {"status", "conditions"});
  return conditions && std::any_of(conditions->begin(), conditions->end(), [&](const Json& one) {
           return string_at(one, {"type"}) == type && string_at(one, {"status"}) == "True";
         });
}

void check_names(const Json& spec, FieldErrors& errors) {
  const auto check = [&](const char* key, bool must) {
    const std::string value = string_at(spec, {"names", key});
    const std::string field = std::string{"spec.names."} + key;
    if (value.empty()) {
      if (must) errors.push_back(required(field));
      return;
    }
    if (auto problem = name_problem(lower(value), NameRule::Label1035)) {
      errors.push_back(invalid(field, value, "may have mixed case, but should otherwise match: " + *problem));
    }
  };
  for (const char* key : {"plural", "singular"}) {
    const std::string value = string_at(spec, {"names", key});
    if (!value.empty() && value != lower(value)) {
      errors.push_back(invalid(std::string{"spec.names."} + key, value, *name_problem("A", NameRule::Label1035)));
    } else {
      check(key, std::string_view{key} == "plural");
    }
  }
  check("kind", true);
  check("listKind", false);
  for (const char* key : {"shortNames", "categories"}) {
    const auto values = texts(datamesh::find(spec, {"names", key}));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (auto problem = name_problem(values[i], NameRule::Label1035)) {
        errors.push_back(
            invalid(std::string{"spec.names."} + key + "[" + std::to_string(i) + "]", values[i], *problem));
      }
    }
  }
  const std::string kind = string_at(spec, {"names", "kind"});
  if (!kind.empty() && kind == string_at(spec, {"names", "listKind"})) {
    errors.push_back(invalid("spec.names.listKind", kind, "kind and listKind may not be the same"));
  }
}

void check_columns(const Json& version, const std::string& path, FieldErrors& errors) {
  const Json* columns = array_at(version, {"additionalPrinterColumns"});
  if (!columns) return;
  static const std::vector<std::string> types = {"boolean", "date", "integer", "number", "string"};
  for (std::size_t i = 0; i < columns->size(); ++i) {
    const Json& column = (*columns)[i];
    const std::string at = path + ".additionalPrinterColumns[" + std::to_string(i) + "]";
    for (const char* key : {"name", "type", "jsonPath"}) {
      if (string_at(column, {key}).empty()) errors.push_back(required(at + "." + key));
    }
    const std::string type = string_at(column, {"type"});
    if (!type.empty() && std::find(types.begin(), types.end(), type) == types.end()) {
      errors.push_back(not_supported(at + ".type", type, types));
    }
    const std::string json_path = string_at(column, {"jsonPath"});
    if (json_path.empty()) continue;
    if (auto compiled = JsonPath::compile(json_path); !compiled || json_path[0] != '.') {
      errors.push_back(invalid(at + ".jsonPath", json_path,
                               compiled ? "must be a simple json path starting with ." : compiled.error().message));
    }
  }
}

void check_scale(const Json& version, const std::string& path, FieldErrors& errors) {
  const Json* scale = datamesh::find(version, {"subresources", "scale"});
  if (!scale || !scale->is_object()) return;
  for (const auto& [key, prefix] :
       {std::pair{"specReplicasPath", ".spec."}, std::pair{"statusReplicasPath", ".status."}}) {
    const std::string value = string_at(*scale, {key});
    const std::string field = path + ".subresources.scale." + key;
    if (value.empty()) {
      errors.push_back(required(field));
    } else if (!value.starts_with(prefix)) {
      errors.push_back(invalid(field, value,
                               std::string{"should be a json path under "} +
                                   std::string{prefix}.substr(0, std::string_view{prefix}.size() - 1)));
    }
  }
}

void check_version(const Json& crd, const Json& version, const std::string& path, FieldErrors& errors) {
  const std::string name = string_at(version, {"name"});
  if (auto problem = name_problem(name, NameRule::Label1035)) errors.push_back(invalid(path + ".name", name, *problem));
  const Json& schema = schema_of(crd, version);
  const std::string schema_path = path + ".schema.openAPIV3Schema";
  if (schema.is_null()) {
    errors.push_back(required(schema_path, "schemas are required"));
  } else if (!is_true(crd["spec"], "preserveUnknownFields")) {
    const std::size_t before = errors.size();
    check_structural(schema, schema_path, errors);
    if (errors.size() == before) {
      if (auto compiled = Schema::compile(schema); !compiled)
        errors.push_back(invalid(schema_path, "", compiled.error().message));
    }
  }
  check_columns(version, path, errors);
  check_scale(version, path, errors);
}

void check_versions(const Json& crd, FieldErrors& errors) {
  const Json* versions = array_at(crd, {"spec", "versions"});
  if (!versions || versions->empty()) {
    errors.push_back(required("spec.versions", "must specify at least one version"));
    return;
  }
  std::set<std::string> names;
  int storage = 0;
  for (std::size_t i = 0; i < versions->size(); ++i) {
    const Json& version = (*versions)[i];
    if (!names.insert(string_at(version, {"name"})).second) {
      errors.push_back(invalid_json("spec.versions", Json(texts(nullptr)), "must contain unique version names"));
    }
    storage += is_true(version, "storage") ? 1 : 0;
    check_version(crd, version, "spec.versions[" + std::to_string(i) + "]", errors);
  }
  if (storage != 1) {
    errors.push_back(
        invalid_json("spec.versions", Json(names), "must have exactly one version marked as storage version"));
  }
  const auto stored = texts(datamesh::find(crd, {"status", "storedVersions"}));
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (names.contains(stored[i])) continue;
    errors.push_back(
        invalid("status.storedVersions[" + std::to_string(i) + "]", stored[i], "must appear in spec.versions"));
  }
}

void check_update(const Json& crd, const Json& old_crd, FieldErrors& errors) {
  if (!has_condition(old_crd, "Established")) return;
  const auto same = [&](const std::string& field, std::initializer_list<std::string_view> path) {
    const std::string value = string_at(crd, path);
    if (value != string_at(old_crd, path)) errors.push_back(invalid(field, value, "field is immutable"));
  };
  same("spec.group", {"spec", "group"});
  same("spec.scope", {"spec", "scope"});
  same("spec.names.kind", {"spec", "names", "kind"});
  same("spec.names.plural", {"spec", "names", "plural"});
}

// The first name of `crd` that another CRD of its group already has; its condition reason.
std::optional<std::pair<std::string, std::string>> taken_name(const Json& crd, const std::vector<const Json*>& others) {
  std::set<std::string> resources;
  std::set<std::string> kinds;
  const std::string own = string_at(crd, {"metadata", "name"});
  for (const Json* other : others) {
    if (string_at(*other, {"metadata", "name"}) == own) continue;
    if (string_at(*other, {"spec", "group"}) != string_at(crd, {"spec", "group"})) continue;
    const Json* names = datamesh::find(*other, {"status", "acceptedNames"});
    if (!names || !names->is_object()) continue;
    for (const char* key : {"plural", "singular"}) resources.insert(string_at(*names, {key}));
    for (const std::string& one : texts(datamesh::find(*names, {"shortNames"}))) resources.insert(one);
    for (const char* key : {"kind", "listKind"}) kinds.insert(string_at(*names, {key}));
  }
  resources.erase("");
  kinds.erase("");
  const Json& names = crd["spec"]["names"];
  const auto message = [](const std::string& name) { return go_quoted(name) + " is already in use"; };
  for (const auto& [key, reason] : {std::pair{"plural", "PluralConflict"}, std::pair{"singular", "SingularConflict"}}) {
    if (const std::string name = string_at(names, {key}); resources.contains(name))
      return std::pair{std::string{reason}, message(name)};
  }
  for (const std::string& name : texts(datamesh::find(names, {"shortNames"}))) {
    if (resources.contains(name)) return std::pair{std::string{"ShortNamesConflict"}, message(name)};
  }
  for (const auto& [key, reason] : {std::pair{"kind", "KindConflict"}, std::pair{"listKind", "ListKindConflict"}}) {
    if (const std::string name = string_at(names, {key}); kinds.contains(name))
      return std::pair{std::string{reason}, message(name)};
  }
  return std::nullopt;
}

// lastTransitionTime moves only when the status does.
void set_condition(Json& conditions, const std::string& type, bool value, const std::string& reason,
                   const std::string& message, std::string_view now) {
  const std::string status = value ? "True" : "False";
  auto it = std::find_if(conditions.begin(), conditions.end(),
                         [&](const Json& one) { return string_at(one, {"type"}) == type; });
  if (it == conditions.end()) it = conditions.insert(conditions.end(), Json{{"type", type}});
  if (string_at(*it, {"status"}) != status) (*it)["lastTransitionTime"] = now;
  (*it)["status"] = status;
  (*it)["reason"] = reason;
  (*it)["message"] = message;
}

struct Priority {
  int stability = 0;  // 3 GA, 2 beta, 1 alpha, 0 not a version
  long major = 0;
  long minor = 0;
};

Priority priority_of(std::string_view name) {
  Priority out;
  if (name.size() < 2 || name[0] != 'v') return out;
  const char* end = name.data() + name.size();
  const auto [after, error] = std::from_chars(name.data() + 1, end, out.major);
  if (error != std::errc{}) return out;
  const std::string_view rest(after, static_cast<std::size_t>(end - after));
  if (rest.empty()) {
    out.stability = 3;
    return out;
  }
  const std::size_t word = rest.starts_with("beta") ? 4 : rest.starts_with("alpha") ? 5 : 0;
  if (word == 0) return out;
  const auto [last, minor_error] = std::from_chars(after + word, end, out.minor);
  if (minor_error == std::errc{} && last == end) out.stability = word == 4 ? 2 : 1;
  return out;
}

Result<CrdVersion> compile_version(const Json& crd, const Json& version) {
  CrdVersion out;
  out.name = string_at(version, {"name"});
  out.served = is_true(version, "served");
  out.storage = is_true(version, "storage");
  out.deprecated = is_true(version, "deprecated");
  out.deprecation_warning = string_at(version, {"deprecationWarning"});
  DATAMESH_TRY(out.schema, Schema::compile(schema_of(crd, version), is_true(crd["spec"], "preserveUnknownFields")));
  const Json* columns = array_at(version, {"additionalPrinterColumns"});
  DATAMESH_TRY(out.columns, TableColumns::of_crd(columns ? *columns : Json()));
  const Json* status = datamesh::find(version, {"subresources", "status"});
  out.status = status && !status->is_null();
  if (const Json* scale = datamesh::find(version, {"subresources", "scale"}); scale && scale->is_object()) {
    out.scale = true;
    out.scale_spec_path = string_at(*scale, {"specReplicasPath"});
    out.scale_status_path = string_at(*scale, {"statusReplicasPath"});
    out.scale_selector_path = string_at(*scale, {"labelSelectorPath"});
  }
  if (const Json* fields = array_at(version, {"selectableFields"})) {
    for (const Json& one : *fields) {
      const std::string path = string_at(one, {"jsonPath"});
      out.selectable_fields.push_back(path.starts_with('.') ? path.substr(1) : path);
    }
  }
  return out;
}

}  // namespace

void default_crd(Json& crd) {
  Json& spec = crd["spec"];
  if (!spec.is_object()) spec = Json::object();
  Json& names = spec["names"];
  if (!names.is_object()) names = Json::object();
  const std::string kind = string_at(names, {"kind"});
  if (string_at(names, {"singular"}).empty() && !kind.empty()) names["singular"] = lower(kind);
  if (string_at(names, {"listKind"}).empty() && !kind.empty()) names["listKind"] = kind + "List";
  if (!spec.contains("conversion")) spec["conversion"] = {{"strategy", "None"}};
}

FieldErrors validate_crd(const Json& crd, const Json* old_crd) {
  FieldErrors errors;
  const Json* spec = datamesh::find(crd, {"spec"});
  if (!spec || !spec->is_object()) return {required("spec")};
  const std::string name = string_at(crd, {"metadata", "name"});
  const std::string group = string_at(*spec, {"group"});
  if (name != string_at(*spec, {"names", "plural"}) + "." + group) {
    errors.push_back(invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
  }
  if (group.empty()) {
    errors.push_back(required("spec.group"));
  } else if (auto problem = name_problem(group, NameRule::Subdomain)) {
    errors.push_back(invalid("spec.group", group, *problem));
  } else if (group.find('.') == std::string::npos) {
    errors.push_back(invalid("spec.group", group, "should be a domain with at least one dot"));
  }
  const std::string scope = string_at(*spec, {"scope"});
  if (scope.empty()) {
    errors.push_back(required("spec.scope"));
  } else if (scope != "Cluster" && scope != "Namespaced") {
    errors.push_back(not_supported("spec.scope", scope, {"Cluster", "Namespaced"}));
  }
  check_names(*spec, errors);
  check_versions(crd, errors);
  const std::string strategy = string_at(*spec, {"conversion", "strategy"});
  if (!strategy.empty() && strategy != "None") {
    errors.push_back(not_supported("spec.conversion.strategy", strategy, {"None"}));
  }
  if (old_crd) check_update(crd, *old_crd, errors);
  return errors;
}

bool accept_crd(Json& crd, const std::vector<const Json*>& others, std::string_view now) {
  const Json before = crd.contains("status") ? crd["status"] : Json();
  Json& status = crd["status"];
  if (!status.is_object()) status = Json::object();
  Json& conditions = status["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  Json& stored = status["storedVersions"];
  if (!stored.is_array()) stored = Json::array();
  if (const Json* versions = array_at(crd, {"spec", "versions"})) {
    for (const Json& version : *versions) {
      const Json name = string_at(version, {"name"});
      if (is_true(version, "storage") && std::find(stored.begin(), stored.end(), name) == stored.end())
        stored.push_back(name);
    }
  }
  if (const auto taken = taken_name(crd, others)) {
    set_condition(conditions, "NamesAccepted", false, taken->first, taken->second, now);
    if (!has_condition(crd, "Established")) {
      set_condition(conditions, "Established", false, "NotAccepted", "not all names are accepted", now);
    }
    if (!status.contains("acceptedNames")) status["acceptedNames"] = {{"kind", ""}, {"plural", ""}};
  } else {
    status["acceptedNames"] = crd["spec"]["names"];
    set_condition(conditions, "NamesAccepted", true, "NoConflicts", "no conflicts found", now);
    set_condition(conditions, "Established", true, "InitialNamesAccepted", "the initial names have been accepted", now);
  }
  return status != before;
}

bool version_before(std::string_view a, std::string_view b) {
  const Priority x = priority_of(a);
  const Priority y = priority_of(b);
  if (x.stability == 0 && y.stability == 0) return a < b;
  return std::tie(x.stability, x.major, x.minor) > std::tie(y.stability, y.major, y.minor);
}

Result<CompiledCrd> compile_crd(const Json& crd) {
  CompiledCrd out;
  const Json* versions = array_at(crd, {"spec", "versions"});
  if (!versions || versions->empty()) return Error{Code::Invalid, "spec.versions: Required value"};
  out.names.group = string_at(crd, {"spec", "group"});
  out.names.kind = string_at(crd, {"spec", "names", "kind"});
  out.names.list_kind = string_at(crd, {"spec", "names", "listKind"});
  if (out.names.list_kind.empty()) out.names.list_kind = out.names.kind + "List";
  out.names.plural = string_at(crd, {"spec", "names", "plural"});
  out.names.singular = string_at(crd, {"spec", "names", "singular"});
  if (out.names.singular.empty()) out.names.singular = lower(out.names.kind);
  out.names.short_names = texts(datamesh::find(crd, {"spec", "names", "shortNames"}));
  out.names.categories = texts(datamesh::find(crd, {"spec", "names", "categories"}));
  out.names.namespaced = string_at(crd, {"spec", "scope"}) == "Namespaced";
  for (const Json& version : *versions) {
    DATAMESH_TRY(CrdVersion one, compile_version(crd, version));
    out.versions.push_back(std::move(one));
  }
  std::stable_sort(out.versions.begin(), out.versions.end(),
                   [](const CrdVersion& a, const CrdVersion& b) { return version_before(a.name, b.name); });
  return out;
}

}  // namespace datamesh::apiserver

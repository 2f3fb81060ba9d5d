#include "controller/app/lint_schema.hpp"

#include <map>

#include "apiserver/schema/structural.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"
#include "crds/crds.hpp"

namespace datamesh::app {
namespace {

// By kind. The CRDs are compiled in, and a test checks that each of them compiles as a schema.
std::map<std::string, apiserver::Schema> load_schemas() {
  std::map<std::string, apiserver::Schema> schemas;
  for (const auto& [name, text] : crds()) {
    const auto documents = kube::parse_yaml(text);
    if (!documents || documents->empty()) continue;
    const Json& crd = documents->front();
    const Json* versions = find(crd, {"spec", "versions"});
    if (!versions || versions->empty()) continue;
    const Json* schema = find(versions->front(), {"schema", "openAPIV3Schema"});
    if (!schema) continue;
    if (auto compiled = apiserver::Schema::compile(*schema)) {
      schemas.emplace(string_at(crd, {"spec", "names", "kind"}), *std::move(compiled));
    }
  }
  return schemas;
}

}  // namespace

std::vector<std::string> check_schema(const Json& object) {
  static const auto schemas = load_schemas();
  std::vector<std::string> lines;
  if (string_at(object, {"apiVersion"}) != "datamesh.dev/v1alpha1") return lines;
  const auto schema = schemas.find(string_at(object, {"kind"}));
  if (schema == schemas.end()) return lines;
  Json copy = object;
  for (const auto& path : apiserver::prune(copy, schema->second)) lines.push_back("unknown field \"" + path + "\"");
  apiserver::apply_defaults(copy, schema->second);
  for (const auto& error : apiserver::validate(copy, schema->second)) lines.push_back(apiserver::to_string(error));
  return lines;
}

}  // namespace datamesh::app

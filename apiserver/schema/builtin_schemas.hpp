#pragma once
// The kinds this server has without any CRD: their names, scope and schemas.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/names.hpp"
#include "apiserver/schema/structural.hpp"

namespace datamesh::apiserver {

struct BuiltinType {
  std::string group;  // "" is core
  std::string version;
  std::string kind;
  std::string plural;
  std::string singular;
  std::vector<std::string> short_names;
  bool namespaced = false;
  bool status = false;  // has a status subresource
  bool review = false;  // create only, not stored: SelfSubjectAccessReview, TokenReview, ...
  NameRule names = NameRule::Subdomain;
  std::string definition;                      // "io.k8s.api.core.v1.Namespace"
  std::vector<std::string> selectable_fields;  // besides metadata.name and metadata.namespace
};

const std::vector<BuiltinType>& builtin_types();
const BuiltinType* find_builtin(std::string_view group, std::string_view version, std::string_view kind);

// Compiled once, at the first call; nullptr for kinds that are not built in.
const Schema* builtin_schema(std::string_view group, std::string_view version, std::string_view kind);

// OpenAPI v2 definitions by name ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {...}), with descriptions,
// patch strategies and group-version-kinds.
const nlohmann::json& builtin_definitions();

}  // namespace datamesh::apiserver

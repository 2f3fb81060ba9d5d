#pragma once
// CustomResourceDefinitions (apiextensions.k8s.io/v1): what is a valid one, and what accepting it means.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/field_error.hpp"
#include "apiserver/schema/structural.hpp"
#include "apiserver/schema/table.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver {

// Fills in singular, listKind, conversion, scope of subresources: before validate_crd.
void default_crd(nlohmann::json& crd);
FieldErrors validate_crd(const nlohmann::json& crd, const nlohmann::json* old_crd = nullptr);

// Sets status: acceptedNames, storedVersions (+ the storage version), conditions NamesAccepted and Established.
// `others` are the other CRDs: a name taken by one of them in the same group gives NamesAccepted=False (reason
// {Plural,Singular,ShortNames,Kind,ListKind}Conflict). `now` is RFC 3339. Returns whether status changed.
bool accept_crd(nlohmann::json& crd, const std::vector<const nlohmann::json*>& others, std::string_view now);

// One served version, ready for requests.
struct CrdVersion {
  std::string name;
  bool served = false;
  bool storage = false;
  bool deprecated = false;
  std::string deprecation_warning;
  Schema schema;
  TableColumns columns;
  bool status = false;
  bool scale = false;
  std::string scale_spec_path;  // ".spec.replicas"
  std::string scale_status_path;
  std::string scale_selector_path;             // may be empty
  std::vector<std::string> selectable_fields;  // without the leading dot
};
struct CrdNames {
  std::string group, kind, list_kind, plural, singular;
  std::vector<std::string> short_names, categories;
  bool namespaced = false;
};
struct CompiledCrd {
  CrdNames names;
  std::vector<CrdVersion>
      versions;  // in order of preference: v1 before v1beta1 before v1alpha1 (kube's version priority)
};
Result<CompiledCrd> compile_crd(const nlohmann::json& crd);
// Whether version `a` comes before `b`: "v2" > "v1" > "v1beta2" > "v1alpha1" > "foo".
bool version_before(std::string_view a, std::string_view b);

}  // namespace datamesh::apiserver

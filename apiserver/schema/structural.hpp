#pragma once
// Structural schemas (apiextensions.k8s.io/v1): what a custom resource may say.
//
// A Schema is compiled once per version of a CRD (or built-in kind), never changes afterwards and is shared by threads.
// The order for a write: prune -> apply_defaults -> validate. The order for a read from storage: prune ->
// apply_defaults (its unknown paths are ignored).
// apiVersion, kind and metadata are always known, at the root and in x-kubernetes-embedded-resource objects; unknown
// fields inside metadata are pruned as well. Values of metadata are checked by names.hpp, not here.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/field_error.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver {

struct SchemaTree;  // schema_tree.hpp, for the parts of this folder

class Schema {
 public:
  // Of a CRD version's `schema.openAPIV3Schema`. null or {} accepts and keeps everything below the root's known fields.
  // `preserve_unknown` is the CRD's spec.preserveUnknownFields. Invalid names the place in the schema.
  static Result<Schema> compile(const nlohmann::json& open_api_v3_schema, bool preserve_unknown = false);
  // With `$ref: #/definitions/NAME` looked up in `definitions` (recursion allowed): the built-in kinds.
  static Result<Schema> compile_with_definitions(const nlohmann::json& schema, const nlohmann::json& definitions);

  const SchemaTree& tree() const { return *tree_; }

 private:
  std::shared_ptr<const SchemaTree> tree_;
};

// Removes fields the schema does not know; returns their paths in document order, at most `paths_max` of them:
// "spec.foo", "spec.ports[0].bar". For fieldValidation=Strict answer 400 with
//   `{Kind} in version "{version}" cannot be handled as a {Kind}: strict decoding error: unknown field "spec.foo",
//   unknown field "spec.bar"`
// (duplicates from parse_json come first as `duplicate field "spec.name"`); for Warn send each as a Warning header.
std::vector<std::string> prune(nlohmann::json& object, const Schema& schema, std::size_t paths_max = 100);
// `strict decoding error: ...` of both kinds of finding, or "" when there are none.
std::string strict_decoding_error(const std::vector<std::string>& unknown, const std::vector<std::string>& duplicates);

// Fills in defaults and drops nulls of fields that are not nullable (as kube-apiserver does).
void apply_defaults(nlohmann::json& object, const Schema& schema);

struct ValidateOptions {
  const nlohmann::json* old_object = nullptr;  // on update: for x-kubernetes-validations that say oldSelf
  std::size_t errors_max = 100;
  bool status_only = false;  // on /status: only what is below `status`
};
// All that is wrong; empty when it is valid.
FieldErrors validate(const nlohmann::json& object, const Schema& schema, const ValidateOptions& options = {});

}  // namespace datamesh::apiserver

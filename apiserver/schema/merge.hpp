#pragma once
// The three patches of Kubernetes besides apply. Pure: the patched object comes back, metadata rules are the caller's.
//
// Errors say how to answer: Code::Invalid = 400 BadRequest (not a patch), Code::Denied = 413 (too many operations),
// Code::Conflict = 422 (a patch that does not fit this object; kube-apiserver's message for it is
// "the server rejected our request due to an error in our request", the text here is its cause).

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/structural.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver {

inline constexpr int json_patch_operations_max = 10'000;

// application/merge-patch+json (RFC 7386). The patch must be an object.
Result<nlohmann::json> json_merge_patch(const nlohmann::json& object, const nlohmann::json& patch);
// application/json-patch+json (RFC 6902). All or nothing. Copies may not grow the object beyond 3 MiB.
Result<nlohmann::json> json_patch(const nlohmann::json& object, const nlohmann::json& operations);
// application/strategic-merge-patch+json: built-in kinds only (a custom resource answers 415). Lists with
// x-kubernetes-patch-strategy merge are merged by x-kubernetes-patch-merge-key (lists of primitives as sets);
// directives $patch: replace|merge|delete, $deleteFromPrimitiveList/..., $setElementOrder/..., $retainKeys.
Result<nlohmann::json> strategic_merge_patch(const nlohmann::json& object, const nlohmann::json& patch,
                                             const Schema& schema);

}  // namespace datamesh::apiserver

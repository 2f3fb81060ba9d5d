#pragma once
// What is there from the first start: namespaces, default roles and bindings, CRDs.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/engine.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver {

// ClusterRoles and ClusterRoleBindings: Kubernetes' own that make sense here, and the mesh's.
std::vector<nlohmann::json> default_roles();

// {"metadata": {"labels": ...}} of what this server keeps as it ships.
inline constexpr const char* kBootstrapLabel = "kubernetes.io/bootstrapping";

// Creates what is missing and brings default roles and CRDs up to date. Blocks.
Result<void> bootstrap(Engine& engine, const std::vector<std::string>& crd_documents);

// The user that this process itself is.
User self();
// Writes `object` as it is, whatever was there: create, or replace when it differs in more than bookkeeping.
Result<void> ensure_object(Engine& engine, const nlohmann::json& object);

}  // namespace datamesh::apiserver

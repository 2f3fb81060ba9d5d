#pragma once
// What is special about each built-in kind when it is written: what the server fills in, and what a schema cannot say.
// Pure.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/catalog.hpp"
#include "apiserver/schema/field_error.hpp"

namespace datamesh::apiserver {

inline constexpr const char* kCrdFinalizer = "customresourcecleanup.apiextensions.k8s.io";
inline constexpr const char* kCrdStorage = "apiextensions.k8s.io/customresourcedefinitions";

// Between defaulting and validation. `live` is the version before, nullptr on creation. `crds` are all others.
void prepare_kind(const Resource& resource, nlohmann::json& object, const nlohmann::json* live,
                  const std::string& subresource, const std::vector<nlohmann::json>& crds, const std::string& now);
FieldErrors validate_kind(const Resource& resource, const nlohmann::json& object, const nlohmann::json* live);

// Whether metadata.generation counts changes of this kind.
bool has_generation(const Resource& resource);
// Whether writes to the main resource leave `status` alone.
bool owns_status_apart(const Resource& resource, const Version& version);
bool is_rbac(const Resource& resource);

}  // namespace datamesh::apiserver

#pragma once
// Rules for names, labels, annotations and the rest of metadata (apimachinery's validation package), in its words.
// Pure and thread-safe.

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/field_error.hpp"

namespace datamesh::apiserver {

// Which names a kind takes.
enum class NameRule {
  Subdomain,    // lowercase RFC 1123 subdomain, 253 bytes: custom resources, Secret, ConfigMap, ServiceAccount, CRD,
                // Lease
  Label,        // lowercase RFC 1123 label, 63 bytes: Namespace
  Label1035,    // RFC 1035 label: Service
  PathSegment,  // anything that can be a path segment: Role, RoleBinding, ClusterRole, ClusterRoleBinding, Event
};

// The reason why it is not one (Kubernetes' sentence), or nothing.
std::optional<std::string> name_problem(std::string_view name, NameRule rule);
std::optional<std::string> label_value_problem(std::string_view value);
std::optional<std::string> qualified_name_problem(std::string_view name);  // label keys, finalizers

// What must hold of metadata on create and update. `namespaced` decides whether a namespace is required or forbidden.
// generateName is checked when name is empty; name and generateName both empty is
// `metadata.name: Required value: name or generateName is required`.
FieldErrors validate_metadata(const nlohmann::json& metadata, bool namespaced, NameRule rule);
// What must not change between two versions: name, namespace, uid, creationTimestamp, deletionTimestamp (once set, or
// by a client), and no new finalizers while being deleted.
FieldErrors validate_metadata_update(const nlohmann::json& metadata, const nlohmann::json& old_metadata);

// name = generateName cut so that the name is at most 63 bytes, plus `suffix` (5 characters of
// "bcdfghjklmnpqrstvwxz2456789", drawn by the caller).
std::string generated_name(std::string_view generate_name, std::string_view suffix);

}  // namespace datamesh::apiserver

#pragma once
// The CustomResourceDefinitions of datamesh.dev/v1alpha1 as they stand in crds/*.yaml, and the roles that an
// installation brings along, compiled in.

#include <string_view>
#include <utility>
#include <vector>

namespace datamesh {

// {"backends", the text of crds/backends.yaml}, ...; sorted by name.
const std::vector<std::pair<std::string_view, std::string_view>>& crds();
// The text of manifests/kubernetes/base/team-roles.yaml: ClusterRoles for the people of a mesh, and a binding.
std::string_view team_roles();

}  // namespace datamesh

#pragma once
// The CustomResourceDefinitions of datamesh.dev/v1alpha1 as they stand in crds/*.yaml, compiled in.

#include <string_view>
#include <utility>
#include <vector>

namespace datamesh {

// {"backends", the text of crds/backends.yaml}, ...; sorted by name.
const std::vector<std::pair<std::string_view, std::string_view>>& crds();

}  // namespace datamesh

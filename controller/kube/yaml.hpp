#pragma once
// YAML to JSON as Kubernetes reads it: plain scalars by the rules of YAML 1.1's core types, mapping keys as strings,
// merge keys. JSON is YAML, so it may be given too.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/result.hpp"

namespace datamesh::kube {

struct YamlLimits {
  std::size_t bytes = 3u << 20;
  int depth = 100;
  std::size_t nodes = 1'000'000;    // after aliases are expanded: the "billion laughs" bound
  bool duplicates_allowed = false;  // true: the last one wins, as the API server without strict validation
};

// The documents of a text separated by "---", empty ones left out. Invalid with line and column: broken YAML, a
// duplicate key, a limit, a number that JSON cannot hold. `duplicates`, if given, collects the paths of repeated keys.
Result<std::vector<nlohmann::json>> parse_yaml(std::string_view text, const YamlLimits& limits = {},
                                               std::vector<std::string>* duplicates = nullptr);

// Block style, keys in the order of the object, as `kubectl get -o yaml` looks.
std::string to_yaml(const nlohmann::json& value);

}  // namespace datamesh::kube

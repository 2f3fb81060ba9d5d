#pragma once
// JSON for one object at a time. Objects are sorted maps, so dump() is canonical: equal values have equal texts.
// Include this where values are touched; headers that only pass them on include <nlohmann/json_fwd.hpp>.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "controller/core/result.hpp"

namespace datamesh {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes = 3 << 20;  // as kube-apiserver's request limit
  int depth = 100;              // deeper input would overflow the stack of copying and printing
};

// Checks size and depth before parsing. Invalid with the position otherwise. Duplicate keys: the last one wins, as in
// Kubernetes; `duplicates`, if given, collects their paths ("spec.name").
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {},
                        std::vector<std::string>* duplicates = nullptr);

// The value at a path of object keys, or nullptr. Never throws.
const Json* find(const Json& object, std::initializer_list<std::string_view> path);
// The string at that path, or "".
std::string string_at(const Json& object, std::initializer_list<std::string_view> path);

}  // namespace datamesh

#pragma once
// Label and field selectors: parsed once per request, matched against every object. No allocation while matching.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/result.hpp"

namespace datamesh::apiserver {

struct LabelRequirement {
  enum class Operator { In, NotIn, Exists, DoesNotExist, GreaterThan, LessThan };
  std::string key;
  Operator op = Operator::Exists;
  std::vector<std::string> values;  // sorted; `a=b` and `a==b` are In, `a!=b` is NotIn

  bool operator==(const LabelRequirement&) const = default;
};
using LabelSelector = std::vector<LabelRequirement>;  // all must hold; empty selects everything

// `a=b,c!=d,e in (x,y),f notin (z),g,!h,n>5`. Invalid -> 400 BadRequest with
// `unable to parse requirement: ...` / `found 'x', expected: ...` (apimachinery's words).
Result<LabelSelector> parse_label_selector(std::string_view text);
// Of a LabelSelector object {matchLabels, matchExpressions}.
Result<LabelSelector> label_selector_from_object(const nlohmann::json& selector);
// `value_of(key)` is the label's value or nothing.
bool matches(const LabelSelector& selector,
             const std::function<std::optional<std::string_view>(std::string_view key)>& value_of);
bool matches(const LabelSelector& selector, const nlohmann::json& labels);  // an object of strings, or null
std::string to_string(const LabelSelector& selector);

struct FieldRequirement {
  std::string path;  // "metadata.name", "spec.engine"
  bool equals = true;
  std::string value;

  bool operator==(const FieldRequirement&) const = default;
};
using FieldSelector = std::vector<FieldRequirement>;

// `metadata.name=x,status.phase!=Ready`; `\,` `\=` `\\` are escapes. Invalid -> 400.
Result<FieldSelector> parse_field_selector(std::string_view text);
// Which fields a kind can be selected by besides metadata.name and metadata.namespace (a CRD's selectableFields
// without the leading dot, Event's reason, type, involvedObject.*, Secret's type, ...). Invalid:
// `field label not supported: spec.x`.
Result<void> check_fields(const FieldSelector& selector, const std::vector<std::string>& selectable);
// A missing field is "". Numbers and booleans are compared by their text.
bool matches(const FieldSelector& selector, const nlohmann::json& object);

}  // namespace datamesh::apiserver

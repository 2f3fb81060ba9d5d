#pragma once
// The compiled form of a structural schema: what the other files of this folder walk beside an object. Not for others.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/schema/cel.hpp"
#include "apiserver/schema/regex.hpp"
#include "apiserver/schema/structural.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

enum TypeBit : std::uint8_t {
  TypeObject = 1,
  TypeArray = 2,
  TypeString = 4,
  TypeInteger = 8,
  TypeNumber = 16,
  TypeBoolean = 32,
};

enum class Format : std::uint8_t {
  None,
  DateTime,
  Date,
  Duration,
  Uuid,
  Ipv4,
  Ipv6,
  Cidr,
  Mac,
  Email,
  Hostname,
  Uri,
  Byte
};

struct SchemaNode;

struct Property {
  std::string name;
  const SchemaNode* node = nullptr;
};

struct Rule {  // of x-kubernetes-validations
  CelProgram program;
  std::optional<CelProgram> message_program;
  std::string message;
  std::string field_path;  // below the node, "" for the node itself
  FieldErrorType type = FieldErrorType::Invalid;
};

// What only some nodes have; absent for most, so that a node stays small.
struct Checks {
  std::optional<double> minimum, maximum, multiple_of;
  bool exclusive_minimum = false, exclusive_maximum = false;
  std::optional<long> min_length, max_length, min_items, max_items, min_properties, max_properties;
  bool unique_items = false;
  std::string pattern_text;
  std::optional<Regex> pattern;
  Format format = Format::None;
  std::string format_name;
  std::vector<Json> enumeration;
  std::vector<const SchemaNode*> all_of, any_of, one_of;
  const SchemaNode* negated = nullptr;
  std::vector<Rule> rules;
};

enum class ListType : std::uint8_t { Atomic, Set, Map };

struct SchemaNode {
  std::uint8_t types = 0;  // TypeBits; 0: any
  bool nullable = false;
  bool preserve_unknown = false;
  bool additional_any = false;  // additionalProperties: true
  bool rules_below = false;     // x-kubernetes-validations here or below
  bool atomic_map = false;      // x-kubernetes-map-type: atomic
  bool merge_list = false;      // x-kubernetes-patch-strategy has merge
  bool retain_keys = false;     // ... has retainKeys
  ListType list_type = ListType::Atomic;
  std::vector<Property> properties;   // sorted by name, as the members of a Json object
  std::vector<std::string> required;  // sorted
  std::vector<std::string> list_keys;
  std::string merge_key;  // x-kubernetes-patch-merge-key
  const SchemaNode* additional = nullptr;
  const SchemaNode* items = nullptr;
  std::unique_ptr<const Json> default_value;
  std::unique_ptr<const Checks> checks;

  const SchemaNode* property(std::string_view name) const;
  // The schema of a member: its property, else additionalProperties; nullptr when there is none.
  const SchemaNode* member(std::string_view name) const;
};

struct SchemaTree {
  std::deque<SchemaNode> nodes;
  const SchemaNode* root = nullptr;
};

// Where a walk is: frames on the stack, made into text only when something is to be said.
struct Path {
  const Path* parent = nullptr;
  const std::string* key = nullptr;  // nullptr: an index, or the root
  std::size_t index = 0;

  Path below(const std::string& name) const { return {this, &name, 0}; }
  Path below(std::size_t i) const { return {this, nullptr, i}; }
  std::string text() const;                          // "spec.ports[0].name"; "" for the root
  std::string text_of(std::string_view name) const;  // of a member
};

// Bytes that look like the value of that format.
bool has_format(std::string_view text, Format format);
Format format_of(std::string_view name);

// Runs the rules of x-kubernetes-validations (validate_rules.cpp).
void validate_rules(const Json& value, const SchemaNode& node, const Json* old_value, const Path& path,
                    FieldErrors& errors, std::size_t errors_max);

std::string_view type_name(const Json& value);  // "string", "integer", "number", "boolean", "object", "array", "null"
std::string type_names(std::uint8_t types);     // "integer,string"

// The value of a list map's keys, {"name":"x"}, with defaults of the item's schema; discarded when one is missing.
Json list_map_key(const Json& item, const SchemaNode& list);

}  // namespace datamesh::apiserver

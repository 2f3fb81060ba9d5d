#pragma once
// Sets of field paths (structured-merge-diff's fieldpath.Set), in the shape of FieldsV1. Not for others.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

struct FieldSet {
  bool member = false;                                    // the path that ends here is in the set
  std::map<std::string, FieldSet, std::less<>> children;  // by element as FieldsV1 writes it: f:name k:{..} v:.. i:0

  bool empty() const { return !member && children.empty(); }
  bool operator==(const FieldSet&) const = default;

  const FieldSet* child(std::string_view element) const;
  void unite(const FieldSet& other);
  void subtract(const FieldSet& other);  // only what is itself a member of `other`
  // Calls with the printed path (".spec.ports[name=\"a\"]") of every member of both.
  void each_common(const FieldSet& other, const std::function<void(const std::string& path)>& visit) const;

  Json fields_v1() const;
  static std::optional<FieldSet> from_fields_v1(const Json& fields);  // nothing: malformed

 private:
  void each_common(const FieldSet& other, const std::string& path,
                   const std::function<void(const std::string&)>& visit) const;
};

// How a value takes part in merging.
enum class Shape { Leaf, Map, List };
Shape shape_of(const Json& value, const SchemaNode* node);
// "k:{...}" or "v:..." of an item of a granular list; "" when it lacks a key.
std::string item_element(const Json& item, const SchemaNode& list);

// What an applied configuration says (its fields, not the structs around them). `problem` gets the first malformed
// list.
FieldSet fields_of(const Json& object, const SchemaNode* node, std::string* problem = nullptr);

struct Difference {
  FieldSet changed;  // added or modified
  FieldSet removed;
};
Difference compare(const Json* before, const Json& after, const SchemaNode* node);

}  // namespace datamesh::apiserver

// From openAPIV3Schema to SchemaTree.
#include <algorithm>
#include <cmath>
#include <map>

#include "apiserver/schema/builtin_schemas.hpp"
#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

namespace {

constexpr int depth_max = 100;
constexpr std::string_view object_meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
constexpr std::string_view definitions_prefix = "#/definitions/";

bool flag(const Json& schema, const char* key) {
  const auto it = schema.find(key);
  return it != schema.end() && it->is_boolean() && it->get<bool>();
}

std::string text(const Json& schema, const char* key) {
  const auto it = schema.find(key);
  return it != schema.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

std::vector<std::string> texts(const Json& schema, const char* key) {
  std::vector<std::string> out;
  const auto it = schema.find(key);
  if (it == schema.end() || !it->is_array()) return out;
  for (const Json& one : *it) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

std::optional<double> number(const Json& schema, const char* key) {
  const auto it = schema.find(key);
  return it != schema.end() && it->is_number() ? std::optional{it->get<double>()} : std::nullopt;
}

std::optional<long> whole(const Json& schema, const char* key) {
  const auto it = schema.find(key);
  return it != schema.end() && it->is_number_integer() ? std::optional{it->get<long>()} : std::nullopt;
}

std::uint8_t type_bit(std::string_view name) {
  if (name == "object") return TypeObject;
  if (name == "array") return TypeArray;
  if (name == "string") return TypeString;
  if (name == "integer") return TypeInteger;
  if (name == "number") return TypeNumber;
  if (name == "boolean") return TypeBoolean;
  return 0;
}

FieldErrorType rule_reason(std::string_view reason) {
  if (reason == "FieldValueForbidden") return FieldErrorType::Forbidden;
  if (reason == "FieldValueRequired") return FieldErrorType::Required;
  if (reason == "FieldValueDuplicate") return FieldErrorType::Duplicate;
  return FieldErrorType::Invalid;
}

class Builder {
 public:
  Builder(SchemaTree& tree, const Json& definitions) : tree_(tree), definitions_(definitions) {}

  const SchemaNode* build(const Json& schema, const std::string& at, int depth) {
    if (depth > depth_max) return fail(at, "nests too deeply");
    if (!schema.is_object()) return fail(at, "must be an object");
    if (const std::string ref = text(schema, "$ref"); !ref.empty()) return resolve(ref, schema, at, depth);
    SchemaNode& node = tree_.nodes.emplace_back();
    fill(node, schema, at, depth);
    return &node;
  }

  // apiVersion, kind and metadata as every object has them, whatever the schema says of them. `metadata.name` may be
  // restricted further.
  void add_object_fields(SchemaNode& node, const Json& schema) {
    for (const char* name : {"apiVersion", "kind"}) {
      SchemaNode& string_node = tree_.nodes.emplace_back();
      string_node.types = TypeString;
      set_property(node, name, &string_node);
    }
    SchemaNode& metadata = tree_.nodes.emplace_back();
    fill(metadata, definitions_.at(std::string{object_meta}), "metadata", 0);
    if (const Json* own = datamesh::find(schema, {"properties", "metadata", "properties"}); own && own->is_object()) {
      for (const char* name : {"name", "generateName"}) {
        if (const auto it = own->find(name); it != own->end()) {
          if (const SchemaNode* checked = build(*it, std::string{"metadata."} + name, 0))
            set_property(metadata, name, checked);
        }
      }
    }
    set_property(node, "metadata", &metadata);
  }

  const std::string& error() const { return error_; }

 private:
  const SchemaNode* fail(const std::string& at, std::string_view message) {
    if (error_.empty()) error_ = at + ": " + std::string{message};
    return nullptr;
  }

  static void set_property(SchemaNode& node, std::string_view name, const SchemaNode* value) {
    const auto it = std::lower_bound(node.properties.begin(), node.properties.end(), name,
                                     [](const Property& one, std::string_view key) { return one.name < key; });
    if (it != node.properties.end() && it->name == name) {
      it->node = value;
    } else {
      node.properties.insert(it, {std::string{name}, value});
    }
  }

  // A definition is built once; a recursive one refers to itself. A property may add patch strategies to a $ref.
  const SchemaNode* resolve(const std::string& ref, const Json&, const std::string& at, int depth) {
    if (!ref.starts_with(definitions_prefix)) return fail(at, "$ref must be local");
    const std::string name = ref.substr(definitions_prefix.size());
    if (const auto it = resolved_.find(name); it != resolved_.end()) return it->second;
    const auto it = definitions_.find(name);
    if (it == definitions_.end()) return fail(at, "unknown definition " + name);
    SchemaNode& node = tree_.nodes.emplace_back();
    resolved_[name] = &node;
    fill(node, *it, at, depth + 1);
    return &node;
  }

  void fill(SchemaNode& node, const Json& schema, const std::string& at, int depth) {
    if (const std::string type = text(schema, "type"); !type.empty()) {
      node.types = type_bit(type);
      if (node.types == 0) fail(at + ".type", "unsupported type " + go_quoted(type));
    }
    node.nullable = flag(schema, "nullable");
    node.preserve_unknown = flag(schema, "x-kubernetes-preserve-unknown-fields");
    const bool int_or_string = flag(schema, "x-kubernetes-int-or-string") || text(schema, "format") == "int-or-string";
    if (int_or_string) node.types = TypeInteger | TypeString;
    node.atomic_map = text(schema, "x-kubernetes-map-type") == "atomic";
    const std::string list_type = text(schema, "x-kubernetes-list-type");
    node.list_type = list_type == "map" ? ListType::Map : list_type == "set" ? ListType::Set : ListType::Atomic;
    node.list_keys = texts(schema, "x-kubernetes-list-map-keys");
    node.merge_key = text(schema, "x-kubernetes-patch-merge-key");
    const std::string strategy = text(schema, "x-kubernetes-patch-strategy");
    node.merge_list = strategy.find("merge") != std::string::npos;
    node.retain_keys = strategy.find("retainKeys") != std::string::npos;
    node.required = texts(schema, "required");
    std::sort(node.required.begin(), node.required.end());
    if (const auto it = schema.find("default"); it != schema.end()) node.default_value = std::make_unique<Json>(*it);
    fill_children(node, schema, at, depth);
    fill_checks(node, schema, at, depth);
    if (flag(schema, "x-kubernetes-embedded-resource")) add_object_fields(node, schema);
    node.rules_below = (node.checks && !node.checks->rules.empty()) || below(node);
  }

  static bool below(const SchemaNode& node) {
    return (node.items && node.items->rules_below) || (node.additional && node.additional->rules_below) ||
           std::any_of(node.properties.begin(), node.properties.end(),
                       [](const Property& one) { return one.node->rules_below; });
  }

  void fill_children(SchemaNode& node, const Json& schema, const std::string& at, int depth) {
    if (const auto it = schema.find("properties"); it != schema.end()) {
      if (!it->is_object()) {
        fail(at + ".properties", "must be an object");
        return;
      }
      for (const auto& [name, property] : it->items()) {
        const SchemaNode* child = build(property, at + ".properties[" + name + "]", depth + 1);
        if (!child) return;
        node.properties.push_back({name, child});
      }
    }
    if (const auto it = schema.find("additionalProperties"); it != schema.end()) {
      if (it->is_object()) {
        node.additional = build(*it, at + ".additionalProperties", depth + 1);
      } else {
        node.additional_any = it->is_boolean() && it->get<bool>();
      }
    }
    if (const auto it = schema.find("items"); it != schema.end()) node.items = build(*it, at + ".items", depth + 1);
  }

  std::vector<const SchemaNode*> group(const Json& schema, const char* key, const std::string& at, int depth) {
    std::vector<const SchemaNode*> out;
    const auto it = schema.find(key);
    if (it == schema.end() || !it->is_array()) return out;
    for (const Json& one : *it) {
      if (const SchemaNode* node = build(one, at + "." + key, depth + 1)) out.push_back(node);
    }
    return out;
  }

  void fill_checks(SchemaNode& node, const Json& schema, const std::string& at, int depth) {
    static const std::vector<std::string> keys = {
        "minimum",  "maximum",       "multipleOf",    "minLength",   "maxLength", "minItems",
        "maxItems", "minProperties", "maxProperties", "uniqueItems", "pattern",   "format",
        "enum",     "allOf",         "anyOf",         "oneOf",       "not",       "x-kubernetes-validations"};
    if (std::none_of(keys.begin(), keys.end(), [&](const std::string& key) { return schema.contains(key); })) return;
    auto checks = std::make_unique<Checks>();
    checks->minimum = number(schema, "minimum");
    checks->maximum = number(schema, "maximum");
    checks->multiple_of = number(schema, "multipleOf");
    checks->exclusive_minimum = flag(schema, "exclusiveMinimum");
    checks->exclusive_maximum = flag(schema, "exclusiveMaximum");
    checks->min_length = whole(schema, "minLength");
    checks->max_length = whole(schema, "maxLength");
    checks->min_items = whole(schema, "minItems");
    checks->max_items = whole(schema, "maxItems");
    checks->min_properties = whole(schema, "minProperties");
    checks->max_properties = whole(schema, "maxProperties");
    checks->unique_items = flag(schema, "uniqueItems");
    checks->format_name = text(schema, "format");
    checks->format = format_of(checks->format_name);
    if (const std::string pattern = text(schema, "pattern"); !pattern.empty()) {
      auto regex = Regex::compile(pattern);
      if (!regex) {
        fail(at + ".pattern", "must be a valid regular expression, but isn't: " + regex.error().message);
        return;
      }
      checks->pattern_text = pattern;
      checks->pattern = *regex;
    }
    if (const auto it = schema.find("enum"); it != schema.end() && it->is_array()) {
      checks->enumeration.assign(it->begin(), it->end());
    }
    checks->all_of = group(schema, "allOf", at, depth);
    checks->any_of = group(schema, "anyOf", at, depth);
    checks->one_of = group(schema, "oneOf", at, depth);
    if (const auto it = schema.find("not"); it != schema.end()) checks->negated = build(*it, at + ".not", depth + 1);
    fill_rules(*checks, schema, at);
    node.checks = std::move(checks);
  }

  void fill_rules(Checks& checks, const Json& schema, const std::string& at) {
    const auto it = schema.find("x-kubernetes-validations");
    if (it == schema.end() || !it->is_array()) return;
    for (std::size_t i = 0; i < it->size(); ++i) {
      const std::string where = at + ".x-kubernetes-validations[" + std::to_string(i) + "]";
      const Json& one = (*it)[i];
      auto program = CelProgram::compile(text(one, "rule"));
      if (!program) {
        fail(where + ".rule", "compilation failed: " + program.error().message);
        return;
      }
      Rule rule{*program, std::nullopt, text(one, "message"), text(one, "fieldPath"), rule_reason(text(one, "reason"))};
      if (rule.message.empty()) rule.message = "failed rule: " + text(one, "rule");
      if (const std::string expression = text(one, "messageExpression"); !expression.empty()) {
        auto message = CelProgram::compile(expression);
        if (!message) {
          fail(where + ".messageExpression", "compilation failed: " + message.error().message);
          return;
        }
        rule.message_program = *message;
      }
      checks.rules.push_back(std::move(rule));
    }
  }

  SchemaTree& tree_;
  const Json& definitions_;
  std::map<std::string, const SchemaNode*> resolved_;
  std::string error_;
};

}  // namespace

Result<Schema> Schema::compile(const Json& open_api_v3_schema, bool preserve_unknown) {
  auto tree = std::make_shared<SchemaTree>();
  Builder builder(*tree, builtin_definitions());
  SchemaNode* root = nullptr;
  if (open_api_v3_schema.is_null() || (open_api_v3_schema.is_object() && open_api_v3_schema.empty())) {
    root = &tree->nodes.emplace_back();
    root->types = TypeObject;
    root->preserve_unknown = true;
  } else {
    const SchemaNode* built = builder.build(open_api_v3_schema, "openAPIV3Schema", 0);
    if (!built) return Error{Code::Invalid, builder.error()};
    root = const_cast<SchemaNode*>(built);
  }
  root->preserve_unknown |= preserve_unknown;
  builder.add_object_fields(*root, open_api_v3_schema);
  if (!builder.error().empty()) return Error{Code::Invalid, builder.error()};
  tree->root = root;
  Schema schema;
  schema.tree_ = std::move(tree);
  return schema;
}

Result<Schema> Schema::compile_with_definitions(const Json& open_api_schema, const Json& definitions) {
  auto tree = std::make_shared<SchemaTree>();
  Builder builder(*tree, definitions);
  tree->root = builder.build(open_api_schema, "schema", 0);
  if (!builder.error().empty()) return Error{Code::Invalid, builder.error()};
  Schema schema;
  schema.tree_ = std::move(tree);
  return schema;
}

const SchemaNode* SchemaNode::property(std::string_view name) const {
  const auto it = std::lower_bound(properties.begin(), properties.end(), name,
                                   [](const Property& one, std::string_view key) { return one.name < key; });
  return it != properties.end() && it->name == name ? it->node : nullptr;
}

const SchemaNode* SchemaNode::member(std::string_view name) const {
  const SchemaNode* node = property(name);
  return node ? node : additional;
}

std::string Path::text() const {
  if (!parent) return {};
  if (!key) return parent->text() + "[" + std::to_string(index) + "]";
  return parent->text_of(*key);
}

std::string Path::text_of(std::string_view name) const {
  std::string out = text();
  if (!out.empty()) out += '.';
  return out.append(name);
}

std::string_view type_name(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "integer";
    case Json::value_t::number_float:
      return "number";
    default:
      return "null";
  }
}

std::string type_names(std::uint8_t types) {
  std::string out;
  for (const auto& [bit, name] :
       {std::pair{TypeObject, "object"}, std::pair{TypeArray, "array"}, std::pair{TypeInteger, "integer"},
        std::pair{TypeNumber, "number"}, std::pair{TypeString, "string"}, std::pair{TypeBoolean, "boolean"}}) {
    if (types & bit) out.append(out.empty() ? "" : ",").append(name);
  }
  return out;
}

Json list_map_key(const Json& item, const SchemaNode& list) {
  Json key = Json::object();
  if (!item.is_object()) return Json(Json::value_t::discarded);
  for (const std::string& name : list.list_keys) {
    if (const auto it = item.find(name); it != item.end()) {
      key[name] = *it;
      continue;
    }
    const SchemaNode* property = list.items ? list.items->property(name) : nullptr;
    if (!property || !property->default_value) return Json(Json::value_t::discarded);
    key[name] = *property->default_value;
  }
  return key;
}

}  // namespace datamesh::apiserver

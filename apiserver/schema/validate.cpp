// Values against a schema, in the order and the words of kube-openapi's validator.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

namespace {

std::uint8_t type_bits(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return TypeObject;
    case Json::value_t::array:
      return TypeArray;
    case Json::value_t::string:
      return TypeString;
    case Json::value_t::boolean:
      return TypeBoolean;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return TypeInteger | TypeNumber;
    case Json::value_t::number_float: {
      const double number = value.get<double>();
      return std::floor(number) == number ? TypeNumber | TypeInteger : TypeNumber;
    }
    default:
      return 0;
  }
}

std::size_t code_points(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string printed(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", number);
  return text;
}

class Validator {
 public:
  explicit Validator(std::size_t errors_max) : errors_max_(errors_max) {}

  void walk(const Json& value, const SchemaNode& node, const Path& path) {
    if (errors_.size() >= errors_max_) return;
    if (value.is_null() && (node.nullable || node.types == 0)) return;
    if (node.types != 0 && (type_bits(value) & node.types) == 0) return wrong_type(value, node, path);
    if (node.checks) walk_checks(value, *node.checks, path);
    if (value.is_object()) {
      walk_object(value.get_ref<const Json::object_t&>(), node, path);
    } else if (value.is_array()) {
      walk_array(value, node, path);
    }
  }
  FieldErrors take() { return std::move(errors_); }
  bool ok() const { return errors_.empty(); }

 private:
  void say(FieldError error) {
    if (errors_.size() < errors_max_) errors_.push_back(std::move(error));
  }
  static std::string named(const Path& path) {
    std::string text = path.text();
    return text.empty() ? "<nil>" : text;
  }

  void wrong_type(const Json& value, const SchemaNode& node, const Path& path) {
    const std::string at = path.text();
    const std::string actual{type_name(value)};
    say(type_invalid(named(path), actual,
                     at + " in body must be of type " + type_names(node.types) + ": " + go_quoted(actual)));
  }

  // "Invalid value: V: PATH in body MESSAGE"
  void say_body(const Json& value, const Path& path, const std::string& message) {
    say(invalid_json(named(path), value, path.text() + " in body " + message));
  }

  void walk_checks(const Json& value, const Checks& checks, const Path& path) {
    walk_groups(value, checks, path);
    if (value.is_string()) walk_string(value, checks, path);
    if (value.is_number()) walk_number(value, checks, path);
    if (value.is_array()) {
      const long count = static_cast<long>(value.size());
      if (checks.max_items && count > *checks.max_items) say(too_many(named(path), count, *checks.max_items));
      if (checks.min_items && count < *checks.min_items) {
        say_body(count, path, "should have at least " + std::to_string(*checks.min_items) + " items");
      }
      if (checks.unique_items && std::set<Json>(value.begin(), value.end()).size() != value.size()) {
        say_body("", path, "shouldn't contain duplicates");
      }
    }
    if (value.is_object()) {
      const long count = static_cast<long>(value.size());
      if (checks.max_properties && count > *checks.max_properties) {
        say(too_many(named(path), count, *checks.max_properties));
      }
      if (checks.min_properties && count < *checks.min_properties) {
        say_body(count, path, "should have at least " + std::to_string(*checks.min_properties) + " properties");
      }
    }
    if (!checks.enumeration.empty() &&
        std::find(checks.enumeration.begin(), checks.enumeration.end(), value) == checks.enumeration.end()) {
      std::vector<std::string> supported;
      for (const Json& one : checks.enumeration) {
        supported.push_back(one.is_string() ? one.get<std::string>() : one.dump());
      }
      say(not_supported(named(path), value, supported));
    }
  }

  void walk_string(const Json& value, const Checks& checks, const Path& path) {
    const auto& text = value.get_ref<const std::string&>();
    if (checks.max_length || checks.min_length) {
      const long length = static_cast<long>(code_points(text));
      if (checks.max_length && length > *checks.max_length) say(too_long(named(path), *checks.max_length));
      if (checks.min_length && length < *checks.min_length) {
        say_body(value, path, "should be at least " + std::to_string(*checks.min_length) + " chars long");
      }
    }
    if (checks.pattern && !checks.pattern->search(text)) {
      say_body(value, path, "should match '" + checks.pattern_text + "'");
    }
    if (checks.format != Format::None && !has_format(text, checks.format)) {
      say(type_invalid(named(path), text,
                       path.text() + " in body must be of type " + checks.format_name + ": " + go_quoted(text)));
    }
  }

  void walk_number(const Json& value, const Checks& checks, const Path& path) {
    const double number = value.get<double>();
    if (checks.multiple_of && *checks.multiple_of > 0) {
      const double times = number / *checks.multiple_of;
      if (std::fabs(times - std::round(times)) > 1e-9) {
        say_body(value, path, "should be a multiple of " + printed(*checks.multiple_of));
      }
    }
    if (checks.maximum && (checks.exclusive_maximum ? number >= *checks.maximum : number > *checks.maximum)) {
      say_body(value, path,
               std::string{"should be less than "} + (checks.exclusive_maximum ? "" : "or equal to ") +
                   printed(*checks.maximum));
    }
    if (checks.minimum && (checks.exclusive_minimum ? number <= *checks.minimum : number < *checks.minimum)) {
      say_body(value, path,
               std::string{"should be greater than "} + (checks.exclusive_minimum ? "" : "or equal to ") +
                   printed(*checks.minimum));
    }
  }

  FieldErrors attempt(const Json& value, const SchemaNode& node, const Path& path) {
    Validator inner(errors_max_);
    inner.walk(value, node, path);
    return inner.take();
  }

  // Errors about a group have no field of their own: kube-apiserver prints "<nil>".
  void say_group(const Path& path, const std::string& message) {
    say(invalid("<nil>", "", go_quoted(path.text()) + " " + message));
  }

  void walk_groups(const Json& value, const Checks& checks, const Path& path) {
    if (!checks.any_of.empty()) {
      std::optional<FieldErrors> best;
      for (const SchemaNode* one : checks.any_of) {
        FieldErrors errors = attempt(value, *one, path);
        if (!best || errors.size() < best->size()) best = std::move(errors);
        if (best->empty()) break;
      }
      if (!best->empty()) {
        say_group(path, "must validate at least one schema (anyOf)");
        for (FieldError& error : *best) say(std::move(error));
      }
    }
    if (!checks.one_of.empty()) walk_one_of(value, checks, path);
    for (const SchemaNode* one : checks.all_of) {
      FieldErrors errors = attempt(value, *one, path);
      if (errors.empty()) continue;
      for (FieldError& error : errors) say(std::move(error));
      say_group(path, "must validate all the schemas (allOf)");
    }
    if (checks.negated && attempt(value, *checks.negated, path).empty()) {
      say_group(path, "must not validate the schema (not)");
    }
  }

  void walk_one_of(const Json& value, const Checks& checks, const Path& path) {
    int valid = 0;
    std::optional<FieldErrors> best;
    for (const SchemaNode* one : checks.one_of) {
      FieldErrors errors = attempt(value, *one, path);
      if (errors.empty()) {
        ++valid;
      } else if (!best || errors.size() < best->size()) {
        best = std::move(errors);
      }
    }
    if (valid == 1) return;
    say_group(path, "must validate one and only one schema (oneOf). Found " +
                        (valid == 0 ? std::string{"none valid"} : std::to_string(valid) + " valid alternatives"));
    if (valid != 0 || !best) return;
    for (FieldError& error : *best) say(std::move(error));
  }

  void walk_object(const Json::object_t& object, const SchemaNode& node, const Path& path) {
    auto member = object.begin();
    for (const std::string& name : node.required) {
      while (member != object.end() && member->first < name) ++member;
      if (member == object.end() || member->first != name) say(required(path.text_of(name)));
    }
    auto property = node.properties.begin();
    for (const auto& [name, value] : object) {
      while (property != node.properties.end() && property->name < name) ++property;
      if (property != node.properties.end() && property->name == name) {
        walk(value, *property->node, path.below(name));
      } else if (node.additional) {
        walk(value, *node.additional, path.below(name));
      }
    }
  }

  void walk_array(const Json& array, const SchemaNode& node, const Path& path) {
    if (node.items) {
      std::size_t i = 0;
      for (const Json& item : array) walk(item, *node.items, path.below(i++));
    }
    if (node.list_type == ListType::Atomic || array.size() < 2) return;
    std::set<Json> seen;
    std::size_t i = 0;
    for (const Json& item : array) {
      const Json key = node.list_type == ListType::Set ? item : list_map_key(item, node);
      if (!key.is_discarded() && !seen.insert(key).second) say(duplicate(path.below(i).text(), key));
      ++i;
    }
  }

  std::size_t errors_max_;
  FieldErrors errors_;
};

}  // namespace

FieldErrors validate(const Json& object, const Schema& schema, const ValidateOptions& options) {
  const SchemaNode* node = schema.tree().root;
  const Json* value = &object;
  const Json* old_value = options.old_object;
  const std::string status = "status";
  const Path root{};
  Path path = root;
  if (options.status_only) {
    node = node->property(status);
    const auto it = object.find(status);
    if (!node || it == object.end()) return {};
    value = &*it;
    path = root.below(status);
    if (old_value) {
      const auto old_it = old_value->find(status);
      old_value = old_it == old_value->end() ? nullptr : &*old_it;
    }
  }
  Validator validator(options.errors_max);
  validator.walk(*value, *node, path);
  const bool ok = validator.ok();
  FieldErrors errors = validator.take();
  if (!node->rules_below) return errors;
  if (ok) {
    validate_rules(*value, *node, old_value, path, errors, options.errors_max);
  } else {
    errors.push_back(invalid_json("<nil>", "null",
                                  "some validation rules were not checked because the object was invalid; correct the "
                                  "existing errors to complete validation"));
  }
  return errors;
}

}  // namespace datamesh::apiserver

// x-kubernetes-validations: rules in CEL, run on a value that its schema already accepted.
#include <algorithm>

#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

namespace {

// The old value that belongs to an item of a list map: the one with the same keys. Other lists have no correlation.
const Json* old_item(const Json* old_list, const Json& item, const SchemaNode& list) {
  if (!old_list || !old_list->is_array() || list.list_type != ListType::Map) return nullptr;
  const Json key = list_map_key(item, list);
  for (const Json& one : *old_list) {
    if (list_map_key(one, list) == key) return &one;
  }
  return nullptr;
}

const Json* old_member(const Json* old_object, const std::string& name) {
  if (!old_object || !old_object->is_object()) return nullptr;
  const auto it = old_object->find(name);
  return it == old_object->end() ? nullptr : &*it;
}

FieldError broken(const Rule& rule, const Json& value, const Json* old_value, const Path& path) {
  std::string message = rule.message;
  if (rule.message_program) {
    if (auto text = rule.message_program->evaluate_string(value, old_value); text && !text->empty()) message = *text;
  }
  std::string at = path.text();
  at += rule.field_path;
  if (at.starts_with('.')) at.erase(0, 1);
  if (at.empty()) at = "<nil>";
  switch (rule.type) {
    case FieldErrorType::Required:
      return required(at, message);
    case FieldErrorType::Forbidden:
      return forbidden(at, message);
    case FieldErrorType::Duplicate:
      return duplicate(at, value);
    default:
      return invalid(at, type_name(value), message);
  }
}

void run_rules(const Json& value, const Checks& checks, const Json* old_value, const Path& path, FieldErrors& errors) {
  for (const Rule& rule : checks.rules) {
    // A rule about a transition has nothing to say about a value that is new.
    if (rule.program.uses_old_self() && !old_value) continue;
    const auto holds = rule.program.evaluate_bool(value, old_value);
    if (holds && *holds) continue;
    if (holds) {
      errors.push_back(broken(rule, value, old_value, path));
    } else {
      const std::string at = path.text();
      errors.push_back(
          invalid(at.empty() ? "<nil>" : at, type_name(value), "rule evaluation error: " + holds.error().message));
    }
  }
}

}  // namespace

void validate_rules(const Json& value, const SchemaNode& node, const Json* old_value, const Path& path,
                    FieldErrors& errors, std::size_t errors_max) {
  if (!node.rules_below || errors.size() >= errors_max || value.is_null()) return;
  if (node.checks) run_rules(value, *node.checks, old_value, path, errors);
  if (value.is_object()) {
    for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
      const SchemaNode* child = node.member(name);
      if (child) validate_rules(member, *child, old_member(old_value, name), path.below(name), errors, errors_max);
    }
  } else if (value.is_array() && node.items) {
    std::size_t i = 0;
    for (const Json& item : value) {
      validate_rules(item, *node.items, old_item(old_value, item, node), path.below(i++), errors, errors_max);
    }
  }
}

}  // namespace datamesh::apiserver

// Dropping what the schema does not know, and filling in what it does.
#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

namespace {

class Pruner {
 public:
  explicit Pruner(std::size_t paths_max) : paths_max_(paths_max) {}

  void walk(Json& value, const SchemaNode& node, const Path& path) {
    if (value.is_object()) {
      walk_object(value.get_ref<Json::object_t&>(), node, path);
    } else if (value.is_array() && node.items) {
      std::size_t i = 0;
      for (Json& item : value.get_ref<Json::array_t&>()) walk(item, *node.items, path.below(i++));
    }
  }
  std::vector<std::string> take() { return std::move(unknown_); }

 private:
  // Both sides are sorted by name: one merge.
  void walk_object(Json::object_t& object, const SchemaNode& node, const Path& path) {
    auto property = node.properties.begin();
    for (auto it = object.begin(); it != object.end();) {
      while (property != node.properties.end() && property->name < it->first) ++property;
      if (property != node.properties.end() && property->name == it->first) {
        walk(it->second, *property->node, path.below(it->first));
      } else if (node.additional) {
        walk(it->second, *node.additional, path.below(it->first));
      } else if (!node.additional_any && !node.preserve_unknown) {
        if (unknown_.size() < paths_max_) unknown_.push_back(path.text_of(it->first));
        it = object.erase(it);
        continue;
      }
      ++it;
    }
  }

  std::size_t paths_max_;
  std::vector<std::string> unknown_;
};

void fill_object(Json::object_t& object, const SchemaNode& node);

void fill_value(Json& value, const SchemaNode& node) {
  if (value.is_object()) {
    fill_object(value.get_ref<Json::object_t&>(), node);
  } else if (value.is_array() && node.items) {
    for (Json& item : value.get_ref<Json::array_t&>()) fill_value(item, *node.items);
  }
}

void fill_object(Json::object_t& object, const SchemaNode& node) {
  auto it = object.begin();
  for (const Property& property : node.properties) {
    const SchemaNode& child = *property.node;
    while (it != object.end() && it->first < property.name) ++it;
    const bool present = it != object.end() && it->first == property.name;
    if (present && !it->second.is_null()) {
      fill_value(it->second, child);
      ++it;
    } else if (present && child.nullable) {
      ++it;
    } else if (child.default_value) {
      if (present) {
        it->second = *child.default_value;
      } else {
        it = object.emplace_hint(it, property.name, *child.default_value);
      }
      fill_value(it->second, child);
      ++it;
    } else if (present && child.types != 0) {
      it = object.erase(it);  // a null that says nothing
    }
  }
  if (!node.additional) return;
  for (auto member = object.begin(); member != object.end();) {
    if (member->second.is_null() && !node.additional->nullable && node.additional->types != 0 &&
        !node.property(member->first)) {
      member = object.erase(member);
      continue;
    }
    if (!node.property(member->first)) fill_value(member->second, *node.additional);
    ++member;
  }
}

}  // namespace

std::vector<std::string> prune(Json& object, const Schema& schema, std::size_t paths_max) {
  Pruner pruner(paths_max);
  pruner.walk(object, *schema.tree().root, Path{});
  return pruner.take();
}

std::string strict_decoding_error(const std::vector<std::string>& unknown, const std::vector<std::string>& duplicates) {
  std::string out;
  const auto add = [&](std::string_view what, const std::string& path) {
    out.append(out.empty() ? "strict decoding error: " : ", ").append(what).append(" field ").append(go_quoted(path));
  };
  for (const std::string& path : duplicates) add("duplicate", path);
  for (const std::string& path : unknown) add("unknown", path);
  return out;
}

void apply_defaults(Json& object, const Schema& schema) {
  fill_value(object, *schema.tree().root);
}

}  // namespace datamesh::apiserver

// Strategic merge patch: a merge patch that knows which lists are maps.
#include <algorithm>

#include "apiserver/schema/merge.hpp"
#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::string_view delete_prefix = "$deleteFromPrimitiveList/";
constexpr std::string_view order_prefix = "$setElementOrder/";

Error malformed(std::string message) {
  return Error{Code::Invalid, "invalid strategic merge patch: " + std::move(message)};
}

std::string directive(const Json& patch) {
  const auto it = patch.is_object() ? patch.find("$patch") : patch.end();
  return patch.is_object() && it != patch.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

const Json* key_of(const Json& item, const std::string& merge_key) {
  if (merge_key.empty()) return &item;  // a list of primitives: the item is its key
  const auto it = item.is_object() ? item.find(merge_key) : item.end();
  return item.is_object() && it != item.end() ? &*it : nullptr;
}

Json::iterator find_item(Json& list, const Json& key, const std::string& merge_key) {
  return std::find_if(list.begin(), list.end(), [&](const Json& item) {
    const Json* own = key_of(item, merge_key);
    return own && *own == key;
  });
}

Result<void> merge_map(Json& target, const Json& patch, const SchemaNode* node);

Result<void> merge_list_of_maps(Json& target, const Json& patch, const SchemaNode& node) {
  const bool replace =
      std::any_of(patch.begin(), patch.end(), [](const Json& item) { return directive(item) == "replace"; });
  if (replace) target = Json::array();
  for (const Json& item : patch) {
    if (!item.is_object()) return malformed("an item of a list of objects is no object");
    const std::string what = directive(item);
    if (what == "replace" && item.size() == 1) continue;
    const Json* key = key_of(item, node.merge_key);
    if (!key) return malformed("map: " + item.dump() + " does not contain declared merge key: " + node.merge_key);
    auto found = find_item(target, *key, node.merge_key);
    if (what == "delete") {
      for (; found != target.end(); found = find_item(target, *key, node.merge_key)) target.erase(found);
      continue;
    }
    if (found == target.end()) found = target.insert(target.end(), Json::object());
    DATAMESH_CHECK(merge_map(*found, item, node.items));
  }
  return {};
}

Result<void> merge_list(Json& target, const Json& patch, const SchemaNode* node) {
  if (!node || !node->merge_list) {
    target = patch;
    return {};
  }
  if (!target.is_array()) target = Json::array();
  if (!node->merge_key.empty()) return merge_list_of_maps(target, patch, *node);
  for (const Json& item : patch) {
    if (std::find(target.begin(), target.end(), item) == target.end()) target.push_back(item);
  }
  return {};
}

// Puts the items named by `order` in that order; the others stay where the server's list had them among these.
void reorder(Json& list, const Json& order, const Json& server, const std::string& merge_key) {
  const auto position = [&](const Json& in, const Json& item) -> std::ptrdiff_t {
    const Json* key = key_of(item, merge_key);
    if (!key) return -1;
    const auto it = std::find_if(in.begin(), in.end(), [&](const Json& one) {
      const Json* own = key_of(one, merge_key);
      return own && *own == *key;
    });
    return it == in.end() ? -1 : it - in.begin();
  };
  std::vector<Json> named;
  std::vector<Json> others;
  for (Json& item : list) (position(order, item) >= 0 ? named : others).push_back(std::move(item));
  std::stable_sort(named.begin(), named.end(),
                   [&](const Json& a, const Json& b) { return position(order, a) < position(order, b); });
  Json out = Json::array();
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < named.size() || j < others.size()) {
    const bool take_named =
        j >= others.size() || (i < named.size() && position(server, named[i]) < position(server, others[j]));
    out.push_back(std::move(take_named ? named[i++] : others[j++]));
  }
  list = std::move(out);
}

Result<void> apply_directives(Json& target, const Json& patch, const Json& before, const SchemaNode* node) {
  for (const auto& [name, value] : patch.items()) {
    const bool deletes = name.starts_with(delete_prefix);
    if (!deletes && !name.starts_with(order_prefix)) continue;
    if (!value.is_array()) return malformed(name + " must be a list");
    const std::string field = name.substr(deletes ? delete_prefix.size() : order_prefix.size());
    const auto list = target.find(field);
    if (list == target.end() || !list->is_array()) continue;
    if (deletes) {
      Json kept = Json::array();
      for (const Json& item : *list) {
        if (std::find(value.begin(), value.end(), item) == value.end()) kept.push_back(item);
      }
      *list = std::move(kept);
      continue;
    }
    const SchemaNode* child = node ? node->member(field) : nullptr;
    const Json* old_list = datamesh::find(before, {field});
    reorder(*list, value, old_list && old_list->is_array() ? *old_list : Json::array(), child ? child->merge_key : "");
  }
  const auto retain = patch.find("$retainKeys");
  if (retain == patch.end()) return {};
  if (!retain->is_array()) return malformed("$retainKeys must be a list");
  for (auto it = target.begin(); it != target.end();) {
    it = std::find(retain->begin(), retain->end(), Json(it.key())) == retain->end() ? target.erase(it) : std::next(it);
  }
  return {};
}

Result<void> merge_map(Json& target, const Json& patch, const SchemaNode* node) {
  if (!target.is_object()) target = Json::object();
  const std::string what = directive(patch);
  if (what == "delete" || what == "replace") target = Json::object();
  if (what == "delete") return {};
  if (!what.empty() && what != "replace" && what != "merge") return malformed("unknown patch type: " + what);
  const bool ordered = std::any_of(patch.items().begin(), patch.items().end(),
                                   [](const auto& one) { return one.key().starts_with(order_prefix); });
  const Json before = ordered ? target : Json();
  for (const auto& [name, value] : patch.get_ref<const Json::object_t&>()) {
    if (name.starts_with('$')) {
      const bool known = name == "$patch" || name == "$retainKeys" || name.starts_with(delete_prefix) ||
                         name.starts_with(order_prefix);
      if (!known) return malformed("unknown directive " + name);
      continue;
    }
    const SchemaNode* child = node ? node->member(name) : nullptr;
    if (value.is_null()) {
      target.erase(name);
    } else if (value.is_object()) {
      DATAMESH_CHECK(merge_map(target[name], value, child));
    } else if (value.is_array()) {
      DATAMESH_CHECK(merge_list(target[name], value, child));
    } else {
      target[name] = value;
    }
  }
  return apply_directives(target, patch, before.is_null() ? target : before, node);
}

}  // namespace

Result<Json> strategic_merge_patch(const Json& object, const Json& patch, const Schema& schema) {
  if (!patch.is_object()) return Error{Code::Invalid, "a strategic merge patch must be a JSON object"};
  Json target = object;
  DATAMESH_CHECK(merge_map(target, patch, schema.tree().root));
  return target;
}

}  // namespace datamesh::apiserver

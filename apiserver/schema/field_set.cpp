#include "apiserver/schema/field_set.hpp"

namespace datamesh::apiserver {

namespace {

std::string field_element(const std::string& name) {
  std::string element;
  element.reserve(name.size() + 2);
  return element.append("f:").append(name);
}

std::string dumped(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ".name", "[name=\"a\",port=1]", "[=\"a\"]", "[0]".
std::string printed(const std::string& element) {
  const std::string rest = element.substr(std::min<std::size_t>(2, element.size()));
  switch (element[0]) {
    case 'f':
      return "." + rest;
    case 'v':
      return "[=" + rest + "]";
    case 'k': {
      const Json key = Json::parse(rest, nullptr, false);
      if (!key.is_object()) return "[" + rest + "]";
      std::string text = "[";
      for (const auto& [name, value] : key.items()) {
        if (text.size() > 1) text += ',';
        text.append(name).append("=").append(dumped(value));
      }
      return text + "]";
    }
    default:
      return "[" + rest + "]";
  }
}

void add_all(const Json& value, const SchemaNode* node, FieldSet& set);

void add_children(const Json& value, const SchemaNode* node, FieldSet& set) {
  switch (shape_of(value, node)) {
    case Shape::Leaf:
      return;
    case Shape::Map:
      for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
        add_all(member, node ? node->member(name) : nullptr, set.children[field_element(name)]);
      }
      return;
    case Shape::List:
      for (const Json& item : value) add_all(item, node->items, set.children[item_element(item, *node)]);
  }
}

void add_all(const Json& value, const SchemaNode* node, FieldSet& set) {
  set.member = true;
  add_children(value, node, set);
}

// Grows both sides of a difference at one element, leaving nothing behind where nothing differs.
class Comparison {
 public:
  void walk(const Json* before, const Json* after, const SchemaNode* node, Difference& out) {
    if (!before) return add_all(*after, node, out.changed);
    if (!after) return add_all(*before, node, out.removed);
    const Shape shape = shape_of(*after, node);
    if (shape != shape_of(*before, node)) {
      add_children(*before, node, out.removed);
      return add_all(*after, node, out.changed);
    }
    switch (shape) {
      case Shape::Leaf:
        out.changed.member = *before != *after;
        return;
      case Shape::Map:
        return walk_map(*before, *after, node, out);
      case Shape::List:
        return walk_list(*before, *after, *node, out);
    }
  }

 private:
  void descend(const std::string& element, const Json* before, const Json* after, const SchemaNode* node,
               Difference& out) {
    Difference below;
    walk(before, after, node, below);
    if (!below.changed.empty()) out.changed.children.emplace(element, std::move(below.changed));
    if (!below.removed.empty()) out.removed.children.emplace(element, std::move(below.removed));
  }

  void walk_map(const Json& before, const Json& after, const SchemaNode* node, Difference& out) {
    const auto& old_members = before.get_ref<const Json::object_t&>();
    const auto& new_members = after.get_ref<const Json::object_t&>();
    auto old_it = old_members.begin();
    auto new_it = new_members.begin();
    while (old_it != old_members.end() || new_it != new_members.end()) {
      const int order = old_it == old_members.end()   ? 1
                        : new_it == new_members.end() ? -1
                                                      : old_it->first.compare(new_it->first);
      const std::string& name = order <= 0 ? old_it->first : new_it->first;
      const Json* old_value = order <= 0 ? &(old_it++)->second : nullptr;
      const Json* new_value = order >= 0 ? &(new_it++)->second : nullptr;
      if (old_value && new_value && !old_value->is_structured() && *old_value == *new_value) continue;
      descend(field_element(name), old_value, new_value, node ? node->member(name) : nullptr, out);
    }
  }

  void walk_list(const Json& before, const Json& after, const SchemaNode& node, Difference& out) {
    std::map<std::string, std::pair<const Json*, const Json*>> items;
    for (const Json& item : before) items[item_element(item, node)].first = &item;
    for (const Json& item : after) items[item_element(item, node)].second = &item;
    for (const auto& [element, sides] : items) descend(element, sides.first, sides.second, node.items, out);
  }
};

void collect(const Json& value, const SchemaNode* node, FieldSet& set, std::string* problem);

void collect_list(const Json& list, const SchemaNode& node, FieldSet& set, std::string* problem) {
  for (const Json& item : list) {
    const std::string element = item_element(item, node);
    if (problem && problem->empty() && element.empty()) {
      *problem = "associative list with keys has an element that omits key field " +
                 go_quoted(node.list_keys.empty() ? "" : node.list_keys.front()) + " (and doesn't have default value)";
    }
    if (problem && problem->empty() && set.children.contains(element)) {
      *problem = "duplicate entries for key " + printed(element);
    }
    if (element.empty()) continue;
    FieldSet& below = set.children[element];
    collect(item, node.items, below, problem);
    below.member = true;
  }
}

void collect(const Json& value, const SchemaNode* node, FieldSet& set, std::string* problem) {
  switch (shape_of(value, node)) {
    case Shape::Leaf:
      set.member = true;
      return;
    case Shape::List:
      return collect_list(value, *node, set, problem);
    case Shape::Map:
      for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
        const SchemaNode* property = node ? node->property(name) : nullptr;
        FieldSet below;
        collect(member, property ? property : node ? node->additional : nullptr, below, problem);
        // A struct's field is not owned for itself, an entry of a map is.
        if (!property || member.is_null() || (member.is_structured() && member.empty())) below.member = true;
        if (!below.empty()) set.children.emplace(field_element(name), std::move(below));
      }
  }
}

}  // namespace

const FieldSet* FieldSet::child(std::string_view element) const {
  const auto it = children.find(element);
  return it == children.end() ? nullptr : &it->second;
}

void FieldSet::unite(const FieldSet& other) {
  member |= other.member;
  auto it = children.begin();
  for (const auto& [element, set] : other.children) {
    while (it != children.end() && it->first < element) ++it;
    if (it != children.end() && it->first == element) {
      it->second.unite(set);
    } else {
      it = children.emplace_hint(it, element, set);
    }
  }
}

void FieldSet::subtract(const FieldSet& other) {
  if (other.member) member = false;
  for (const auto& [element, set] : other.children) {
    const auto it = children.find(element);
    if (it == children.end()) continue;
    it->second.subtract(set);
    if (it->second.empty()) children.erase(it);
  }
}

void FieldSet::each_common(const FieldSet& other, const std::function<void(const std::string&)>& visit) const {
  each_common(other, {}, visit);
}

void FieldSet::each_common(const FieldSet& other, const std::string& path,
                           const std::function<void(const std::string&)>& visit) const {
  if (member && other.member) visit(path);
  for (const auto& [element, set] : children) {
    if (const FieldSet* same = other.child(element)) set.each_common(*same, path + printed(element), visit);
  }
}

Json FieldSet::fields_v1() const {
  Json out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  if (member && !children.empty()) members.emplace(".", Json::object());
  for (const auto& [element, set] : children) members.emplace_hint(members.end(), element, set.fields_v1());
  return out;
}

std::optional<FieldSet> FieldSet::from_fields_v1(const Json& fields) {
  if (!fields.is_object()) return std::nullopt;
  FieldSet set;
  set.member = fields.empty();
  for (const auto& [element, below] : fields.get_ref<const Json::object_t&>()) {
    if (element == ".") {
      set.member = true;
      continue;
    }
    if (element.size() < 2 || element[1] != ':' ||
        std::string_view{"fkvi"}.find(element[0]) == std::string_view::npos) {
      return std::nullopt;
    }
    auto child = from_fields_v1(below);
    if (!child) return std::nullopt;
    set.children.emplace_hint(set.children.end(), element, std::move(*child));
  }
  return set;
}

Shape shape_of(const Json& value, const SchemaNode* node) {
  if (value.is_object()) return node && node->atomic_map ? Shape::Leaf : Shape::Map;
  if (value.is_array() && node && node->list_type != ListType::Atomic) return Shape::List;
  return Shape::Leaf;
}

std::string item_element(const Json& item, const SchemaNode& list) {
  if (list.list_type == ListType::Set) return "v:" + dumped(item);
  const Json key = list_map_key(item, list);
  return key.is_discarded() ? std::string{} : "k:" + dumped(key);
}

FieldSet fields_of(const Json& object, const SchemaNode* node, std::string* problem) {
  FieldSet set;
  collect(object, node, set, problem);
  set.member = false;
  return set;
}

Difference compare(const Json* before, const Json& after, const SchemaNode* node) {
  Difference out;
  Comparison{}.walk(before, &after, node, out);
  out.changed.member = false;
  out.removed.member = false;
  return out;
}

}  // namespace datamesh::apiserver

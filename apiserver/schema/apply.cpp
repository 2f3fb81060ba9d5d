// Server-side apply: merge what is applied into what is there, drop what this applier no longer says, find conflicts.
#include <algorithm>
#include <set>

#include "apiserver/schema/managers.hpp"

namespace datamesh::apiserver {

namespace {

void merge_into(Json& target, const Json& applied, const SchemaNode* node);

// Items keep the applied order; items that only the target has stay where they are among the others.
void merge_list(Json& target, const Json& applied, const SchemaNode& node) {
  std::map<std::string, Json*> old_items;
  std::vector<std::string> old_keys;
  std::vector<std::string> new_keys;
  for (Json& item : target) old_items[old_keys.emplace_back(item_element(item, node))] = &item;
  for (const Json& item : applied) new_keys.push_back(item_element(item, node));
  const std::set<std::string> in_applied(new_keys.begin(), new_keys.end());
  std::set<std::string> placed;
  Json out = Json::array();
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < old_keys.size() || j < new_keys.size()) {
    if (i < old_keys.size() && !in_applied.contains(old_keys[i])) {
      out.push_back(std::move(target[i++]));
    } else if (i < old_keys.size() && (placed.contains(old_keys[i]) || j >= new_keys.size())) {
      ++i;
    } else {
      const auto old_item = old_items.find(new_keys[j]);
      if (old_item == old_items.end()) {
        out.push_back(applied[j]);
      } else {
        Json item = *old_item->second;
        merge_into(item, applied[j], node.items);
        out.push_back(std::move(item));
      }
      placed.insert(new_keys[j++]);
    }
  }
  target = std::move(out);
}

void merge_into(Json& target, const Json& applied, const SchemaNode* node) {
  const Shape shape = shape_of(applied, node);
  if (shape == Shape::Leaf || shape != shape_of(target, node)) {
    target = applied;
    return;
  }
  if (shape == Shape::List) return merge_list(target, applied, *node);
  for (const auto& [name, value] : applied.get_ref<const Json::object_t&>()) {
    const auto it = target.find(name);
    if (it == target.end()) {
      target[name] = value;
    } else {
      merge_into(*it, value, node ? node->member(name) : nullptr);
    }
  }
}

void drop(Json& value, const SchemaNode* node, const FieldSet& last, const FieldSet* still);

// Whether what `element` of `last` names shall go: nobody says it any more and nothing unowned is left below.
bool gone(Json& value, const SchemaNode* node, const FieldSet& last, const FieldSet* still) {
  if (!still && last.member) return true;
  if (last.children.empty() || !value.is_structured()) return false;
  drop(value, node, last, still);
  return !still && value.empty();
}

void drop(Json& value, const SchemaNode* node, const FieldSet& last, const FieldSet* still) {
  const Shape shape = shape_of(value, node);
  if (shape == Shape::Map) {
    for (const auto& [element, below] : last.children) {
      if (element[0] != 'f') continue;
      const std::string name = element.substr(2);
      const auto it = value.find(name);
      if (it == value.end()) continue;
      if (gone(*it, node ? node->member(name) : nullptr, below, still ? still->child(element) : nullptr))
        value.erase(name);
    }
  } else if (shape == Shape::List) {
    Json kept = Json::array();
    for (Json& item : value) {
      const std::string element = item_element(item, *node);
      const FieldSet* below = last.child(element);
      if (!below || !gone(item, node->items, *below, still ? still->child(element) : nullptr))
        kept.push_back(std::move(item));
    }
    value = std::move(kept);
  }
}

// Only what this endpoint writes takes part; the server's own bookkeeping stays what it is, whatever a client sends
// back.
Json writable_part(const Json& applied, const Writer& writer) {
  Json out = applied;
  if (const auto metadata = out.find("metadata"); metadata != out.end()) {
    for (const char* key : {"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                            "managedFields", "resourceVersion", "selfLink", "uid"}) {
      metadata->erase(key);
    }
  }
  if (!writer.has_status) return out;
  if (writer.subresource != "status") {
    out.erase("status");
    return out;
  }
  out = Json::object();
  for (const char* key : {"apiVersion", "kind", "status"}) {
    if (const auto it = applied.find(key); it != applied.end()) out[key] = *it;
  }
  return out;
}

ManagerEntries managers_of(const Json* live, const Writer& writer, const SchemaNode* root) {
  if (!live) return {};
  auto entries = read_managers(*live);
  if (entries && !entries->empty()) return std::move(*entries);
  // Written by something that kept no record: everything belongs to it.
  ManagerEntry unknown{"before-first-apply", "Update", writer.api_version, "", "", fields_of(*live, root)};
  keep_ownable(unknown.fields, Writer{{}, {}, {}, {}, false});
  if (unknown.fields.empty()) return {};
  return {std::move(unknown)};
}

std::vector<ApplyConflict> conflicts_of(const ManagerEntries& entries, const Writer& writer, const FieldSet& changed) {
  std::vector<ApplyConflict> conflicts;
  for (const ManagerEntry& entry : entries) {
    if (entry.is(writer, "Apply")) continue;
    entry.fields.each_common(changed, [&](const std::string& path) { conflicts.push_back({entry.printed(), path}); });
  }
  std::sort(conflicts.begin(), conflicts.end(), [](const ApplyConflict& a, const ApplyConflict& b) {
    return std::tie(a.manager, a.path) < std::tie(b.manager, b.path);
  });
  return conflicts;
}

// Puts the new set in the place of the applier's last one, which is returned.
FieldSet replace_last(ManagerEntries& entries, const Writer& writer, FieldSet set) {
  for (ManagerEntry& entry : entries) {
    if (!entry.is(writer, "Apply")) continue;
    std::swap(entry.fields, set);
    entry.api_version = writer.api_version;
    return set;
  }
  entries.push_back({writer.manager, "Apply", writer.api_version, writer.subresource, writer.time, std::move(set)});
  return {};
}

bool same_managers(const ManagerEntries& a, const ManagerEntries& b) {
  return std::is_permutation(a.begin(), a.end(), b.begin(), b.end(), [](const ManagerEntry& x, const ManagerEntry& y) {
    return x.manager == y.manager && x.operation == y.operation && x.api_version == y.api_version &&
           x.subresource == y.subresource && x.fields == y.fields;
  });
}

}  // namespace

Json Applied::object() const {
  return value ? *value : Json();
}

Applied apply(const Json* live, const Json& applied, const Writer& writer, const Schema& schema, bool force) {
  Applied out;
  const SchemaNode* root = schema.tree().root;
  if (!applied.is_object()) {
    out.bad_request = "an applied configuration must be an object";
    return out;
  }
  if (const auto metadata = applied.find("metadata"); metadata != applied.end() && !metadata->is_object()) {
    out.bad_request = "metadata must be an object";
    return out;
  }
  if (const Json* own = datamesh::find(applied, {"metadata", "managedFields"});
      own && own->is_array() && !own->empty()) {
    out.bad_request = "metadata.managedFields must be nil";
    return out;
  }
  const Json said = writable_part(applied, writer);
  std::string problem;
  FieldSet set = fields_of(said, root, &problem);
  if (!problem.empty()) {
    out.bad_request = "failed to create typed patch object: " + problem;
    return out;
  }
  keep_ownable(set, writer);

  const ManagerEntries before = managers_of(live, writer, root);
  ManagerEntries entries = before;
  Json merged = live ? *live : Json::object();
  merge_into(merged, said, root);
  const FieldSet last = replace_last(entries, writer, std::move(set));
  FieldSet owned;
  for (const ManagerEntry& entry : entries) owned.unite(entry.fields);
  drop(merged, root, last, &owned);

  const Json empty = Json::object();
  Difference difference = compare(live ? live : &empty, merged, root);
  keep_ownable(difference.changed, writer);
  keep_ownable(difference.removed, writer);
  out.conflicts = conflicts_of(entries, writer, difference.changed);
  if (!out.conflicts.empty() && !force) return out;
  out.conflicts.clear();
  for (ManagerEntry& entry : entries) {
    if (entry.is(writer, "Apply")) continue;
    entry.fields.subtract(difference.changed);
    entry.fields.subtract(difference.removed);
  }
  std::erase_if(entries, [](const ManagerEntry& one) { return one.fields.empty(); });

  out.changed = !live || !difference.changed.empty() || !difference.removed.empty() || !same_managers(entries, before);
  if (!out.changed) {
    out.value = std::make_shared<const Json>(*live);
    return out;
  }
  for (ManagerEntry& entry : entries) {
    if (entry.is(writer, "Apply")) entry.time = writer.time;
  }
  cap_updaters(entries);
  write_managers(merged, std::move(entries));
  out.value = std::make_shared<const Json>(std::move(merged));
  return out;
}

std::string conflict_message(const std::vector<ApplyConflict>& conflicts) {
  if (conflicts.size() == 1) {
    return "Apply failed with 1 conflict: conflict with " + conflicts[0].manager + ": " + conflicts[0].path;
  }
  std::string text = "Apply failed with " + std::to_string(conflicts.size()) + " conflicts: ";
  const std::string* manager = nullptr;
  for (const ApplyConflict& one : conflicts) {
    if (!manager || *manager != one.manager) {
      text.append(manager ? "\n" : "").append("conflicts with ").append(one.manager).append(":");
      manager = &one.manager;
    }
    text.append("\n- ").append(one.path);
  }
  return text;
}

Json conflict_causes(const std::vector<ApplyConflict>& conflicts) {
  Json causes = Json::array();
  for (const ApplyConflict& one : conflicts) {
    causes.push_back(
        {{"reason", "FieldManagerConflict"}, {"message", "conflict with " + one.manager}, {"field", one.path}});
  }
  return causes;
}

}  // namespace datamesh::apiserver

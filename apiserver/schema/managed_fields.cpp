#include "apiserver/schema/managed_fields.hpp"

#include <algorithm>
#include <tuple>

#include "apiserver/schema/managers.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t manager_bytes_max = 128;
constexpr std::size_t updaters_max = 10;

const Json* managed_fields_of(const Json& object) {
  return datamesh::find(object, {"metadata", "managedFields"});
}

bool is_reset(const Json& list) {
  return list.is_array() && (list.empty() || (list.size() == 1 && list[0].is_object() && list[0].empty()));
}

// What the request wants known about managers: its own list when it sent a usable one, else the stored one.
ManagerEntries managers_before(const Json* live, const Json& object, const Writer& writer) {
  const Json* sent = writer.subresource.empty() ? managed_fields_of(object) : nullptr;
  if (sent && is_reset(*sent)) return {};
  if (sent) {
    if (auto entries = read_managers(object); entries && !entries->empty()) return std::move(*entries);
  }
  if (live) {
    if (auto entries = read_managers(*live)) return std::move(*entries);
  }
  return {};
}

}  // namespace

std::string default_manager(std::string_view user_agent) {
  std::string name{user_agent.substr(0, std::min(user_agent.find('/'), manager_bytes_max))};
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return name.empty() ? "unknown" : name;
}

FieldErrors validate_manager(std::string_view manager, bool apply) {
  FieldErrors errors;
  if (apply && manager.empty()) errors.push_back(required("fieldManager", "is required for apply patch"));
  if (manager.size() > manager_bytes_max) errors.push_back(too_long("fieldManager", manager_bytes_max));
  for (char c : manager) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) continue;
    errors.push_back(invalid("fieldManager", manager, "should only contain printable characters"));
    break;
  }
  return errors;
}

bool ManagerEntry::is(const Writer& writer, std::string_view writer_operation) const {
  return manager == writer.manager && operation == writer_operation && subresource == writer.subresource &&
         (operation == "Apply" || api_version == writer.api_version);
}

std::string ManagerEntry::printed() const {
  std::string text = go_quoted(manager);
  if (!subresource.empty()) text += " with subresource " + go_quoted(subresource);
  if (operation == "Update") text += " using " + api_version;
  return text;
}

std::optional<ManagerEntries> read_managers(const Json& object) {
  const Json* list = managed_fields_of(object);
  if (!list || list->is_null()) return ManagerEntries{};
  if (!list->is_array()) return std::nullopt;
  ManagerEntries entries;
  for (const Json& one : *list) {
    if (!one.is_object()) return std::nullopt;
    ManagerEntry entry{string_at(one, {"manager"}),     string_at(one, {"operation"}), string_at(one, {"apiVersion"}),
                       string_at(one, {"subresource"}), string_at(one, {"time"}),      {}};
    if (entry.operation != "Apply" && entry.operation != "Update") return std::nullopt;
    const auto fields = one.find("fieldsV1");
    if (fields == one.end()) continue;
    auto set = FieldSet::from_fields_v1(*fields);
    if (!set) return std::nullopt;
    set->member = false;
    entry.fields = std::move(*set);
    entries.push_back(std::move(entry));
  }
  return entries;
}

void write_managers(Json& object, ManagerEntries entries) {
  std::erase_if(entries, [](const ManagerEntry& one) { return one.fields.empty(); });
  std::sort(entries.begin(), entries.end(), [](const ManagerEntry& a, const ManagerEntry& b) {
    return std::tie(a.operation, a.time, a.manager, a.api_version, a.subresource) <
           std::tie(b.operation, b.time, b.manager, b.api_version, b.subresource);
  });
  Json& metadata = object["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  if (entries.empty()) {
    metadata.erase("managedFields");
    return;
  }
  Json list = Json::array();
  for (const ManagerEntry& entry : entries) {
    Json one = {{"manager", entry.manager},
                {"operation", entry.operation},
                {"apiVersion", entry.api_version},
                {"fieldsType", "FieldsV1"}};
    if (!entry.time.empty()) one["time"] = entry.time;
    if (!entry.subresource.empty()) one["subresource"] = entry.subresource;
    one["fieldsV1"] = entry.fields.fields_v1();
    list.push_back(std::move(one));
  }
  metadata["managedFields"] = std::move(list);
}

void cap_updaters(ManagerEntries& entries) {
  std::vector<std::size_t> updaters;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].operation == "Update") updaters.push_back(i);
  }
  if (updaters.size() <= updaters_max) return;
  std::sort(updaters.begin(), updaters.end(),
            [&](std::size_t a, std::size_t b) { return entries[a].time < entries[b].time; });
  ManagerEntries ancient;
  std::size_t left = updaters.size();
  for (std::size_t i : updaters) {
    if (left + ancient.size() <= updaters_max) break;
    ManagerEntry& entry = entries[i];
    auto bucket = std::find_if(ancient.begin(), ancient.end(),
                               [&](const ManagerEntry& one) { return one.api_version == entry.api_version; });
    if (bucket == ancient.end()) {
      bucket = ancient.insert(ancient.end(), {"ancient-changes", "Update", entry.api_version, "", entry.time, {}});
    }
    bucket->fields.unite(entry.fields);
    bucket->time = std::max(bucket->time, entry.time);
    entry.fields = {};
    --left;
  }
  entries.insert(entries.end(), std::make_move_iterator(ancient.begin()), std::make_move_iterator(ancient.end()));
}

void keep_ownable(FieldSet& set, const Writer& writer) {
  set.children.erase("f:apiVersion");
  set.children.erase("f:kind");
  if (writer.has_status && writer.subresource == "status") {
    std::erase_if(set.children, [](const auto& one) { return one.first != "f:status"; });
  } else if (writer.has_status) {
    set.children.erase("f:status");
  }
  const auto metadata = set.children.find("f:metadata");
  if (metadata == set.children.end()) return;
  metadata->second.member = false;
  for (const char* name :
       {"f:name", "f:namespace", "f:creationTimestamp", "f:deletionTimestamp", "f:deletionGracePeriodSeconds",
        "f:selfLink", "f:uid", "f:generation", "f:managedFields", "f:resourceVersion"}) {
    metadata->second.children.erase(name);
  }
  if (metadata->second.empty()) set.children.erase(metadata);
}

void track_update(const Json* live, Json& object, const Writer& writer, const Schema& schema) {
  const Json* sent = managed_fields_of(object);
  const Json* stored = live ? managed_fields_of(*live) : nullptr;
  const Json empty = Json::object();
  Difference difference = compare(live ? live : &empty, object, schema.tree().root);
  keep_ownable(difference.changed, writer);
  keep_ownable(difference.removed, writer);
  const bool still = difference.changed.empty() && difference.removed.empty();
  if (!object.contains("metadata") || !object["metadata"].is_object()) object["metadata"] = Json::object();
  if (still && stored && (!sent || !writer.subresource.empty() || *sent == *stored)) {
    object["metadata"]["managedFields"] = *stored;  // nothing to say: not even read
    return;
  }
  ManagerEntries entries = managers_before(live, object, writer);
  ManagerEntry* self = nullptr;
  for (ManagerEntry& entry : entries) {
    if (entry.is(writer, "Update")) self = &entry;
    entry.fields.subtract(difference.changed);
    entry.fields.subtract(difference.removed);
  }
  if (!difference.changed.empty()) {
    if (!self) {
      self =
          &entries.emplace_back(ManagerEntry{writer.manager, "Update", writer.api_version, writer.subresource, {}, {}});
    }
    self->fields.unite(difference.changed);
    self->time = writer.time;
  }
  std::erase_if(entries, [](const ManagerEntry& one) { return one.fields.empty(); });
  cap_updaters(entries);
  write_managers(object, std::move(entries));
}

}  // namespace datamesh::apiserver

#include "apiserver/object.hpp"

#include <algorithm>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

// Marks where the digits of the version go. Drawn, so that no object's text can hold it.
const std::string& version_mark() {
  static const std::string mark = random_token(24);
  return mark;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? std::string() : value.dump();
}

// "spec.engine", "involvedObject.name".
const Json* at_path(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (!at->is_object()) return nullptr;
    const auto it = at->find(std::string(path.substr(0, dot)));
    if (it == at->end()) return nullptr;
    at = &*it;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

std::string field_value(const Json& object, const std::string& path) {
  const Json* value = at_path(object, path);
  return value == nullptr ? std::string() : text_of(*value);
}

struct EventNames {
  const char* core;
  const char* events;
};
constexpr EventNames kEventNames[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
};

void rename(Json& object, const char* from, const char* to) {
  const auto it = object.find(from);
  if (it == object.end()) return;
  Json value = std::move(*it);
  object.erase(it);
  object[to] = std::move(value);
}

bool is_event_view(const Resource& resource) {
  return resource.group == "events.k8s.io";
}

}  // namespace

std::string stored_field(const Resource& resource, const std::string& field) {
  if (!is_event_view(resource)) return field;
  for (const EventNames& names : kEventNames) {
    const std::string view = names.events;
    if (field == view) return names.core;
    if (field.starts_with(view + ".")) return names.core + field.substr(view.size());
  }
  return field;
}

storage::Draft make_draft(const Resource& resource, Json& object) {
  Json& metadata = object["metadata"];
  metadata["resourceVersion"] = version_mark();
  storage::Draft draft;
  draft.key = {resource.storage, string_at(metadata, {"namespace"}), string_at(metadata, {"name"})};
  draft.uid = string_at(metadata, {"uid"});
  draft.deleting = metadata.contains("deletionTimestamp");
  if (const auto labels = metadata.find("labels"); labels != metadata.end() && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) draft.labels.emplace_back(key, text_of(value));
  }
  for (const std::string& field : resource.indexed_fields) {
    draft.fields.emplace_back(field, field_value(object, field));
  }
  if (const auto owners = metadata.find("ownerReferences"); owners != metadata.end() && owners->is_array()) {
    for (const Json& owner : *owners) draft.owners.push_back(string_at(owner, {"uid"}));
  }
  std::string text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string placed = "\"resourceVersion\":\"" + version_mark() + "\"";
  const std::size_t at = text.find(placed) + std::string_view("\"resourceVersion\":\"").size();
  draft.after = text.substr(at + version_mark().size());
  text.resize(at);
  draft.before = std::move(text);
  return draft;
}

namespace {

// The keys of an object are sorted, so that a stored text begins with its apiVersion (unless a key of the user's own
// sorts before it, and then the text is parsed).
std::string version_prefix(const Resource& resource, std::string_view version) {
  return "{\"apiVersion\":\"" + resource.api_version(version) + "\",";
}

}  // namespace

bool is_in_version(const Resource& resource, std::string_view version, std::string_view stored) {
  if (is_event_view(resource)) return false;
  return stored.starts_with(version_prefix(resource, version));
}

std::string in_version(const Resource& resource, std::string_view version, std::string stored) {
  if (is_in_version(resource, version, stored)) return stored;
  Json object = parse_stored(stored);
  to_version(resource, version, object);
  return object.dump();
}

Json parse_stored(const std::string& text) {
  return Json::parse(text, nullptr, false);
}

void to_version(const Resource& resource, std::string_view version, Json& object) {
  object["apiVersion"] = resource.api_version(version);
  if (!is_event_view(resource)) return;
  for (const EventNames& names : kEventNames) rename(object, names.core, names.events);
}

void to_stored(const Resource& resource, Json& object) {
  if (is_event_view(resource)) {
    for (const EventNames& names : kEventNames) rename(object, names.events, names.core);
    object["apiVersion"] = "v1";
    return;
  }
  object["apiVersion"] = resource.api_version(resource.storage_version);
}

Json read_record(const Resource& resource, std::string_view version, const storage::Record& record) {
  Json object = parse_stored(record.body());
  to_version(resource, version, object);
  return object;
}

storage::Key key_of(const Resource& resource, const std::string& ns, const std::string& name) {
  return {resource.storage, resource.namespaced ? ns : std::string(), name};
}

storage::Key namespace_key(const std::string& ns) {
  return {"/namespaces", "", ns};
}

std::vector<std::string> finalizers_of(const Json& object) {
  std::vector<std::string> out;
  const Json* list = find(object, {"metadata", "finalizers"});
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

void set_finalizers(Json& object, const std::vector<std::string>& finalizers) {
  if (finalizers.empty()) {
    object["metadata"].erase("finalizers");
  } else {
    object["metadata"]["finalizers"] = finalizers;
  }
}

bool is_deleting(const Json& object) {
  return find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

bool may_go(const Resource& resource, const Json& object) {
  if (!finalizers_of(object).empty()) return false;
  if (resource.storage != "/namespaces") return true;
  const Json* own = find(object, {"spec", "finalizers"});
  return own == nullptr || !own->is_array() || own->empty();
}

Json partial_metadata(const Json& object) {
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", object.value("metadata", Json::object())}};
}

Failure from_storage(const storage::Failure& failure, const Resource& resource, const storage::Key& key) {
  using storage::Reason;
  switch (failure.reason) {
    case Reason::NotFound:
      return not_found(resource.name(), key.name);
    case Reason::AlreadyExists:
      return already_exists(resource.name(), key.name);
    case Reason::Conflict:
      return modified(resource.name(), key.name);
    case Reason::Terminating: {
      Failure out =
          forbidden(resource.name(), key.name,
                    "unable to create new content in namespace " + key.ns + " because it is being terminated");
      out.causes = {{"NamespaceTerminating", "namespace " + key.ns + " is being terminated", "metadata.namespace"}};
      return out;
    }
    case Reason::NoNamespace:
      return not_found({"", "namespaces"}, key.ns);
    case Reason::Expired:
      return expired(failure.message, failure.continue_token);
    case Reason::TooLarge: {
      Failure out = resource_version_too_large(0, failure.current);
      out.message = failure.message;
      return out;
    }
    case Reason::Invalid: {
      const std::string field = failure.field.empty() ? "resourceVersion" : failure.field;
      return invalid("meta.k8s.io", "ListOptions", "", {{"FieldValueForbidden", failure.message, field}});
    }
    case Reason::BadRequest:
      return bad_request(failure.message);
    case Reason::Busy:
      return too_many_requests("the server is busy, please try again later", 1);
    case Reason::Unavailable:
      break;
  }
  return unavailable(failure.message);
}

}  // namespace datamesh::apiserver

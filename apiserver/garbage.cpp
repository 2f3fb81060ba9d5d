// Owners and dependents (metadata.ownerReferences), as Kubernetes' garbage collector has it: an object goes when all of
// its owners are gone; an owner deleted in the foreground waits for the dependents that block it; one deleted with
// `orphan` lets go of them first.

#include <algorithm>

#include "apiserver/lifecycle.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

enum class OwnerState { Present, Absent, Waiting };  // Waiting: goes in the foreground, after this one

struct OwnerReference {
  std::string group, kind, name, uid;
  bool blocks = false;
};

std::vector<OwnerReference> owners_of(const Json& object) {
  std::vector<OwnerReference> out;
  const Json* list = find(object, {"metadata", "ownerReferences"});
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    const std::string version = string_at(item, {"apiVersion"});
    const std::size_t slash = version.find('/');
    const Json* blocks = find(item, {"blockOwnerDeletion"});
    out.push_back({slash == std::string::npos ? "" : version.substr(0, slash), string_at(item, {"kind"}),
                   string_at(item, {"name"}), string_at(item, {"uid"}),
                   blocks != nullptr && blocks->is_boolean() && blocks->get<bool>()});
  }
  return out;
}

bool has_finalizer(const Json& object, const char* name) {
  const auto finalizers = finalizers_of(object);
  return std::find(finalizers.begin(), finalizers.end(), name) != finalizers.end();
}

bool owns(const Json& object, const std::string& uid, bool blocking_only) {
  const auto owners = owners_of(object);
  return std::any_of(owners.begin(), owners.end(),
                     [&](const OwnerReference& owner) { return owner.uid == uid && (owner.blocks || !blocking_only); });
}

void drop_owners(Json& object, const std::vector<std::string>& uids) {
  Json kept = Json::array();
  for (const Json& owner : object["metadata"]["ownerReferences"]) {
    if (std::find(uids.begin(), uids.end(), string_at(owner, {"uid"})) == uids.end()) kept.push_back(owner);
  }
  if (kept.empty()) {
    object["metadata"].erase("ownerReferences");
  } else {
    object["metadata"]["ownerReferences"] = std::move(kept);
  }
}

storage::Key key_of_record(const storage::Record& record) {
  return {record.resource(), record.ns(), std::string(record.name())};
}

}  // namespace

void Lifecycle::check_object(const storage::Key& key) {
  const auto object = look(key);
  if (!object) return;
  if (is_deleting(*object)) {
    if (has_finalizer(*object, kOrphanFinalizer)) return finish_orphan(key, *object);
    if (has_finalizer(*object, kForegroundFinalizer)) return finish_foreground(key, *object);
    return;
  }
  check_owners(key, *object);
}

void Lifecycle::check_dependents(const std::string& uid) {
  for (const auto& record : engine_.store().owned_by(uid)) check_object(key_of_record(*record));
}

// An owner that is deleted in the foreground may have waited for it.
void Lifecycle::check_owners_of_gone(const storage::Key& key, const std::string& last_state) {
  const auto catalog = engine_.catalog();
  for (const OwnerReference& owner : owners_of(parse_stored(last_state))) {
    const ResourcePtr resource = catalog->find_kind(owner.group, owner.kind);
    if (resource) check_object(key_of(*resource, key.ns, owner.name));
  }
}

void Lifecycle::check_owners(const storage::Key& key, const Json& object) {
  const auto owners = owners_of(object);
  if (owners.empty()) return;
  const auto catalog = engine_.catalog();
  std::vector<std::string> absent;
  int present = 0, waiting = 0;
  for (const OwnerReference& owner : owners) {
    const ResourcePtr resource = catalog->find_kind(owner.group, owner.kind);
    // A kind nobody knows (yet) is no proof of absence.
    if (!resource) {
      ++present;
      continue;
    }
    const auto record = engine_.store().find(key_of(*resource, key.ns, owner.name));
    if (!record || record->uid() != owner.uid) {
      absent.push_back(owner.uid);
    } else if (record->deleting() && owner.blocks &&
               has_finalizer(parse_stored(record->body()), kForegroundFinalizer)) {
      ++waiting;
    } else {
      ++present;
    }
  }
  const std::string uid = string_at(object, {"metadata", "uid"});
  if (present > 0) {
    if (absent.empty()) return;
    Json changed = object;
    drop_owners(changed, absent);
    return write(key, std::move(changed));
  }
  const bool owns_others = !engine_.store().owned_by(uid).empty();
  remove(key, uid, waiting > 0 && owns_others ? Propagation::Foreground : Propagation::Background);
}

void Lifecycle::finish_foreground(const storage::Key& key, const Json& object) {
  const std::string uid = string_at(object, {"metadata", "uid"});
  bool blocked = false;
  for (const auto& record : engine_.store().owned_by(uid)) {
    const storage::Key of = key_of_record(*record);
    const auto dependent = look(of);
    if (!dependent) continue;
    if (!is_deleting(*dependent)) check_owners(of, *dependent);
    const auto after = look(of);
    if (!after || !owns(*after, uid, true)) continue;
    const auto others = owners_of(*after);
    // A circle would wait for itself: what waits for us does not keep us.
    const bool circle = owns(object, string_at(*after, {"metadata", "uid"}), false) && is_deleting(*after);
    // One that somebody else owns stays.
    const bool stays = !is_deleting(*after) && others.size() > 1;
    if (!circle && !stays) blocked = true;
  }
  if (!blocked) drop_finalizer(key, object, kForegroundFinalizer);
}

void Lifecycle::finish_orphan(const storage::Key& key, const Json& object) {
  const std::string uid = string_at(object, {"metadata", "uid"});
  for (const auto& record : engine_.store().owned_by(uid)) {
    const storage::Key of = key_of_record(*record);
    auto dependent = look(of);
    if (!dependent) continue;
    drop_owners(*dependent, {uid});
    write(of, *std::move(dependent));
  }
  const auto left = engine_.store().owned_by(uid);
  if (left.empty()) return drop_finalizer(key, object, kOrphanFinalizer);
  // Somebody wrote one of them in between.
  add({Task::Kind::Object, key, "", nullptr});
}

}  // namespace datamesh::apiserver

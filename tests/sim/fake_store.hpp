#pragma once
// A Kubernetes API in memory for the simulation: compare-and-set, generation, status apart, finalizers, owner
// references; every change goes to a log that watches are fed from. Strict: it refuses what a real server refuses.

#include <functional>
#include <map>
#include <vector>

#include "controller/core/json.hpp"
#include "controller/kube/store.hpp"
#include "reconcilers/declarations.hpp"

namespace datamesh::sim {

class FakeStore : public kube::Store {
 public:
  struct Entry {
    bool removed = false;
    Json object;
  };
  // Asked before each operation; an error is answered instead. Asked again after a write with "written": an error then
  // is a lost answer.
  std::function<std::optional<Error>(const std::string& operation)> fault;
  std::function<std::string()> now = [] { return std::string("2026-01-01T00:00:00Z"); };

  const std::vector<Entry>& log() const { return log_; }
  const std::map<ObjectKey, Json>& objects() const { return objects_; }
  long version() const { return version_; }

  Result<Json> get(const kube::ResourceType& type, const std::string& ns, const std::string& name) override {
    if (auto error = ask("get")) return *error;
    const auto found = objects_.find({type.kind, type.namespaced ? ns : "", name});
    if (found == objects_.end()) return Error{Code::NotFound, type.plural + " \"" + name + "\" not found"};
    return found->second;
  }
  Result<std::vector<Json>> list(const kube::ResourceType& type, const std::string& ns) override {
    if (auto error = ask("list")) return *error;
    std::vector<Json> items;
    for (const auto& [key, object] : objects_) {
      if (key.kind == type.kind && (ns.empty() || key.ns == ns)) items.push_back(object);
    }
    return items;
  }
  Result<Json> create(const kube::ResourceType& type, const Json& object) override {
    if (auto error = ask("create")) return *error;
    Json made = object;
    made["kind"] = type.kind;
    const ObjectKey key = key_of(made);
    if (objects_.contains(key)) return Error{Code::Conflict, to_string(key) + " already exists"};
    if (!key.ns.empty() && !objects_.contains({"Namespace", "", key.ns})) {
      return Error{Code::NotFound, "namespaces \"" + key.ns + "\" not found"};
    }
    made["metadata"]["uid"] = "uid-" + std::to_string(version_ + 1);
    made["metadata"]["generation"] = 1;
    made["metadata"]["creationTimestamp"] = now();
    made.erase("status");
    return put(key, std::move(made));
  }
  Result<Json> update(const kube::ResourceType& type, const Json& object) override {
    const ObjectKey key = key_of(object);
    if (auto error = ask("update")) return *error;
    const auto found = objects_.find(key);
    if (found == objects_.end()) return Error{Code::NotFound, type.plural + " \"" + key.name + "\" not found"};
    if (auto clash = compare(found->second, object)) return *clash;
    Json next = object;
    for (const auto* field : {"uid", "generation", "creationTimestamp", "deletionTimestamp"}) {
      if (found->second["metadata"].contains(field)) next["metadata"][field] = found->second["metadata"][field];
    }
    if (found->second.contains("status")) next["status"] = found->second["status"];
    return settle(key, found->second, std::move(next));
  }
  Result<Json> patch(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                     const kube::Patch& patch) override {
    if (auto error = ask("patch")) return *error;
    const ObjectKey key{type.kind, type.namespaced ? ns : "", name};
    const auto found = objects_.find(key);
    if (found == objects_.end()) return Error{Code::NotFound, type.plural + " \"" + name + "\" not found"};
    const Json body = Json::parse(patch.body);
    if (auto clash = compare(found->second, body)) return *clash;
    Json next = found->second;
    if (patch.subresource == "status") {
      next["status"].merge_patch(body.at("status"));
    } else {
      const Json status = next.value("status", Json());
      next.merge_patch(body);
      if (!status.is_null()) next["status"] = status;
    }
    next["metadata"]["resourceVersion"] = found->second["metadata"]["resourceVersion"];
    return settle(key, found->second, std::move(next));
  }
  Result<void> remove(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                      const std::string& = "") override {
    if (auto error = ask("remove")) return *error;
    const ObjectKey key{type.kind, type.namespaced ? ns : "", name};
    const auto found = objects_.find(key);
    if (found == objects_.end()) return {};
    const Json* finalizers = find(found->second, {"metadata", "finalizers"});
    if (finalizers && !finalizers->empty()) {
      if (found->second["metadata"].contains("deletionTimestamp")) return {};
      Json next = found->second;
      next["metadata"]["deletionTimestamp"] = now();
      if (auto done = put(key, std::move(next)); !done) return done.error();
      return {};
    }
    erase(key);
    if (auto error = ask("written")) return *error;
    return {};
  }
  void watch(const kube::ResourceType&, const std::string&, const std::function<void(const kube::Event&)>&,
             std::stop_token) override {}

 private:
  std::optional<Error> ask(const std::string& operation) const { return fault ? fault(operation) : std::nullopt; }

  static std::optional<Error> compare(const Json& live, const Json& given) {
    const std::string expected = string_at(given, {"metadata", "resourceVersion"});
    if (expected.empty() || expected == string_at(live, {"metadata", "resourceVersion"})) return std::nullopt;
    return Error{Code::Conflict, "the object has been modified"};
  }

  Result<Json> settle(const ObjectKey& key, const Json& before, Json next) {
    if (next == before) return next;  // no change, no version
    if (next.value("spec", Json()) != before.value("spec", Json())) {
      next["metadata"]["generation"] = before["metadata"]["generation"].get<long>() + 1;
    }
    const Json* finalizers = find(next, {"metadata", "finalizers"});
    if (next["metadata"].contains("deletionTimestamp") && (!finalizers || finalizers->empty())) {
      erase(key);
      return next;
    }
    return put(key, std::move(next));
  }

  Result<Json> put(const ObjectKey& key, Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[key] = object;
    log_.push_back({false, object});
    if (auto error = ask("written")) return *error;
    return object;
  }

  void erase(const ObjectKey& key) {
    auto node = objects_.extract(key);
    ++version_;
    const std::string uid = string_at(node.mapped(), {"metadata", "uid"});
    log_.push_back({true, std::move(node.mapped())});
    // What it owned goes with it.
    std::vector<ObjectKey> owned;
    for (const auto& [other, object] : objects_) {
      const Json* owners = find(object, {"metadata", "ownerReferences"});
      if (owners && !owners->empty() && string_at(owners->front(), {"uid"}) == uid) owned.push_back(other);
    }
    for (const auto& other : owned) erase(other);
  }

  std::map<ObjectKey, Json> objects_;
  std::vector<Entry> log_;
  long version_ = 0;
};

}  // namespace datamesh::sim

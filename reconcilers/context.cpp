#include "reconcilers/context.hpp"

#include <algorithm>

#include "api/types.hpp"
#include "controller/core/json.hpp"

namespace datamesh {

void Context::dirty(const mesh::Dirty& dirty) const {
  std::set<std::string> wake;
  {
    const std::unique_lock lock(state.mutex);
    for (const auto& [name, owners] : dirty.owners) {
      const auto backend = state.backends.find(name);
      if (backend == state.backends.end()) continue;
      auto& ledger = backend->second;
      for (const auto& owner : owners) {
        ledger.due.insert(owner);
        ledger.retry.erase(owner);
        // The declaration is new: what failed for the old one says nothing about it.
        if (const auto finding = ledger.finding(owner); finding && finding->failed) ledger.resting.clear();
      }
      wake.insert(name);
    }
    for (const auto& name : dirty.whole) {
      const auto backend = state.backends.find(name);
      if (backend == state.backends.end()) continue;
      backend->second.whole_due = true;
      wake.insert(name);
    }
  }
  for (const auto& name : wake) wake_backend(name);
  for (const auto& key : dirty.objects) wake_object(key, Duration::zero());
}

Json merge_patch_between(const Json& before, const Json& after) {
  if (!before.is_object() || !after.is_object()) return before == after ? Json() : after;
  Json patch = Json::object();
  for (const auto& [key, value] : after.items()) {
    const auto old = before.find(key);
    if (old == before.end()) {
      patch[key] = value;
    } else if (*old != value) {
      patch[key] = value.is_object() ? merge_patch_between(*old, value) : value;
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!after.contains(key)) patch[key] = nullptr;
  }
  return patch.empty() ? Json() : patch;
}

Result<bool> write_status(const Context& context, const ObjectKey& key, const Json& before, const Json& after) {
  const Json patch = merge_patch_between(before, after);
  if (patch.is_null()) return false;
  const auto written = context.store.patch(kube::type_of_kind(key.kind), key.ns, key.name,
                                           {.body = Json{{"status", patch}}.dump(), .subresource = "status"});
  if (written) return true;
  if (written.error().code == Code::NotFound) return false;
  return with_context("status of " + to_string(key), written.error());
}

namespace {

// One compare-and-set of metadata.finalizers on the live object.
Result<void> change_finalizers(const Context& context, const ObjectKey& key, bool wanted) {
  const auto& type = kube::type_of_kind(key.kind);
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto live = context.store.get(type, key.ns, key.name);
    if (!live) {
      if (live.error().code == Code::NotFound) return {};
      return live.error();
    }
    Json finalizers = Json::array();
    if (const Json* old = find(*live, {"metadata", "finalizers"})) finalizers = *old;
    const Json ours = std::string(api::kFinalizer);
    const bool has = std::ranges::find(finalizers, ours) != finalizers.end();
    if (has == wanted) return {};
    if (wanted && find(*live, {"metadata", "deletionTimestamp"})) return {};
    if (wanted) {
      finalizers.push_back(ours);
    } else {
      finalizers.erase(std::ranges::find(finalizers, ours));
    }
    const Json body = {{"metadata",
                        {{"finalizers", finalizers.empty() ? Json() : finalizers},
                         {"resourceVersion", string_at(*live, {"metadata", "resourceVersion"})}}}};
    const auto patched = context.store.patch(type, key.ns, key.name, {.body = body.dump()});
    if (patched || patched.error().code == Code::NotFound) return {};
    if (patched.error().code != Code::Conflict) return patched.error();
  }
  return Error{Code::Conflict, "finalizers of " + to_string(key) + " keep changing"};
}

}  // namespace

Result<void> add_finalizer(const Context& context, const ObjectKey& key) {
  return change_finalizers(context, key, true);
}
Result<void> remove_finalizer(const Context& context, const ObjectKey& key) {
  return change_finalizers(context, key, false);
}

}  // namespace datamesh

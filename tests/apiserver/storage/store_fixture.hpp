#pragma once
// What the tests of the store begin with.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apiserver/storage/storage.hpp"

namespace datamesh::apiserver::storage {

inline const std::string pods = "/pods";

inline Key pod(const std::string& name, const std::string& ns = "default") {
  return {pods, ns, name};
}

// {"v":VALUE,"rv":"N"}: short, and the version is in it as in real ones.
inline Draft draft(const Key& key, const std::string& value = "1") {
  Draft draft;
  draft.key = key;
  draft.uid = "uid-" + key.ns + "-" + key.name;
  draft.before = R"({"name":")" + key.name + R"(","rv":")";
  draft.after = R"(","v":")" + value + R"("})";
  return draft;
}

inline std::string text(const Key& key, const std::string& value, Rv rv) {
  return R"({"name":")" + key.name + R"(","rv":")" + std::to_string(rv) + R"(","v":")" + value + R"("})";
}

inline std::unique_ptr<Store> open_store(Options options = {}) {
  options.future_wait = std::chrono::milliseconds(50);
  auto store = Store::open(std::move(options));
  if (!store) {
    ADD_FAILURE() << store.error().message;
    std::abort();
  }
  return *std::move(store);
}

// The version of a write that must succeed.
inline Rv rv_of(Outcome<RecordPtr> answer) {
  if (answer) return (*answer)->rv();
  ADD_FAILURE() << answer.failure().message;
  return 0;
}

inline Rv create(Store& store, const Key& key, const std::string& value = "1") {
  return rv_of(store.write(Write::create(draft(key, value))));
}
inline Rv replace(Store& store, const Key& key, const std::string& value) {
  return rv_of(store.write(Write::replace(draft(key, value), {})));
}
inline Rv remove(Store& store, const Key& key) {
  return rv_of(store.write(Write::remove(key)));
}

inline std::optional<Reason> reason_of(const Outcome<RecordPtr>& answer) {
  return answer ? std::nullopt : std::optional(answer.failure().reason);
}

// A sink that keeps what it gets. Outlives its watch.
class Collector {
 public:
  Sink sink() {
    return [this](const EventPtr& event) {
      const std::scoped_lock lock(mutex_);
      events_.push_back(event);
      return true;
    };
  }
  std::vector<EventPtr> events() const {
    const std::scoped_lock lock(mutex_);
    return events_;
  }
  std::size_t size() const { return events().size(); }
  // "A2 M3 D4 B4": types and versions.
  std::string story() const {
    std::string story;
    for (const auto& event : events()) {
      if (!story.empty()) story += ' ';
      story += "AMDB"[static_cast<int>(event->type())] + std::to_string(event->rv());
    }
    return story;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<EventPtr> events_;
};

// "a1 b2": names and versions.
inline std::string shown(const Outcome<List>& list) {
  if (!list) return "failed: " + list.failure().message;
  std::string text;
  for (const auto& record : list->items) {
    if (!text.empty()) text += ' ';
    text += std::string(record->name()) + std::to_string(record->rv());
  }
  return text;
}

}  // namespace datamesh::apiserver::storage

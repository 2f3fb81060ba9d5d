#include "apiserver/storage/watchers.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace datamesh::apiserver::storage {

bool Watcher::wants(const Record& record, Rv rv) const {
  return rv > options_.from && (options_.resource.empty() || record.resource() == options_.resource) &&
         (options_.ns.empty() || record.ns() == options_.ns) &&
         (options_.name.empty() || record.name() == options_.name);
}

void Watcher::deliver(const EventPtr& event) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  if (replaying_) {
    waiting_.push_back(event);
    through_ = event->rv();
  } else {
    call(event);
  }
}

void Watcher::replay(std::vector<EventPtr> events) {
  // Without the lock, so that the writer thread never waits for it: until the watch is open, only this thread calls the
  // sink, and what the writer brings is put aside.
  bool more = true;
  while (true) {
    for (std::size_t i = 0; i < events.size() && more; ++i) more = sink_(events[i]);
    const std::scoped_lock lock(mutex_);
    events = std::exchange(waiting_, {});
    if (more && !events.empty()) continue;
    replaying_ = false;
    if (!more) end();
    return;
  }
}

void Watcher::bookmark(const std::atomic<Rv>& dispatched) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  // Events beyond `dispatched` may have come here already: a bookmark never goes back behind them.
  through_ = std::max(through_, dispatched.load(std::memory_order_acquire));
  call(std::make_shared<const Event>(Event::Type::Bookmark, through_, nullptr, nullptr));
}

void Watcher::close() {
  const std::scoped_lock lock(mutex_);
  end();
}

void Watcher::call(const EventPtr& event) {
  through_ = std::max(through_, event->rv());
  calling_ = true;
  const bool more = sink_(event);
  calling_ = false;
  if (!more || closed_) end();
}

void Watcher::end() {
  closed_ = true;
  if (!calling_) sink_ = nullptr;
}

// A list that nobody delivers to right now is changed where it is: ten thousand watches that open one after the other
// must not copy it ten thousand times. New holders need the store's lock, which the caller has.
std::vector<WatcherPtr>& Watchers::writable(Own& list) {
  if (!list) {
    list = std::make_shared<std::vector<WatcherPtr>>();
  } else if (list.use_count() > 1) {
    list = std::make_shared<std::vector<WatcherPtr>>(*list);
  } else {
    std::atomic_thread_fence(std::memory_order_acquire);  // after what the last other holder read
  }
  return *list;
}

void Watchers::add(const WatcherPtr& watcher) {
  writable(lists_[watcher->options().resource]).push_back(watcher);
  ++size_;
}

void Watchers::remove(const WatcherPtr& watcher) {
  const auto it = lists_.find(watcher->options().resource);
  if (it == lists_.end()) return;
  const auto at = std::find(it->second->begin(), it->second->end(), watcher);
  if (at == it->second->end()) return;
  const auto index = at - it->second->begin();
  std::vector<WatcherPtr>& list = writable(it->second);
  std::swap(list[static_cast<std::size_t>(index)], list.back());
  list.pop_back();
  --size_;
  if (list.empty()) lists_.erase(it);
}

Watchers::List Watchers::for_resource(const std::string& resource) const {
  const auto it = lists_.find(resource);
  return it == lists_.end() ? nullptr : it->second;
}

}  // namespace datamesh::apiserver::storage

#include "apiserver/storage/watchers.hpp"

#include <algorithm>
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

void Watchers::add(const WatcherPtr& watcher) {
  List& list = lists_[watcher->options().resource];
  auto longer = list ? *list : std::vector<WatcherPtr>();
  longer.push_back(watcher);
  list = std::make_shared<const std::vector<WatcherPtr>>(std::move(longer));
  ++size_;
}

void Watchers::remove(const WatcherPtr& watcher) {
  const auto it = lists_.find(watcher->options().resource);
  if (it == lists_.end()) return;
  auto shorter = *it->second;
  const auto gone = std::remove(shorter.begin(), shorter.end(), watcher);
  if (gone == shorter.end()) return;
  shorter.erase(gone, shorter.end());
  --size_;
  if (shorter.empty()) {
    lists_.erase(it);
  } else {
    it->second = std::make_shared<const std::vector<WatcherPtr>>(std::move(shorter));
  }
}

Watchers::List Watchers::for_resource(const std::string& resource) const {
  const auto it = lists_.find(resource);
  return it == lists_.end() ? nullptr : it->second;
}

}  // namespace datamesh::apiserver::storage

#include "apiserver/storage/watchers.hpp"

#include <algorithm>

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
  } else {
    call(event);
  }
}

void Watcher::replay(const std::vector<EventPtr>& events) {
  for (const auto& event : events) {
    const std::scoped_lock lock(mutex_);
    if (!closed_) call(event);
  }
  // Everything that came meanwhile, and then no gap between "nothing waits" and "the writer delivers".
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < waiting_.size() && !closed_; ++i) {
    const EventPtr event = waiting_[i];  // the sink may ask for a bookmark, which joins those that wait
    call(event);
  }
  waiting_ = {};
  replaying_ = false;
}

void Watcher::bookmark(const std::atomic<Rv>& dispatched) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  // Events beyond `dispatched` may have come here already: a bookmark never goes back behind them.
  through_ = std::max(through_, dispatched.load(std::memory_order_acquire));
  const Rv rv = waiting_.empty() ? through_ : std::max(through_, waiting_.back()->rv());
  const auto event = std::make_shared<const Event>(Event::Type::Bookmark, rv, nullptr, nullptr);
  if (replaying_) {
    waiting_.push_back(event);
  } else {
    call(event);
  }
}

void Watcher::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  if (!calling_) sink_ = nullptr;
}

void Watcher::call(const EventPtr& event) {
  through_ = std::max(through_, event->rv());
  calling_ = true;
  const bool more = sink_(event);
  calling_ = false;
  if (!more) closed_ = true;
  if (closed_) sink_ = nullptr;
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

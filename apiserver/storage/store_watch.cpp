#include "apiserver/storage/store.hpp"

namespace datamesh::apiserver::storage {
namespace {

class OpenWatch : public Watch {
 public:
  OpenWatch(WatcherPtr watcher, std::mutex& mutex, Watchers& watchers, const std::atomic<Rv>& dispatched)
      : watcher_(std::move(watcher)), mutex_(mutex), watchers_(watchers), dispatched_(dispatched) {}

  ~OpenWatch() override {
    {
      const std::scoped_lock lock(mutex_);
      watchers_.remove(watcher_);
    }
    watcher_->close();
  }

  void bookmark() override { watcher_->bookmark(dispatched_); }

 private:
  const WatcherPtr watcher_;
  std::mutex& mutex_;
  Watchers& watchers_;
  const std::atomic<Rv>& dispatched_;
};

}  // namespace

Outcome<std::unique_ptr<Watch>> Store::watch(WatchOptions options, Sink sink) {
  Impl& impl = *impl_;
  WatcherPtr watcher;
  std::vector<EventPtr> events;
  {
    const std::scoped_lock lock(impl.mutex);
    const Rv oldest = impl.history.compacted();
    if (options.from < oldest)
      return Failure{Reason::Expired, too_old_message(options.from, oldest), {}, {}, impl.current};
    watcher = std::make_shared<Watcher>(options, std::move(sink), std::max(options.from, impl.current.load()));
    const auto [begin, end] = impl.history.after(options.from);
    for (auto it = begin; it != end; ++it) {
      if (!watcher->wants(*it->record, it->rv)) continue;
      events.push_back(std::make_shared<const Event>(it->type(), it->rv, it->record, it->previous));
    }
    impl.watchers.add(watcher);
  }
  watcher->replay(events);
  return std::unique_ptr<Watch>(
      std::make_unique<OpenWatch>(std::move(watcher), impl.mutex, impl.watchers, impl.dispatched));
}

}  // namespace datamesh::apiserver::storage

#pragma once
// Hands events to watches. A watch begins with what is in the history, delivered by the thread that opens it; what
// comes meanwhile waits, so that order holds; from then on the writer thread delivers.

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "apiserver/storage/history.hpp"
#include "apiserver/storage/storage.hpp"

namespace datamesh::apiserver::storage {

class Watcher {
 public:
  Watcher(WatchOptions options, Sink sink, Rv through)
      : options_(std::move(options)), sink_(std::move(sink)), through_(through) {}

  const WatchOptions& options() const { return options_; }
  bool wants(const Record& record, Rv rv) const;

  // The writer thread. In order of versions.
  void deliver(const EventPtr& event);
  // The opening thread, once, before anyone may bookmark() or close().
  void replay(std::vector<EventPtr> events);
  // Any thread. `dispatched`: up to there, every event was delivered to every watch.
  void bookmark(const std::atomic<Rv>& dispatched);
  // Any thread, also the sink's. The sink is not running afterwards, unless it is the caller.
  void close();

 private:
  void call(const EventPtr& event);
  void end();

  const WatchOptions options_;
  std::recursive_mutex mutex_;  // held while the sink runs; the sink may close()
  Sink sink_;
  Rv through_;  // everything up to it was delivered, or waits
  std::vector<EventPtr> waiting_;
  bool replaying_ = true;
  bool closed_ = false;
  bool calling_ = false;
};

using WatcherPtr = std::shared_ptr<Watcher>;

// Who watches what. The Store's lock guards it; what for_resource() returns may be used without.
class Watchers {
 public:
  using List = std::shared_ptr<const std::vector<WatcherPtr>>;

  void add(const WatcherPtr& watcher);
  void remove(const WatcherPtr& watcher);
  // Of one resource, or of all ("").  nullptr: none.
  List for_resource(const std::string& resource) const;
  std::size_t size() const { return size_; }

 private:
  using Own = std::shared_ptr<std::vector<WatcherPtr>>;
  static std::vector<WatcherPtr>& writable(Own& list);

  std::map<std::string, Own> lists_;
  std::size_t size_ = 0;
};

}  // namespace datamesh::apiserver::storage

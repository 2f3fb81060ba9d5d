#pragma once
// Open watches: one stream each, fed from the store. Thread-safe.
//
// An event's line is made once per form and shared by all watches. A watch ends when its client goes, is too slow, when
// its time is over, or when the server stops.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "apiserver/engine.hpp"
#include "apiserver/web/render.hpp"
#include "apiserver/web/selection.hpp"
#include "controller/http/listener.hpp"

namespace datamesh::apiserver {

struct WatchRequest {
  View view;
  std::string ns;
  Selection selection;
  std::optional<std::uint64_t> from;  // nullopt or 0: what there is first, as ADDED
  bool bookmarks = false;
  bool initial_events = false;  // sendInitialEvents: a marked bookmark ends what there is
  std::chrono::seconds timeout{1800};
};

class Watches {
 public:
  Watches(Engine& engine, std::chrono::milliseconds bookmark_interval, std::size_t count_max);
  ~Watches();  // stop()

  // Answers the exchange: with a stream, or a failure. May block for a moment.
  std::optional<Failure> open(WatchRequest request, http::Headers headers, http::Exchange& exchange);
  void stop();
  std::size_t count() const;
  // Watches of kinds that are served no longer end, so that their clients look again.
  void end_unserved();

 private:
  struct Watcher;
  class Lines;

  void end(std::uint64_t id);
  void tick(const std::stop_token& stop);

  Engine& engine_;
  const std::chrono::milliseconds bookmark_interval_;
  const std::size_t count_max_;
  std::shared_ptr<Lines> lines_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers_;
  std::uint64_t next_id_ = 1;
  bool stopped_ = false;
  std::jthread ticker_;
};

}  // namespace datamesh::apiserver

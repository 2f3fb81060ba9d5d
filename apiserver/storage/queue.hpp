#pragma once
// What waits for the writer thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "apiserver/storage/decide.hpp"

namespace datamesh::apiserver::storage {

struct Request {
  Items items;
  std::function<void(Answer)> done;
  Rv compact = 0;  // instead of items: forget history up to there
};

// What waits for the writer. Bounded by its number of items.
class Queue {
 public:
  explicit Queue(std::size_t items_max) : items_max_(items_max) {}

  // False: full, or closed. `wait`: waits for room instead.
  bool push(Request& request, bool wait);
  // Some requests, in order; none after `timeout`, or when closed and empty.
  std::vector<Request> take(std::chrono::milliseconds timeout);
  void close();
  bool closed() const;
  std::size_t size() const;

 private:
  const std::size_t items_max_;
  mutable std::mutex mutex_;
  std::condition_variable filled_, room_;
  std::deque<Request> requests_;
  std::size_t items_ = 0;
  bool closed_ = false;
};

}  // namespace datamesh::apiserver::storage

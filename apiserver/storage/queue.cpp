#include "apiserver/storage/queue.hpp"

namespace datamesh::apiserver::storage {
namespace {

// One transaction: enough to make its one fsync cheap, small enough that the first request need not wait long.
constexpr std::size_t group_items = 512;
constexpr std::size_t group_bytes = 8u << 20;

std::size_t bytes_of(const Request& request) {
  std::size_t bytes = 0;
  for (const auto& item : request.items) bytes += item.packed ? item.packed->bytes().size() : 0;
  return bytes;
}

}  // namespace

bool Queue::push(Request& request, bool wait) {
  std::unique_lock lock(mutex_);
  // A request that is larger than the whole queue goes in when that is empty.
  const auto room = [&] { return closed_ || items_ == 0 || items_ + request.items.size() <= items_max_; };
  if (wait) room_.wait(lock, room);
  if (closed_ || !room()) return false;
  items_ += request.items.size();
  requests_.push_back(std::move(request));
  filled_.notify_one();
  return true;
}

std::vector<Request> Queue::take(std::chrono::milliseconds timeout) {
  std::vector<Request> taken;
  std::unique_lock lock(mutex_);
  filled_.wait_for(lock, timeout, [this] { return closed_ || !requests_.empty(); });
  std::size_t items = 0;
  std::size_t bytes = 0;
  while (!requests_.empty()) {
    items += requests_.front().items.size();
    bytes += bytes_of(requests_.front());
    if (!taken.empty() && (items > group_items || bytes > group_bytes)) break;
    items_ -= requests_.front().items.size();
    taken.push_back(std::move(requests_.front()));
    requests_.pop_front();
  }
  room_.notify_all();
  return taken;
}

void Queue::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  filled_.notify_all();
  room_.notify_all();
}

bool Queue::closed() const {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

std::size_t Queue::size() const {
  const std::scoped_lock lock(mutex_);
  return items_;
}

}  // namespace datamesh::apiserver::storage

#include <cstdio>

#include "controller/http/connection.hpp"

namespace datamesh::http {
namespace {

std::string chunk_size(std::size_t size) {
  char buffer[24];
  const int length = std::snprintf(buffer, sizeof buffer, "%zx\r\n", size);
  return {buffer, static_cast<std::size_t>(length)};
}

}  // namespace

bool StreamState::push(std::shared_ptr<const std::string> bytes) {
  bool full = false, asleep = false;
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || overflowed_ || finished_) return false;
    if (!bytes || bytes->empty()) return true;  // an empty chunk would end the body
    full = queue_.size() >= limits_.stream_queue_count ||
           (!queue_.empty() && bytes_ + bytes->size() > limits_.stream_queue_bytes);
    if (full) {
      overflowed_ = true;
      queue_.clear();
      bytes_ = 0;
    } else {
      bytes_ += bytes->size();
      queue_.push_back(std::move(bytes));
    }
    asleep = !std::exchange(woken_, true);
  }
  if (asleep || full) wake();
  return !full;
}

void StreamState::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || finished_) return;
    closing_ = true;
  }
  wake();
}

bool StreamState::closed() const {
  const std::lock_guard lock(mutex_);
  return closing_ || overflowed_ || finished_;
}

void StreamState::on_closed(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) {
      callback_ = std::move(callback);
      return;
    }
  }
  if (callback) callback();
}

StreamState::Fate StreamState::take(std::deque<Segment>& out) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  if (overflowed_) return Fate::Overflowed;
  // A few at a time: what is framed is no longer shared, or no longer counted.
  constexpr std::size_t worth_copying = 16 * 1024;
  std::string small;
  while (!queue_.empty() && out.size() < 8) {
    auto bytes = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= bytes->size();
    if (chunked_) small += chunk_size(bytes->size());
    if (bytes->size() > worth_copying) {
      if (!small.empty()) out.push_back({std::exchange(small, {}), nullptr});
      out.push_back({{}, std::move(bytes)});
    } else {
      small += *bytes;
    }
    if (chunked_) small += "\r\n";
    if (small.size() >= worth_copying) break;
  }
  const bool ended = closing_ && queue_.empty();
  if (ended && chunked_) small += "0\r\n\r\n";
  if (!small.empty()) out.push_back({std::move(small), nullptr});
  if (!queue_.empty()) woken_ = true;  // the worker comes back by itself
  return ended ? Fate::Ended : Fate::Open;
}

void StreamState::finish() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    queue_.clear();
    bytes_ = 0;
    callback = std::move(callback_);
  }
  if (callback) callback();
}

void StreamState::wake() {
  if (const auto connection = connection_.lock()) connection->wake();
}

}  // namespace datamesh::http

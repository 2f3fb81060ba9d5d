#pragma once
// Waiting that a stop ends at once.

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "controller/core/clock.hpp"

namespace datamesh {

inline void rest(Duration delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, delay, [] { return false; });
}

}  // namespace datamesh

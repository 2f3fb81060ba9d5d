#pragma once
// How long a key that failed has to wait. A plain data structure; randomness is an argument.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>

#include "controller/core/clock.hpp"

namespace datamesh {

struct BackoffLimits {
  Duration first = std::chrono::milliseconds(50);
  Duration most = std::chrono::seconds(60);
};

// Exponential by key, with up to 20 % jitter so that what failed together does not come back together.
template <class Key>
class Backoff {
 public:
  Backoff() = default;
  explicit Backoff(BackoffLimits limits) : limits_(limits) {}

  // `random` in [0, 1).
  Duration failed(const Key& key, double random) {
    const int failures = std::min(failures_[key]++, 30);
    const Duration delay =
        std::min<Duration>(limits_.most, limits_.first * (std::int64_t{1} << std::min(failures, 20)));
    return delay + std::chrono::duration_cast<Duration>(delay * (0.2 * random));
  }
  void succeeded(const Key& key) { failures_.erase(key); }
  int failures(const Key& key) const {
    const auto found = failures_.find(key);
    return found == failures_.end() ? 0 : found->second;
  }

 private:
  BackoffLimits limits_;
  std::map<Key, int> failures_;
};

}  // namespace datamesh

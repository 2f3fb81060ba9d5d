#pragma once
// How many requests a second, with bursts. A plain data structure: no locks, no clock.

#include <algorithm>
#include <chrono>
#include <optional>

#include "controller/core/clock.hpp"

namespace datamesh::kube {

class TokenBucket {
 public:
  // `per_second` 0: no limit. Begins full.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(std::max(1.0, burst)), tokens_(burst_) {}

  // Takes one, also in advance; how long to wait before using it. Who waits longer came later.
  Duration take(Steady now) {
    if (per_second_ <= 0) return Duration::zero();
    if (last_) {
      const double passed = std::chrono::duration<double>(now - *last_).count();
      tokens_ = std::min(burst_, tokens_ + std::max(0.0, passed) * per_second_);
    }
    last_ = std::max(last_.value_or(now), now);
    tokens_ -= 1;
    if (tokens_ >= 0) return Duration::zero();
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(-tokens_ / per_second_));
  }

 private:
  double per_second_, burst_, tokens_;
  std::optional<Steady> last_;
};

}  // namespace datamesh::kube

#pragma once
// A clock that moves when told to. Thread-safe.

#include <atomic>

#include "controller/core/clock.hpp"

namespace datamesh::test {

class FakeClock : public Clock {
 public:
  // Starts at 2026-01-01T00:00:00Z unless told otherwise.
  explicit FakeClock(WallTime start = WallTime(std::chrono::milliseconds(1'767'225'600'000))) : start_(start) {}

  Steady steady() const override { return Steady(std::chrono::milliseconds(elapsed_.load())); }
  WallTime wall() const override { return start_ + std::chrono::milliseconds(elapsed_.load()); }

  void advance(std::chrono::milliseconds by) { elapsed_ += by.count(); }

 private:
  const WallTime start_;
  std::atomic<std::int64_t> elapsed_{0};
};

}  // namespace datamesh::test

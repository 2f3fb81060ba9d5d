#pragma once
// The only source of time. Code below the composition root never calls ::now(): it is handed a Clock or a time point.

#include <chrono>
#include <string>

#include "controller/core/result.hpp"

namespace datamesh {

using Steady = std::chrono::steady_clock::time_point;  // for delays and durations
using Duration = std::chrono::steady_clock::duration;
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;  // for what users write and read

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Steady steady() const = 0;
  virtual WallTime wall() const = 0;
};

// The machine's clocks.
const Clock& real_clock();

// RFC 3339, in UTC, whole seconds: "2027-06-30T23:59:59Z". What Kubernetes writes as metav1.Time.
std::string format_time(WallTime time);
// RFC 3339 with microseconds: metav1.MicroTime.
std::string format_micro_time(WallTime time);
// Accepts RFC 3339 with any offset and optional fraction. Invalid otherwise.
Result<WallTime> parse_time(std::string_view text);

// "90s", "5m", "1h30m", "7d", "365d" (API.md's durations; d is 24 h, w is 7 d, y is 365 d). Invalid otherwise.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace datamesh

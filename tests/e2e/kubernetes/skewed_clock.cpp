// To be preloaded into a program (LD_PRELOAD): its clock of the day is SKEW_SECONDS ahead. What measures time that
// passes goes right, as on a machine whose clock is wrong.

#include <cstdlib>
#include <ctime>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

long skew() {
  static const long seconds = [] {
    const char* text = std::getenv("SKEW_SECONDS");
    return text ? std::strtol(text, nullptr, 10) : 0;
  }();
  return seconds;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long failed = syscall(SYS_clock_gettime, clock, now);
  if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += skew();
  return static_cast<int>(failed);
}

int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  timespec precise{};
  const int failed = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return failed;
}

time_t time(time_t* out) noexcept {
  timespec precise{};
  clock_gettime(CLOCK_REALTIME, &precise);
  if (out) *out = precise.tv_sec;
  return precise.tv_sec;
}

}  // extern "C"

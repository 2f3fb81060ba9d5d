#include "tests/testing/wait.hpp"

#include <algorithm>

#include <poll.h>

namespace datamesh::test {

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  for (int pause_ms = 1;; pause_ms = std::min(pause_ms * 2, 50)) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    poll(nullptr, 0, pause_ms);
  }
}

}  // namespace datamesh::test

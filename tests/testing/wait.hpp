#pragma once
// Waiting in tests: for a condition, with a deadline. Nothing in the tests sleeps.

#include <chrono>
#include <functional>

namespace datamesh::test {

// Looks at `condition` at once and then every few milliseconds, until it holds or the time is over. Says whether it
// held. EXPECT_TRUE(wait_until([&] { return queue.empty(); }));
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds at_most = std::chrono::seconds(10));

}  // namespace datamesh::test

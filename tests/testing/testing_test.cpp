#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/child.hpp"
#include "tests/testing/fake_clock.hpp"
#include "tests/testing/free_port.hpp"
#include "tests/testing/temp_dir.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(FakeClock, MovesBothTimesWhenTold) {
  FakeClock clock;
  const Steady before = clock.steady();
  clock.advance(milliseconds(1500));
  EXPECT_EQ(clock.steady() - before, milliseconds(1500));
  EXPECT_EQ(format_time(clock.wall()), "2026-01-01T00:00:01Z");
}

TEST(WaitUntil, HoldsAtOnceOrGivesUp) {
  int looks = 0;
  EXPECT_TRUE(wait_until([&] { return ++looks == 3; }));
  EXPECT_EQ(looks, 3);
  EXPECT_FALSE(wait_until([] { return false; }, milliseconds(5)));
}

TEST(TempDir, GoesAwayWithItsContent) {
  std::filesystem::path path;
  {
    const TempDir dir;
    path = dir.write("a/b.txt", "text");
    EXPECT_EQ(read_file(path), "text");
  }
  EXPECT_FALSE(std::filesystem::exists(path.parent_path().parent_path()));
}

TEST(FreePort, NeverAnswersTheSamePortTwice) {
  const int port = free_port();
  EXPECT_NE(port, free_port());
  EXPECT_FALSE(is_listening(port));
}

TEST(Child, GivesItsOutputAndExitCode) {
  const Ran ran = run({"sh", "-c", "cat; echo $WORD >&2; exit 3"}, {.environment = {{"WORD", "hello"}}, .input = "in"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_EQ(ran.output, "in");
  EXPECT_EQ(ran.errors, "hello\n");
}

TEST(Child, EndsWith127WhenThereIsNoSuchProgram) {
  const Ran ran = run({"/nonexistent/program"});
  EXPECT_EQ(ran.exit_code, 127);
  EXPECT_THAT(ran.errors, HasSubstr("/nonexistent/program"));
}

TEST(Child, IsStoppedWithTheObject) {
  pid_t pid = 0;
  {
    Child child({"sh", "-c", "echo ready; exec sleep 1000"});
    EXPECT_TRUE(child.wait_for_output("ready"));
    pid = child.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(Child, IsKilledWhenItDoesNotListen) {
  Child child({"sh", "-c", "trap '' TERM; echo ready; while :; do :; done"});
  ASSERT_TRUE(child.wait_for_output("ready"));
  EXPECT_EQ(child.stop(milliseconds(50)), 128 + SIGKILL);
}

TEST(Child, FailsTheWaitAtOnceWhenItEnded) {
  Child child({"true"});
  EXPECT_FALSE(child.wait_for_output("never", std::chrono::hours(1)));
  EXPECT_FALSE(child.wait_for_port(1, std::chrono::hours(1)));
}

}  // namespace
}  // namespace datamesh::test

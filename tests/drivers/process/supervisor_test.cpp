#include "drivers/process/supervisor.hpp"

#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace datamesh::process {
namespace {

class ProcessSupervisor : public testing::Test {
 protected:
  ProcessSupervisor() {
    char name[] = "/tmp/datamesh-supervisor-XXXXXX";
    dir = ::mkdtemp(name);
  }
  ~ProcessSupervisor() override {
    supervisor.reset();
    std::filesystem::remove_all(dir);
  }
  ProcessSpec shell(const std::string& script) {
    ProcessSpec spec;
    spec.name = "shell";
    spec.argv = {"/bin/sh", "-c", script, (dir / "me").string()};
    spec.env = {{"PATH", "/usr/bin:/bin"}};
    spec.working_dir = dir;
    spec.log_file = dir / "log";
    spec.pid_file = dir / "pid";
    spec.backoff_least = std::chrono::milliseconds(20);
    spec.backoff_most = std::chrono::milliseconds(100);
    return spec;
  }
  template <class Condition>
  static bool eventually(Condition holds) {
    for (int i = 0; i < 2000; ++i) {
      if (holds()) return true;
      ::poll(nullptr, 0, 5);
    }
    return false;
  }

  std::filesystem::path dir;
  std::optional<Supervisor> supervisor{std::in_place, real_clock()};
};

TEST_F(ProcessSupervisor, StartsAgainWhatDies) {
  ASSERT_TRUE(supervisor->start(shell("exec sleep 1000"), {}));
  const pid_t first = supervisor->status("shell")->pid;
  EXPECT_EQ(read_pid(dir / "pid"), first);
  ::kill(first, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const auto now = *supervisor->status("shell");
    return now.state == State::Running && now.restarts == 1 && now.pid != first;
  }));
}

TEST_F(ProcessSupervisor, SaysWhyItDoesNotStartAndWhereItsLogIs) {
  auto spec = shell("echo no luck; exit 3");
  spec.ready = [](pid_t) { return false; };
  spec.ready_deadline = std::chrono::milliseconds(300);
  const auto failed = supervisor->start(spec, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, testing::HasSubstr("exit status 3"));
  EXPECT_THAT(failed.error().message, testing::HasSubstr((dir / "log").string()));
  std::ifstream log(dir / "log");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(log), {}), testing::StartsWith("no luck\n"));
  EXPECT_GT(supervisor->status("shell")->restarts, 0);
}

TEST_F(ProcessSupervisor, KillsWhatDoesNotStop) {
  auto spec = shell("trap '' TERM; echo ready > ready; while :; do sleep 0.01; done");
  spec.stop_deadline = std::chrono::milliseconds(100);
  spec.ready = [this](pid_t) { return std::filesystem::exists(dir / "ready"); };
  ASSERT_TRUE(supervisor->start(spec, {}));
  supervisor->stop("shell");
  EXPECT_EQ(supervisor->status("shell")->last_exit, "signal 9");
}

TEST_F(ProcessSupervisor, GivesTheProgramNothingOfOursButWhatItNeeds) {
  const int fd = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  const auto listed = run({.argv = {"/bin/sh", "-c", "env; ls /proc/self/fd; umask"},
                           .env = {{"ONLY", "this"}, {"PATH", "/usr/bin:/bin"}},
                           .working_dir = "/",
                           .run_as = {},
                           .input = ""},
                          std::chrono::seconds(10), real_clock(), {});
  ::close(fd);
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_THAT(*listed, testing::HasSubstr("ONLY=this\n"));
  EXPECT_THAT(*listed, testing::Not(testing::HasSubstr("HOME=")));
  EXPECT_THAT(*listed, testing::HasSubstr("0\n1\n2\n3\n0077\n"));  // 3 is the listing itself
}

TEST_F(ProcessSupervisor, EndsASurvivorAndSparesAStranger) {
  const pid_t survivor = ::fork();
  if (survivor == 0) {
    ::execl("/bin/sh", "sh", "-c", "while :; do sleep 0.01; done", (dir / "me").c_str(), nullptr);
    ::_exit(127);
  }
  EXPECT_TRUE(eventually([&] {
    std::ifstream file("/proc/" + std::to_string(survivor) + "/cmdline");
    return std::string(std::istreambuf_iterator<char>(file), {}).find(dir.string()) != std::string::npos;
  }));
  EXPECT_TRUE(end_survivor(survivor, "/somewhere/else", SIGTERM, std::chrono::seconds(5)));
  EXPECT_EQ(::kill(survivor, 0), 0);
  EXPECT_EQ(::waitpid(survivor, nullptr, WNOHANG), 0);
  EXPECT_TRUE(end_survivor(survivor, dir, SIGTERM, std::chrono::seconds(5)));
  EXPECT_EQ(::waitpid(survivor, nullptr, 0), survivor);
}

TEST_F(ProcessSupervisor, RunTellsTheProgramsLastWords) {
  const auto failed = run({.argv = {"/bin/sh", "-c", "cat; echo went wrong >&2; exit 2"},
                           .env = {},
                           .working_dir = "/",
                           .run_as = {},
                           .input = "input\n"},
                          std::chrono::seconds(10), real_clock(), {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "sh: exit status 2: input\nwent wrong");
}

}  // namespace
}  // namespace datamesh::process

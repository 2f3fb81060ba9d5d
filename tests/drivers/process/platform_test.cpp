#include "drivers/process/platform.hpp"

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/process/nats_server.hpp"
#include "drivers/process/postgres_server.hpp"

namespace datamesh::process {
namespace {

template <class Condition>
bool eventually(Condition holds, std::chrono::milliseconds within = std::chrono::seconds(30)) {
  for (auto left = within; left.count() > 0; left -= std::chrono::milliseconds(10)) {
    if (holds()) return true;
    ::poll(nullptr, 0, 10);
  }
  return holds();
}

class ProcessPlatform : public testing::Test {
 protected:
  // One directory for all tests: making a cluster is slow where disks are.
  static void SetUpTestSuite() {
    char name[] = "/tmp/datamesh-process-XXXXXX";
    dir = ::mkdtemp(name);
    ::chmod(dir.c_str(), 0755);  // as a directory for servers of another user has to be
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(dir); }
  ProcessPlatform() { platform.emplace(real_clock()); }

  ManagedServer ensure(const std::string& engine) {
    auto server = platform->ensure("under-test", engine, dir / engine, {});
    EXPECT_TRUE(server) << server.error().message;
    return server ? *server : ManagedServer{};
  }
  pid_t pid() const { return platform->status("under-test")->pid; }
  static uid_t user_of(pid_t process) {
    struct stat entry {};
    ::stat(("/proc/" + std::to_string(process)).c_str(), &entry);
    return entry.st_uid;
  }
  // What a client with the password of the control plane's role gets.
  static Result<std::string> query(const ManagedServer& server, const std::string& sql) {
    const auto program = find_program("psql", {"/usr/lib/postgresql/*/bin"});
    return run({.argv = {program->string(), "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", server.endpoint},
                .env = {{"PGUSER", server.credentials.at("username").reveal()},
                        {"PGPASSWORD", server.credentials.at("password").reveal()},
                        {"PATH", "/usr/bin:/bin"}},
                .working_dir = "/",
                .run_as = {},
                .input = sql},
               std::chrono::seconds(20), real_clock(), {});
  }
  void kill_and_await_restart() {
    const pid_t before = pid();
    ASSERT_GT(before, 0);
    ::kill(before, SIGKILL);
    ASSERT_TRUE(eventually([&] {
      const auto now = platform->status("under-test");
      return now->state == State::Running && now->pid != before;
    })) << platform->status("under-test")->last_exit;
    EXPECT_EQ(platform->status("under-test")->last_exit, "signal 9");
  }

  static inline std::filesystem::path dir;
  std::optional<Platform> platform;
};

TEST_F(ProcessPlatform, PostgresServesTheControlPlaneAndKeepsItsDataAndPort) {
  const ManagedServer first = ensure("postgresql");
  EXPECT_THAT(first.endpoint, testing::StartsWith("postgres://127.0.0.1:"));
  EXPECT_THAT(first.version, testing::ContainsRegex("^[0-9]+\\.[0-9]+$"));
  const auto made = query(first, "CREATE TABLE kept AS SELECT 42 AS answer; SELECT answer FROM kept;");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made, "42\n");

  kill_and_await_restart();
  const auto survived = query(first, "SELECT answer FROM kept;");
  ASSERT_TRUE(survived) << survived.error().message;
  EXPECT_EQ(*survived, "42\n");

  platform.reset();
  platform.emplace(real_clock());
  const ManagedServer second = ensure("postgresql");
  EXPECT_EQ(second.endpoint, first.endpoint);
  EXPECT_EQ(second.credentials, first.credentials);
  EXPECT_EQ(*query(second, "SELECT answer FROM kept;"), "42\n");
}

TEST_F(ProcessPlatform, PostgresLetsNobodyInWithoutItsPassword) {
  ManagedServer server = ensure("postgresql");
  EXPECT_EQ(*query(server,
                   "SELECT current_setting('data_checksums'), current_setting('fsync'), rolsuper, rolcreaterole, "
                   "pg_has_role('pg_signal_backend', 'member') FROM pg_roles WHERE rolname = current_user;"),
            "on|on|f|t|t\n");
  server.credentials["password"] = Secret("wrong");
  EXPECT_FALSE(query(server, "SELECT 1;"));
  server.credentials["username"] = Secret("postgres");
  EXPECT_FALSE(query(server, "SELECT 1;"));
  struct stat secrets {};
  ::stat((dir / "postgresql" / "secrets").c_str(), &secrets);
  EXPECT_EQ(secrets.st_mode & 0777, 0600U);
  EXPECT_EQ(secrets.st_uid, ::geteuid());
}

TEST_F(ProcessPlatform, ServersRunUnprivilegedWhenWeAreRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const char* engine : {"postgresql", "nats"}) {
    ensure(engine);
    EXPECT_EQ(user_of(pid()), unprivileged()->uid) << engine;
    platform->stop("under-test");
  }
}

TEST_F(ProcessPlatform, NatsKeepsItsKeysAndPortAndComesBackWhenKilled) {
  const ManagedServer first = ensure("nats");
  EXPECT_EQ(first.version, "2.9.10");
  EXPECT_EQ(first.credentials.size(), 2U);
  kill_and_await_restart();
  platform.reset();
  platform.emplace(real_clock());
  const ManagedServer second = ensure("nats");
  EXPECT_EQ(second.endpoint, first.endpoint);
  EXPECT_EQ(second.credentials, first.credentials);
}

TEST_F(ProcessPlatform, StopIsClean) {
  ensure("postgresql");
  platform->stop("under-test");
  EXPECT_EQ(platform->status("under-test")->state, State::Stopped);
  EXPECT_EQ(platform->status("under-test")->last_exit, "exit status 0");
  EXPECT_FALSE(std::filesystem::exists(dir / "postgresql" / "data" / "postmaster.pid"));
}

TEST_F(ProcessPlatform, AnUnknownEngineIsRefused) {
  const auto refused = platform->ensure("x", "mysql", dir / "x", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Invalid);
}

TEST_F(ProcessPlatform, AStaleLockFileOfAStrangerDoesNotKeepPostgresFromStarting) {
  ensure("postgresql");
  platform->stop("under-test");
  // As after a power failure: the number in the lock file is somebody else's by now.
  std::ofstream(dir / "postgresql" / "data" / "postmaster.pid") << ::getpid() << "\n"
                                                                << (dir / "postgresql" / "data").string() << "\n";
  const ManagedServer server = ensure("postgresql");
  EXPECT_TRUE(query(server, "SELECT 1;"));
}

// The control plane, killed: its servers end with it, and the next one starts them again on the same data.
TEST_F(ProcessPlatform, ServersEndWithAControlPlaneThatIsKilled) {
  platform.reset();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t control_plane = ::fork();
  if (control_plane == 0) {
    Platform other(real_clock());
    const auto server = other.ensure("under-test", "nats", dir / "nats", {});
    const pid_t child = server ? other.status("under-test")->pid : -1;
    if (::write(ready[1], &child, sizeof child) < 0) ::_exit(1);
    for (;;) ::pause();
  }
  pid_t server = -1;
  ASSERT_EQ(::read(ready[0], &server, sizeof server), static_cast<ssize_t>(sizeof server));
  ASSERT_GT(server, 0);
  ::kill(control_plane, SIGKILL);
  ::waitpid(control_plane, nullptr, 0);
  platform.emplace(real_clock());
  ensure("nats");
  EXPECT_NE(pid(), server);
  // Gone, or a zombie that waits for whoever adopted it.
  EXPECT_TRUE(eventually([&] {
    std::ifstream file("/proc/" + std::to_string(server) + "/cmdline");
    return std::string(std::istreambuf_iterator<char>(file), {}).empty();
  }));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace datamesh::process

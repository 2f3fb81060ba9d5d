// A server that has no room left: on its disk, or for one more connection.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "tests/drivers/postgres/fixture.hpp"

namespace datamesh::postgres::test {
namespace {

using ::testing::HasSubstr;

// A driver on a server of the test's own.
struct Place {
  explicit Place(Server& on) : server(on) {
    const auto ready = bootstrap(server.endpoint("postgres"), Server::superuser(), {"mesh", admin}, {});
    EXPECT_TRUE(ready) << ready.error().message;
    workload.backend = "warehouse";
    workload.domains = {domain_use("marketing"), domain_use("sales")};
    workload.ports = {orders_port()};
    const auto version = credentials.set(churn, names::subscription(churn), server.endpoint("mesh"));
    workload.accesses = {access_to(workload.ports[0], "churn", version, "reader")};
  }
  std::unique_ptr<Driver> make_driver() {
    return std::make_unique<Driver>(Options{"warehouse", server.endpoint("mesh"), admin, 2,
                                            [this](const ObjectKey& key) { return credentials.get(key); }});
  }
  Pass converge(Driver& driver) const {
    return datamesh::converge(driver, Driver::desired(workload), Scope::everything(), {}, real_clock(), {});
  }
  Result<Session> consumer() const {
    return Session::open(server.endpoint("mesh"),
                         {names::subscription(churn), credentials.get(churn)->fields.at("password")}, "test", {});
  }

  Server& server;
  const Login admin{"mesh_cp", Secret("control-plane-password")};
  const ObjectKey churn{"Subscription", "marketing", "churn"};
  Credentials credentials;
  mesh::Workload workload;
};

// A small disk in memory, seen by this process and its children alone.
class SmallDisk {
 public:
  explicit SmallDisk(std::string at) : at_(std::move(at)) {
    mounted_ = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=64m,mode=0700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  explicit operator bool() const { return mounted_; }

 private:
  const std::string at_;
  bool mounted_ = false;
};

void fill(const std::filesystem::path& file) {
  std::ofstream out(file, std::ios::binary);
  const std::string block(4096, 'x');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

TEST(DiskFull, IsReportedAndWhatWasThereIsThereAfterwards) {
  datamesh::test::TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
  const auto disk = dir / "disk";
  std::filesystem::create_directory(disk);
  const SmallDisk small(disk.string());
  if (!small) GTEST_SKIP() << "a small disk can be mounted by root alone";
  Server server(false, disk.string());
  Place place(server);
  auto driver = place.make_driver();
  EXPECT_EQ(describe_steps(place.converge(*driver).remaining), "");
  {
    auto super = Session::open(server.endpoint("mesh"), Server::superuser(), "test", {});
    ASSERT_TRUE(super);
    run(*super, "INSERT INTO sales__orders_v1.orders VALUES (gen_random_uuid(), 'a@x', 1, now())");
    run(*super, "CHECKPOINT");
  }
  fill(disk / "filler");
  for (int i = 0; i < 200; ++i) place.workload.ports.push_back(orders_port("sales", "more" + std::to_string(i)));
  const Pass full = place.converge(*driver);
  std::size_t failed = full.error ? 1 : 0;
  if (full.error) {
    EXPECT_EQ(full.error->code, Code::Unavailable) << full.error->message;
  }
  for (const auto& step : full.steps) {
    if (!step.error) continue;
    ++failed;
    // What was to be built on the thing that could not be made may say so.
    EXPECT_TRUE(step.error->code == Code::Unavailable || step.error->code == Code::Conflict) << describe_steps({step});
  }
  EXPECT_GT(failed, 0U) << "there was room enough";

  std::filesystem::remove(disk / "filler");
  // Without room for its log the server ends.
  if (!datamesh::test::wait_until([&] { return static_cast<bool>(place.consumer()); }, std::chrono::seconds(20))) {
    server.kill(SIGINT);
    server.start();
  }
  std::string left;
  EXPECT_TRUE(datamesh::test::wait_until(
      [&] {
        const Pass pass = place.converge(*driver);
        left = pass.error ? pass.error->message : describe_steps(pass.remaining);
        return left.empty();
      },
      std::chrono::seconds(120)))
      << left;
  auto reader = place.consumer();
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(value(*reader, "SELECT count(order_id) FROM sales__orders_v1.orders"), "1");
}

TEST(NoConnectionLeft, IsReportedAndEndsWithWhoTookThemAll) {
  Server server;
  server.kill(SIGINT);
  server.start({"max_connections=12"});
  Place place(server);
  auto driver = place.make_driver();
  EXPECT_EQ(describe_steps(place.converge(*driver).remaining), "");
  std::vector<Session> taken;
  std::optional<Error> refused;
  while (!refused && taken.size() < 20) {
    auto session = place.consumer();
    if (session) {
      taken.push_back(std::move(*session));
    } else {
      refused = session.error();
    }
  }
  ASSERT_TRUE(refused);
  auto newcomer = place.make_driver();
  const auto reached = newcomer->reach({});
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, Code::Unavailable) << reached.error().message;
  EXPECT_THAT(reached.error().message, HasSubstr("53300"));
  const Proof proof = driver->prove_granted(place.workload.ports[0], place.workload.accesses[0],
                                            *place.credentials.get(place.churn), {});
  EXPECT_FALSE(proof.proved);
  // Who is in stays in, and can take the access away.
  place.workload.accesses.clear();
  EXPECT_EQ(describe_steps(place.converge(*driver).remaining), "");
  for (auto& session : taken) EXPECT_FALSE(session.query("SELECT 1", {}));
  EXPECT_TRUE(newcomer->reach({}));
}

}  // namespace
}  // namespace datamesh::postgres::test

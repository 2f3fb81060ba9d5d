// What goes wrong on the way: errors are reported where they belong, and nothing else suffers.

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/drivers/postgres/fixture.hpp"

namespace datamesh::postgres::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(Postgres, AFailingStatementCostsItsOwnObjectOnly) {
  workload_.ports.clear();
  workload_.accesses.clear();
  for (int i = 0; i < 12; ++i) workload_.ports.push_back(orders_port("sales", "product" + std::to_string(i)));
  workload_.ports[5].tables[0].columns.push_back(
      {"ctid", "string", "", false, false, 0, ""});  // a system column's name
  const Pass pass = converge();
  ASSERT_FALSE(pass.error);
  ASSERT_FALSE(pass.remaining.empty());
  for (const auto& step : pass.remaining) {
    EXPECT_EQ(step.owner, workload_.ports[5].owner) << describe_steps({step});
    EXPECT_TRUE(step.error) << describe_steps({step});
  }
  Session super = superuser();
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_tables WHERE tablename = 'orders'"), "11");
}

TEST_F(Postgres, AServerKilledInTheMiddleOfAPassIsCaughtUpWithLater) {
  workload_.accesses.clear();
  for (int i = 0; i < 150; ++i) workload_.ports.push_back(orders_port("sales", "product" + std::to_string(i)));
  std::thread killer([] {
    Session super = superuser();
    (void)datamesh::test::wait_until(
        [&] { return value(super, "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^sales__'") != "0"; });
    server().kill(SIGQUIT);
  });
  const Pass pass = converge();
  killer.join();
  EXPECT_TRUE(pass.error);
  EXPECT_EQ(pass.error->code, Code::Unavailable);
  bool some_failed = false;
  for (const auto& step : pass.steps) {
    if (!step.error) continue;
    some_failed = true;
    EXPECT_EQ(step.error->code, Code::Unavailable) << step.error->message;
  }
  EXPECT_TRUE(some_failed);
  EXPECT_FALSE(converge().steps.size() > 0) << "nothing can be known of a server that is down";
  server().start();
  settle();
}

TEST_F(Postgres, AnUnreachableServerIsUnavailable) {
  Endpoint nowhere = server().endpoint("mesh");
  nowhere.port = std::to_string(datamesh::test::free_port());
  Driver driver({"warehouse", nowhere, admin_});
  const auto reached = driver.reach({});
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, Code::Unavailable);
  EXPECT_THAT(reached.error().message, ::testing::StartsWith("postgresql/warehouse: connection refused"));
  EXPECT_FALSE(driver.observe(Scope::everything(), {}));
}

TEST_F(Postgres, WrongCredentialsAreDeniedAndNeverShown) {
  Driver driver({"warehouse", server().endpoint("mesh"), {"mesh_cp", Secret("not-the-password")}});
  const auto reached = driver.reach({});
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, Code::Denied);
  EXPECT_THAT(reached.error().message, HasSubstr("password authentication failed"));
  EXPECT_THAT(reached.error().message, Not(HasSubstr("not-the-password")));
}

TEST_F(Postgres, ReachSaysTheVersionOrWhatIsMissing) {
  const auto version = driver_->reach({});
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_THAT(*version, ::testing::StartsWith("15."));
  Session super = superuser();
  run(super, "REVOKE pg_signal_backend FROM mesh_cp");
  const auto denied = driver_->reach({});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Code::Denied);
  EXPECT_THAT(denied.error().message, HasSubstr("GRANT pg_signal_backend TO \"mesh_cp\""));
}

TEST_F(Postgres, AMissingCredentialCostsItsOwnSubscriptionOnly) {
  auto& other = subscribe("other", "reader");
  credentials_.forget(other.subscription);
  const Pass pass = converge();
  ASSERT_FALSE(pass.error);
  for (const auto& step : pass.remaining) EXPECT_EQ(step.owner.name, "other") << describe_steps({step});
  EXPECT_FALSE(pass.remaining.empty());
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
}

TEST_F(Postgres, ALockSomebodyHoldsCostsItsOwnTableOnly) {
  workload_.ports.push_back(orders_port("sales", "returns"));
  settle();
  Session super = superuser();
  run(super, "BEGIN");
  run(super, "LOCK TABLE sales__orders_v1.orders IN ACCESS SHARE MODE");
  for (auto& it : workload_.ports) it.tables[0].columns.push_back({"note", "string", "", false, false, 0, ""});
  const Pass pass = converge();
  ASSERT_EQ(pass.remaining.size(), 1U) << describe_steps(pass.remaining);
  EXPECT_EQ(pass.remaining[0].owner, product());
  ASSERT_TRUE(pass.remaining[0].error);
  EXPECT_EQ(pass.remaining[0].error->code, Code::Conflict);
  run(super, "ROLLBACK");
  settle();
}

TEST_F(Postgres, AStopEndsAPass) {
  std::stop_source stop;
  stop.request_stop();
  const Pass pass =
      datamesh::converge(*driver_, Driver::desired(workload_), Scope::everything(), {}, real_clock(), stop.get_token());
  ASSERT_TRUE(pass.error);
  EXPECT_EQ(pass.error->code, Code::Cancelled);
  settle();
}

}  // namespace
}  // namespace datamesh::postgres::test

// The driver on a real server, as a role that is no superuser.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/postgres/driver.hpp"
#include "tests/drivers/postgres/builders.hpp"
#include "tests/drivers/postgres/server.hpp"

namespace datamesh::postgres::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Server& server() {
  static Server instance;
  return instance;
}

std::string describe_steps(const std::vector<Step>& steps) {
  std::string text;
  for (const auto& step : steps) {
    text += std::string(to_string(step.verb)) + " " + step.id.kind + " " + step.id.name + " (" + step.reason + ")";
    if (step.error) text += " ERROR " + step.error->message;
    text += "\n";
    for (const auto& sql : step.statements) text += "    " + sql + "\n";
  }
  return text;
}

class Postgres : public ::testing::Test {
 protected:
  // A database and roles of the test's own: roles belong to the whole server, so what the last test left goes first.
  void SetUp() override {
    Session super = superuser("postgres");
    run(super, "DROP DATABASE IF EXISTS mesh WITH (FORCE)");
    const auto roles =
        super.query("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'", {});
    ASSERT_TRUE(roles);
    for (int i = 0; i < roles->size(); ++i) {
      run(super, "DROP OWNED BY " + std::string(roles->at(i, 0)));
      run(super, "DROP ROLE " + std::string(roles->at(i, 0)));
    }
    const auto ready = bootstrap(server().endpoint("postgres"), Server::superuser(), {"mesh", admin_}, {});
    ASSERT_TRUE(ready) << ready.error().message;
    driver_ = make_driver();
    workload_.backend = "warehouse";
    workload_.domains = {domain_use("marketing"), domain_use("sales")};
    workload_.ports = {orders_port()};
    subscribe("churn", "reader");
  }

  std::unique_ptr<Driver> make_driver() {
    return std::make_unique<Driver>(
        Options{"warehouse", server().endpoint("mesh"), admin_, 2,
                [this](const ObjectKey& principal) { return credentials_.get(principal); }});
  }

  mesh::Access& subscribe(const std::string& name, const std::string& role) {
    const ObjectKey key{"Subscription", "marketing", name};
    const auto version = credentials_.set(key, names::subscription(key), server().endpoint("mesh"));
    workload_.accesses.push_back(access_to(workload_.ports[0], name, version, role));
    return workload_.accesses.back();
  }

  Session superuser(const std::string& database = "mesh") {
    auto session = Session::open(server().endpoint(database), Server::superuser(), "test", {});
    EXPECT_TRUE(session) << session.error().message;
    return std::move(*session);
  }
  static void run(Session& session, const std::string& sql) {
    const auto done = session.query(sql, {});
    EXPECT_TRUE(done) << sql << ": " << done.error().message;
  }
  // As the consumer, with its own password.
  Result<Session> consumer(const std::string& name) {
    const ObjectKey key{"Subscription", "marketing", name};
    return Session::open(server().endpoint("mesh"),
                         {names::subscription(key), credentials_.get(key)->fields.at("password")}, "test", {});
  }

  Pass converge(const Scope& scope = Scope::everything(), const Guard& guard = {}) {
    return datamesh::converge(*driver_, Driver::desired(workload_), scope, guard, real_clock(), {});
  }
  // Converges and expects that nothing is left to do, now and at the next look.
  Pass settle() {
    Pass first = converge();
    EXPECT_FALSE(first.error) << first.error->message;
    EXPECT_EQ(describe_steps(first.remaining), "") << describe_steps(first.steps);
    const Pass second = converge();
    EXPECT_EQ(describe_steps(second.steps), "");
    return first;
  }

  const Login admin_{"mesh_cp", Secret("control-plane-password")};
  Credentials credentials_;
  std::unique_ptr<Driver> driver_;
  mesh::Workload workload_;
};

TEST_F(Postgres, CreatesAPortAndAnAccessAndThenStaysStill) {
  const Pass pass = settle();
  EXPECT_GT(pass.steps.size(), 10U);
  const auto proof = driver_->prove_granted(workload_.ports[0], workload_.accesses[0],
                                            *credentials_.get(workload_.accesses[0].subscription), {});
  EXPECT_TRUE(proof.proved) << proof.failure;
}

}  // namespace
}  // namespace datamesh::postgres::test

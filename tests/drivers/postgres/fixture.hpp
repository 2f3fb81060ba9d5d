#pragma once
// A driver on a real server, as a role that is no superuser; a fresh database for each test, one server for all.

#include <gtest/gtest.h>

#include "drivers/postgres/driver.hpp"
#include "tests/drivers/postgres/builders.hpp"
#include "tests/drivers/postgres/server.hpp"

namespace datamesh::postgres::test {

inline Server& server() {
  static Server instance;
  return instance;
}

// What the server says to a statement: "" or the SQLSTATE in brackets.
inline std::string refusal(Session& session, const std::string& sql) {
  const auto done = session.query(sql, {});
  if (done) return "";
  const auto at = done.error().message.rfind('[');
  return at == std::string::npos ? done.error().message : done.error().message.substr(at);
}

inline std::string describe_steps(const std::vector<Step>& steps) {
  std::string text;
  for (const auto& step : steps) {
    text += std::string(to_string(step.verb)) + " " + step.id.kind + " " + step.id.name + " (" + step.reason + ")";
    if (step.error) text += " ERROR " + step.error->message;
    text += "\n";
    for (const auto& sql : step.statements) text += "    " + sql + "\n";
  }
  return text;
}

inline Session superuser(const std::string& database = "mesh") {
  auto session = Session::open(server().endpoint(database), Server::superuser(), "test", {});
  EXPECT_TRUE(session) << session.error().message;
  return std::move(*session);
}

inline void run(Session& session, const std::string& sql) {
  const auto done = session.query(sql, {});
  EXPECT_TRUE(done) << sql << ": " << done.error().message;
}

// One value; "(none)" without rows.
inline std::string value(Session& session, const std::string& sql) {
  const auto rows = session.query(sql, {});
  EXPECT_TRUE(rows) << sql << ": " << rows.error().message;
  return rows && rows->size() > 0 ? std::string(rows->at(0, 0)) : "(none)";
}

// Roles belong to the whole server, so what the last test left goes first.
inline void make_fresh_database(const Login& admin) {
  Session super = superuser("postgres");
  run(super, "DROP DATABASE IF EXISTS mesh WITH (FORCE)");
  const auto roles =
      super.query("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'", {});
  ASSERT_TRUE(roles);
  for (int i = 0; i < roles->size(); ++i) {
    run(super, "DROP OWNED BY " + std::string(roles->at(i, 0)));
    run(super, "DROP ROLE " + std::string(roles->at(i, 0)));
  }
  const auto ready = bootstrap(server().endpoint("postgres"), Server::superuser(), {"mesh", admin}, {});
  ASSERT_TRUE(ready) << ready.error().message;
}

class Postgres : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(make_fresh_database(admin_));
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

  // As the consumer, with its own password.
  Result<Session> consumer(const std::string& name) {
    const ObjectKey key{"Subscription", "marketing", name};
    return Session::open(server().endpoint("mesh"),
                         {names::subscription(key), credentials_.get(key)->fields.at("password")}, "test", {});
  }

  mesh::Port& port() { return workload_.ports[0]; }
  mesh::Table& table() { return port().tables[0]; }
  ObjectKey product() const { return workload_.ports[0].owner; }

  Proof prove_granted(const mesh::Access& access) {
    return driver_->prove_granted(port(), access, *credentials_.get(access.subscription), {});
  }
  Proof prove_revoked(const ObjectKey& subscription) {
    return driver_->prove_revoked(port(), subscription, *credentials_.get(subscription), {});
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

}  // namespace datamesh::postgres::test

// People who may do something on the server try to do more: to have the control plane run their code, to keep a
// revocation off, to lend out rights, to be mistaken for somebody else.

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/drivers/postgres/fixture.hpp"

namespace datamesh::postgres::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTable = "sales__orders_v1.orders";

std::vector<Step> failures(const Pass& pass) {
  std::vector<Step> failed;
  std::ranges::copy_if(pass.remaining, std::back_inserter(failed),
                       [](const Step& step) { return step.error.has_value(); });
  return failed;
}

// --- code of a table's owner

class Trap : public Postgres {
 protected:
  void SetUp() override {
    Postgres::SetUp();
    if (HasFatalFailure()) return;
    settle();
    super_.emplace(superuser());
    run(*super_, "CREATE ROLE attacker LOGIN PASSWORD 'x'");
    as_owner({
        // With the control plane's rights this makes the attacker one who can make roles.
        "CREATE FUNCTION sales__orders_v1.act() RETURNS void LANGUAGE plpgsql AS "
        "'BEGIN IF current_user = ''mesh_cp'' THEN EXECUTE ''ALTER ROLE attacker CREATEROLE''; END IF; END'",
        // Said to be immutable, so that it may stand in indexes; what it calls is not held to that.
        "CREATE FUNCTION sales__orders_v1.spy(anyelement) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS "
        "'BEGIN PERFORM sales__orders_v1.act(); RETURN true; END'",
        "CREATE FUNCTION sales__orders_v1.on_row() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM sales__orders_v1.act(); RETURN coalesce(NEW, OLD); END'",
    });
  }

  void as_owner(const std::vector<std::string>& statements) {
    run(*super_, "SET ROLE p_sales__orders");
    for (const auto& sql : statements) run(*super_, sql);
    run(*super_, "RESET ROLE");
  }
  bool sprang() { return value(*super_, "SELECT rolcreaterole FROM pg_roles WHERE rolname = 'attacker'") != "f"; }

  std::optional<Session> super_;
};

TEST_F(Trap, SpringsForTheControlPlane) {
  auto session = Session::open(server().endpoint("mesh"), admin_, "test", {});
  ASSERT_TRUE(session);
  run(*session, "GRANT p_sales__orders TO CURRENT_USER");
  run(*session, "SELECT sales__orders_v1.spy(1)");
  EXPECT_TRUE(sprang()) << "a trap that never springs proves nothing";
}

TEST_F(Trap, IsNotEnteredByLooksAndChanges) {
  as_owner({
      std::string("CREATE TRIGGER each BEFORE INSERT OR UPDATE OR DELETE ON ") + kTable +
          " FOR EACH ROW EXECUTE FUNCTION sales__orders_v1.on_row()",
      std::string("CREATE TRIGGER statement AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ") + kTable +
          " EXECUTE FUNCTION sales__orders_v1.on_row()",
      std::string("CREATE INDEX by_spy ON ") + kTable + " (sales__orders_v1.spy(email))",
      std::string("CREATE INDEX of_spy ON ") + kTable + " (order_id) WHERE sales__orders_v1.spy(email)",
      std::string("CREATE STATISTICS sales__orders_v1.stats ON (sales__orders_v1.spy(email)), order_id FROM ") + kTable,
      std::string("ALTER TABLE ") + kTable + " ALTER COLUMN email SET DEFAULT sales__orders_v1.spy(1)::text",
      std::string("CREATE POLICY p ON ") + kTable + " USING (sales__orders_v1.spy(order_id))",
      std::string("CREATE VIEW sales__orders_v1.v AS SELECT sales__orders_v1.spy(order_id) FROM ") + kTable,
      std::string("CREATE TABLE sales__orders_v1.child () INHERITS (") + kTable + ")",
      std::string("INSERT INTO ") + kTable + " VALUES (gen_random_uuid(), 'a@x', 1, now())",
  });
  settle();
  auto& columns = table().columns;
  columns.push_back({"note", "string", "", false, false, 0, ""});
  columns[1].physical_type = "varchar(200)";
  settle();
  columns[1].unique = false;
  port().roles[1].readable = {{"orders", {"order_id", "note"}}};
  workload_.accesses[0].readable = port().roles[1].readable;
  settle();
  EXPECT_FALSE(prove_granted(workload_.accesses[0]).tried.empty());
  EXPECT_FALSE(sprang());
  workload_.accesses.clear();
  workload_.ports.clear();
  const Pass last = converge();
  EXPECT_FALSE(last.error);
  EXPECT_FALSE(sprang());
}

TEST_F(Trap, InAChecksWayATypeDoesNotChange) {
  for (const auto* on : {"orders", "child"}) {
    SCOPED_TRACE(on);
    as_owner({std::string("CREATE TABLE IF NOT EXISTS sales__orders_v1.child () INHERITS (") + kTable + ")",
              std::string("ALTER TABLE sales__orders_v1.") + on +
                  " ADD CONSTRAINT trap CHECK (sales__orders_v1.spy(email))" +
                  (std::string(on) == "orders" ? " NO INHERIT" : ""),
              std::string("INSERT INTO sales__orders_v1.") + on +
                  " VALUES (gen_random_uuid(), 'a@' || gen_random_uuid(), 1, now())"});
    table().columns[1].physical_type = "text";
    const Pass pass = converge();
    EXPECT_FALSE(sprang());
    ASSERT_EQ(failures(pass).size(), 1U) << describe_steps(pass.remaining);
    EXPECT_EQ(failures(pass)[0].id, table_id("sales__orders_v1", "orders"));
    EXPECT_THAT(failures(pass)[0].error->message, HasSubstr("CHECK constraints on its table: trap"));
    EXPECT_EQ(failures(pass)[0].error->code, Code::Invalid);
    as_owner({std::string("ALTER TABLE sales__orders_v1.") + on + " DROP CONSTRAINT trap"});
  }
  settle();
  EXPECT_EQ(value(*super_,
                  "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'email' AND "
                  "attrelid = 'sales__orders_v1.orders'::regclass"),
            "text");
  EXPECT_FALSE(sprang());
}

TEST_F(Trap, UnderNamesOfTheCatalogueIsNotTaken) {
  as_owner({
      "CREATE FUNCTION sales__orders_v1.format_type(oid, integer) RETURNS text LANGUAGE plpgsql AS "
      "'BEGIN PERFORM sales__orders_v1.act(); RETURN ''text''; END'",
      "CREATE FUNCTION sales__orders_v1.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS "
      "'BEGIN PERFORM sales__orders_v1.act(); RETURN ''nobody''; END'",
      "CREATE FUNCTION sales__orders_v1.same(name, name) RETURNS boolean LANGUAGE plpgsql AS "
      "'BEGIN PERFORM sales__orders_v1.act(); RETURN true; END'",
      "CREATE OPERATOR sales__orders_v1.= (LEFTARG = name, RIGHTARG = name, FUNCTION = sales__orders_v1.same)",
      "CREATE VIEW sales__orders_v1.pg_roles AS SELECT sales__orders_v1.spy(1)",
      "GRANT USAGE ON SCHEMA sales__orders_v1 TO mesh_cp",
  });
  run(*super_, "ALTER DATABASE mesh SET search_path = sales__orders_v1, pg_catalog");
  run(*super_, "ALTER ROLE mesh_cp SET search_path = sales__orders_v1, pg_catalog");
  driver_ = make_driver();
  table().columns.push_back({"note", "string", "", false, false, 0, ""});
  settle();
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
  EXPECT_FALSE(sprang());
}

TEST_F(Trap, OfAMemberWhoLeavesActsForNobody) {
  const auto version = credentials_.set(mesh::member_principal("sales", "warehouse", "bo"),
                                        names::member("sales", "bo"), server().endpoint("mesh"));
  workload_.domains[1].members.push_back({"bo", true, version});
  settle();
  run(*super_, "SET ROLE m_sales__bo");
  run(*super_,
      "CREATE FUNCTION sales__orders_v1.lent() RETURNS name SECURITY DEFINER LANGUAGE sql AS 'SELECT current_user'");
  run(*super_, "CREATE TABLE sales__orders_v1.by_bo AS SELECT 1 AS id");
  run(*super_, "RESET ROLE");
  workload_.domains[1].members.clear();
  settle();
  EXPECT_EQ(value(*super_, "SELECT sales__orders_v1.lent()"), "datamesh_nobody");
  EXPECT_EQ(value(*super_, "SELECT count(*) FROM sales__orders_v1.by_bo"), "1") << "what they made stays";
  EXPECT_EQ(value(*super_,
                  "SELECT count(*) FROM pg_auth_members WHERE 'datamesh_nobody'::regrole IN (roleid, member) "
                  "AND member <> 'mesh_cp'::regrole"),
            "0");
  EXPECT_EQ(value(*super_, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'datamesh_nobody'"), "f");
}

// --- rights that are lent out

TEST_F(Postgres, WhatActsWithItsOwnersRightsIsNotForOthers) {
  settle();
  Session super = superuser();
  run(super, std::string("INSERT INTO ") + kTable + " VALUES (gen_random_uuid(), 'secret@x', 1, now())");
  run(super, "SET ROLE p_sales__orders");
  run(super,
      "CREATE FUNCTION sales__orders_v1.leak(\"odd name\" integer) RETURNS SETOF varchar SECURITY DEFINER "
      "LANGUAGE sql AS 'SELECT email FROM sales__orders_v1.orders'");
  run(super,
      "CREATE FUNCTION sales__orders_v1.plain() RETURNS SETOF varchar LANGUAGE sql AS "
      "'SELECT email FROM sales__orders_v1.orders'");
  run(super, "CREATE VIEW sales__orders_v1.seen AS SELECT email FROM sales__orders_v1.orders");
  run(super, "GRANT SELECT ON sales__orders_v1.seen TO op_sales__orders_v1__reader");
  run(super, "RESET ROLE");
  auto reader = consumer("churn");
  ASSERT_TRUE(reader);
  EXPECT_EQ(value(*reader, "SELECT sales__orders_v1.leak(1)"), "secret@x") << "by nature everybody may call it";
  EXPECT_EQ(value(*reader, "SELECT email FROM sales__orders_v1.seen"), "secret@x");

  const Pass seen = converge(Scope::of({product()}), Guard{.writes = false});
  std::vector<std::string> names;
  for (const auto& step : seen.steps) names.push_back(step.id.name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("routine sales__orders_v1.leak(integer) to PUBLIC",
                                                     "table sales__orders_v1.seen to op_sales__orders_v1__reader"))
      << describe_steps(seen.steps);
  settle();
  auto again = consumer("churn");
  ASSERT_TRUE(again);
  EXPECT_EQ(refusal(*again, "SELECT sales__orders_v1.leak(1)"), "[42501]");
  EXPECT_EQ(refusal(*again, "SELECT email FROM sales__orders_v1.seen"), "[42501]");
  EXPECT_EQ(refusal(*again, "SELECT sales__orders_v1.plain()"), "[42501]") << "acts with the caller's rights";
  run(super, "SET ROLE d_sales");
  EXPECT_EQ(value(super, "SELECT sales__orders_v1.leak(1)"), "secret@x") << "the team keeps it";
}

TEST_F(Postgres, ARoutineOfOursInAForeignSchemaIsNotForOthersEither) {
  settle();
  Session super = superuser();
  run(super, "CREATE SCHEMA legacy");
  run(super, "GRANT USAGE, CREATE ON SCHEMA legacy TO d_sales");
  run(super, "SET ROLE d_sales");
  run(super, "CREATE FUNCTION legacy.leak() RETURNS integer SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'");
  run(super, "RESET ROLE");
  settle();
  EXPECT_EQ(value(super, "SELECT has_function_privilege('s_marketing__churn', 'legacy.leak()', 'EXECUTE')"), "f");
}

TEST_F(Postgres, AChainOfForeignRolesIsCutWhereItTouchesOurs) {
  settle();
  Session super = superuser();
  for (const char* sql : {"CREATE ROLE first", "CREATE ROLE second", "GRANT op_sales__orders_v1__pii_reader TO first",
                          "GRANT first TO second", "GRANT second TO s_marketing__churn"}) {
    run(super, sql);
  }
  auto reader = consumer("churn");
  ASSERT_TRUE(reader);
  EXPECT_EQ(refusal(*reader, "SELECT email FROM sales__orders_v1.orders"), "");
  settle();
  EXPECT_FALSE(reader->query("SELECT 1", {})) << "its session is cut";
  EXPECT_EQ(value(super, "SELECT pg_has_role('s_marketing__churn', 'second', 'MEMBER')"), "f");
  EXPECT_EQ(value(super, "SELECT pg_has_role('second', 'op_sales__orders_v1__pii_reader', 'MEMBER')"), "f");
  EXPECT_EQ(value(super, "SELECT pg_has_role('second', 'first', 'MEMBER')"), "t") << "what is not ours stays";
}

TEST_F(Postgres, WhoOwnedAThingForAWhileLosesTheirSessions) {
  settle();
  Session super = superuser();
  run(super, "GRANT USAGE ON SCHEMA sales__orders_v1 TO s_marketing__churn");
  run(super, std::string("ALTER TABLE ") + kTable + " OWNER TO s_marketing__churn");
  auto reader = consumer("churn");
  ASSERT_TRUE(reader);
  run(*reader, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_EQ(refusal(*reader, std::string("SELECT 1 FROM pg_catalog.pg_class")), "");
  settle();
  EXPECT_FALSE(reader->query("SELECT 1", {}));
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
}

// Only a superuser can give these, and only one can take them back.
TEST_F(Postgres, WhatOnlyASuperuserCanTakeBackIsReported) {
  settle();
  Session super = superuser();
  for (const char* attribute : {"SUPERUSER", "BYPASSRLS", "REPLICATION", "SET my.own = 'x'"}) {
    SCOPED_TRACE(attribute);
    run(super, std::string("ALTER ROLE s_marketing__churn ") + attribute);
    const Pass pass = converge();
    ASSERT_EQ(failures(pass).size(), 1U) << describe_steps(pass.remaining);
    EXPECT_EQ(failures(pass)[0].id, role_id("s_marketing__churn"));
    EXPECT_EQ(failures(pass)[0].error->code, Code::Denied) << failures(pass)[0].error->message;
    Driver above(Options{"warehouse", server().endpoint("mesh"), Server::superuser(), 2, {}});
    const auto repaired =
        datamesh::converge(above, Driver::desired(workload_), Scope::everything(), {}, real_clock(), {});
    EXPECT_EQ(describe_steps(repaired.remaining), "");
    settle();
  }
}

// --- keeping a revocation off

class Revocation : public Postgres {
 protected:
  // Takes the access away and expects that it is gone, whatever holds against it.
  void revoke() {
    const ObjectKey subscription = workload_.accesses[0].subscription;
    workload_.accesses.clear();
    const Pass pass = converge();
    EXPECT_EQ(describe_steps(failures(pass)), "");
    settle();
    const auto proof = prove_revoked(subscription);
    EXPECT_TRUE(proof.proved) << proof.failure;
  }
};

TEST_F(Revocation, IsNotKeptOffByALockThatEverybodyCanTake) {
  settle();
  Session super = superuser();
  run(super, "CREATE ROLE stranger LOGIN PASSWORD 'x'");
  auto holder = consumer("churn");
  auto waiter = Session::open(server().endpoint("mesh"), {"stranger", Secret("x")}, "test", {});
  ASSERT_TRUE(holder && waiter);
  run(*holder, "SELECT pg_advisory_lock(7310299870265418341)");
  std::jthread queues([&] { (void)waiter->query("SELECT pg_advisory_lock(7310299870265418341)", {}); });
  ASSERT_TRUE(datamesh::test::wait_until(
      [&] { return value(super, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "2"; },
      std::chrono::seconds(60)));
  revoke();
}

TEST_F(Revocation, WaitsForTheTurnOfAnotherControlPlane) {
  settle();
  Session super = superuser();
  auto other = Session::open(server().endpoint("mesh"), admin_, "test", {});
  ASSERT_TRUE(other);
  run(*other, "SELECT pg_advisory_lock(7310299870265418341)");
  std::jthread ends([&] {
    (void)datamesh::test::wait_until(
        [&] {
          return value(super, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "1";
        },
        std::chrono::seconds(60));
    run(*other, "SELECT pg_advisory_unlock(7310299870265418341)");
  });
  revoke();
}

TEST_F(Revocation, IsNotKeptOffByTheOpenTransactionOfWhoLoses) {
  settle();
  auto session = consumer("churn");
  ASSERT_TRUE(session);
  run(*session, "BEGIN");
  run(*session, "ALTER ROLE CURRENT_USER PASSWORD 'mine'");  // a lock on the very row that says who may log in
  revoke();
  EXPECT_FALSE(session->query("COMMIT", {}));
}

TEST_F(Revocation, IsNotKeptOffByTheOpenTransactionOfAProducer) {
  const auto version = credentials_.set(mesh::member_principal("sales", "warehouse", "bo"),
                                        names::member("sales", "bo"), server().endpoint("mesh"));
  workload_.domains[1].members.push_back({"bo", true, version});
  settle();
  auto bo = Session::open(
      server().endpoint("mesh"),
      {"m_sales__bo", credentials_.get(mesh::member_principal("sales", "warehouse", "bo"))->fields.at("password")},
      "test", {});
  ASSERT_TRUE(bo);
  run(*bo, "BEGIN");
  run(*bo, std::string("GRANT SELECT (amount, email) ON ") + kTable + " TO s_marketing__churn");
  port().roles[1].readable = {{"orders", {"order_id"}}};
  workload_.accesses[0].readable = port().roles[1].readable;
  settle();
  EXPECT_FALSE(bo->query("COMMIT", {}));
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
}

TEST_F(Revocation, OfAMembershipDoesNotWaitForAClientThatComesBack) {
  workload_.accesses[0].roles = {"pii_reader", "reader"};
  workload_.accesses[0].readable = port().roles[0].readable;
  settle();
  std::jthread pool([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (auto session = consumer("churn")) (void)session->query("SELECT pg_sleep(60)", stop);
    }
  });
  Session super = superuser();
  const char* count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 's_marketing__churn'";
  ASSERT_TRUE(datamesh::test::wait_until([&] { return value(super, count) == "1"; }, std::chrono::seconds(60)));
  workload_.accesses[0].roles = {"reader"};
  workload_.accesses[0].readable = port().roles[1].readable;
  const Pass pass = converge();
  EXPECT_EQ(describe_steps(pass.remaining), "");
}

TEST_F(Postgres, ANewCredentialEndsTheSessionsOfTheOld) {
  settle();
  auto session = consumer("churn");
  ASSERT_TRUE(session);
  workload_.accesses.clear();
  subscribe("churn", "reader");
  settle();
  EXPECT_FALSE(session->query("SELECT 1", {}));
  EXPECT_TRUE(consumer("churn"));
}

// --- being mistaken for somebody else

struct Squatter {
  const char* role;
  const char* kept;  // what must not have come about: a query that answers 0
};

class Squatted : public Postgres, public ::testing::WithParamInterface<Squatter> {};

TEST_P(Squatted, NothingIsBuiltOnAForeignRole) {
  Session super = superuser();
  run(super, std::string("CREATE ROLE ") + GetParam().role + " LOGIN PASSWORD 'foreign'");
  const auto everything = [&] { return Scope::everything(); };
  const auto scoped = [&] {
    return Scope::of(
        {product(), workload_.accesses[0].subscription, {"Domain", "", "sales"}, {"Domain", "", "marketing"}});
  };
  Driver above(Options{"warehouse", server().endpoint("mesh"), Server::superuser(), 2,
                       [this](const ObjectKey& principal) { return credentials_.get(principal); }});
  for (const bool whole : {false, true}) {
    const Scope scope = whole ? everything() : scoped();
    for (const auto& pass :
         {converge(scope), datamesh::converge(above, Driver::desired(workload_), scope, {}, real_clock(), {})}) {
      ASSERT_FALSE(pass.error);
      EXPECT_EQ(describe_steps(failures(pass)), "");
      bool told = false;
      for (const auto& step : pass.remaining) {
        EXPECT_EQ(step.hold_reason, HoldReason::NotOurs) << describe_steps({step});
        told |= step.id == role_id(GetParam().role);
      }
      EXPECT_TRUE(told) << describe_steps(pass.remaining);
      EXPECT_EQ(value(super, GetParam().kept), "0");
    }
  }
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_auth_members WHERE '" + std::string(GetParam().role) +
                             "'::regrole IN (roleid, member)"),
            "0");
  EXPECT_TRUE(Session::open(server().endpoint("mesh"), {GetParam().role, Secret("foreign")}, "test", {}))
      << "it is left as it is";
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, Squatted,
    ::testing::Values(Squatter{"s_marketing__churn",
                               "SELECT count(*) FROM pg_auth_members WHERE member = 's_marketing__churn'::regrole"},
                      Squatter{"op_sales__orders_v1__reader",
                               "SELECT count(*) FROM pg_class WHERE relacl::text LIKE '%op_sales__orders_v1__reader%'"},
                      Squatter{"p_sales__orders",
                               "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sales__orders%'"},
                      Squatter{"d_sales", "SELECT count(*) FROM pg_auth_members WHERE member = 'd_sales'::regrole"}),
    [](const auto& squatter) { return std::string(squatter.param.role); });

// --- passwords

TEST(Passwords, AreSentAsVerifiersAndShownNowhere) {
  Server talkative;
  talkative.kill(SIGINT);
  talkative.start({"log_statement=all", "log_min_duration_statement=0", "log_parameter_max_length=-1"});
  const Login admin{"mesh_cp", Secret("control-plane-password")};
  ASSERT_TRUE(bootstrap(talkative.endpoint("postgres"), Server::superuser(), {"mesh", admin}, {}));
  Credentials credentials;
  mesh::Workload workload;
  workload.backend = "warehouse";
  workload.domains = {domain_use("marketing"), domain_use("sales")};
  workload.ports = {orders_port()};
  const ObjectKey key{"Subscription", "marketing", "churn"};
  const auto version = credentials.set(key, names::subscription(key), talkative.endpoint("mesh"));
  workload.accesses = {access_to(workload.ports[0], "churn", version, "reader")};
  Driver driver(Options{"warehouse", talkative.endpoint("mesh"), admin, 2,
                        [&](const ObjectKey& principal) { return credentials.get(principal); }});
  const Pass pass = converge(driver, Driver::desired(workload), Scope::everything(), {}, real_clock(), {});
  EXPECT_EQ(describe_steps(pass.remaining), "");
  EXPECT_TRUE(driver.prove_granted(workload.ports[0], workload.accesses[0], *credentials.get(key), {}).proved);
  auto super = Session::open(talkative.endpoint("postgres"), Server::superuser(), "test", {});
  ASSERT_TRUE(super);
  EXPECT_THAT(value(*super, "SELECT rolpassword FROM pg_authid WHERE rolname = 's_marketing__churn'"),
              ::testing::StartsWith("SCRAM-SHA-256$"));
  const std::string asked = value(*super, "SELECT string_agg(query, ' ') FROM pg_stat_activity");
  talkative.kill(SIGINT);
  const std::string password = credentials.get(key)->fields.at("password").reveal();
  EXPECT_THAT(talkative.log(), HasSubstr("CREATE ROLE \"s_marketing__churn\"")) << "the log shows what was sent";
  for (const auto& text : {talkative.log(), asked, describe_steps(pass.steps)}) {
    EXPECT_THAT(text, Not(HasSubstr(password)));
    EXPECT_THAT(text, Not(HasSubstr(admin.password.reveal())));
  }
  EXPECT_THAT(describe_steps(pass.steps), Not(HasSubstr("SCRAM"))) << "nor what people see of a plan";
}

}  // namespace
}  // namespace datamesh::postgres::test

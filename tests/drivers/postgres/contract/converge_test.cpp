// What the driver makes, sees, repairs and takes away, on a real server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/drivers/postgres/fixture.hpp"

namespace datamesh::postgres::test {
namespace {

using ::testing::HasSubstr;

const Step* find_step(const std::vector<Step>& steps, const std::string& kind, const std::string& name) {
  for (const auto& step : steps) {
    if (step.id == ResourceId{kind, name}) return &step;
  }
  return nullptr;
}

TEST_F(Postgres, CreatesAPortAndAnAccessAndThenStaysStill) {
  const Pass pass = settle();
  EXPECT_GT(pass.steps.size(), 10U);
  const auto proof = prove_granted(workload_.accesses[0]);
  EXPECT_TRUE(proof.proved) << proof.failure;
  EXPECT_THAT(proof.tried, ::testing::Contains("read sales__orders_v1.orders(email): refused"));
  EXPECT_THAT(proof.tried, ::testing::Contains("read sales__orders_v1.orders(order_id, amount, placed_at): allowed"));
}

TEST_F(Postgres, LeavesTheControlPlaneMemberOfNoRole) {
  settle();
  Session super = superuser();
  EXPECT_EQ(value(super,
                  "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
                  "WHERE r.rolname = 'mesh_cp' AND m.roleid <> 'pg_signal_backend'::regrole"),
            "0");
}

TEST_F(Postgres, ADryPassWritesNothing) {
  Session super = superuser();
  const Pass pass = converge(Scope::everything(), Guard{.writes = false});
  EXPECT_FALSE(pass.wrote());
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_namespace WHERE nspname = 'sales__orders_v1'"), "0");
  for (const auto& step : pass.steps) {
    for (const auto& sql : step.statements) EXPECT_EQ(sql.find("SCRAM"), std::string::npos) << sql;
  }
}

// What people do by hand to things of ours, and what must be as before afterwards.
struct Damage {
  const char* what;
  const char* sql;
};

class Repairs : public Postgres, public ::testing::WithParamInterface<Damage> {};

TEST_P(Repairs, WhatWasDoneByHand) {
  settle();
  Session super = superuser();
  run(super, "CREATE ROLE stranger LOGIN");
  run(super, GetParam().sql);
  const Pass seen = converge(Scope::everything(), Guard{.writes = false});
  EXPECT_FALSE(seen.steps.empty()) << "not seen";
  for (const auto& step : seen.steps) EXPECT_EQ(step.hold_reason, HoldReason::WritesOff) << describe_steps({step});
  settle();
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, Repairs,
    ::testing::Values(
        Damage{"a table granted to a stranger", "GRANT SELECT ON sales__orders_v1.orders TO stranger"},
        Damage{"a column granted to the group",
               "GRANT SELECT (email) ON sales__orders_v1.orders TO op_sales__orders_v1__reader"},
        Damage{"the whole table granted to the group",
               "GRANT SELECT ON sales__orders_v1.orders TO op_sales__orders_v1__reader"},
        Damage{"the table granted to everybody", "GRANT SELECT ON sales__orders_v1.orders TO PUBLIC"},
        Damage{"writing granted to the subscriber",
               "GRANT INSERT, UPDATE (amount) ON sales__orders_v1.orders TO s_marketing__churn"},
        Damage{"a grant that can be passed on",
               "GRANT SELECT ON sales__orders_v1.orders TO stranger WITH GRANT OPTION"},
        Damage{"the schema opened to everybody", "GRANT USAGE, CREATE ON SCHEMA sales__orders_v1 TO PUBLIC"},
        Damage{"a stranger in the group", "GRANT op_sales__orders_v1__reader TO stranger"},
        Damage{"a stranger in the product's role", "GRANT p_sales__orders TO stranger"},
        Damage{"the subscriber in another group", "GRANT op_sales__orders_v1__pii_reader TO s_marketing__churn"},
        Damage{"the subscriber in a predefined role", "GRANT pg_read_all_data TO s_marketing__churn"},
        Damage{"the group in a predefined role", "GRANT pg_read_all_data TO op_sales__orders_v1__reader"},
        Damage{"a membership that can be passed on",
               "GRANT op_sales__orders_v1__reader TO s_marketing__churn WITH ADMIN OPTION"},
        Damage{"default privileges in the schema",
               "ALTER DEFAULT PRIVILEGES FOR ROLE p_sales__orders IN SCHEMA sales__orders_v1 GRANT SELECT ON TABLES TO "
               "stranger"},
        Damage{"default privileges of the role",
               "ALTER DEFAULT PRIVILEGES FOR ROLE p_sales__orders GRANT SELECT ON TABLES TO PUBLIC"},
        Damage{"the group's grant taken away",
               "REVOKE ALL ON sales__orders_v1.orders FROM op_sales__orders_v1__reader"},
        Damage{"the subscription taken out of its group", "REVOKE op_sales__orders_v1__reader FROM s_marketing__churn"},
        Damage{"the table dropped", "DROP TABLE sales__orders_v1.orders"},
        Damage{"a column dropped", "ALTER TABLE sales__orders_v1.orders DROP COLUMN email"},
        Damage{"NOT NULL dropped", "ALTER TABLE sales__orders_v1.orders ALTER COLUMN amount DROP NOT NULL"},
        Damage{"the table given to somebody else", "ALTER TABLE sales__orders_v1.orders OWNER TO d_sales"},
        Damage{"the unique constraint dropped", "ALTER TABLE sales__orders_v1.orders DROP CONSTRAINT orders_email_key"},
        Damage{"a mark that allows deletion",
               "COMMENT ON SCHEMA sales__orders_v1 IS '{\"datamesh\": 1, \"owner\": \"DataProduct/sales/orders\"}'"},
        Damage{"more attributes for a role",
               "ALTER ROLE s_marketing__churn CREATEDB CREATEROLE VALID UNTIL '2030-01-01'"},
        Damage{"a login for a group", "ALTER ROLE op_sales__orders_v1__reader LOGIN"},
        Damage{"a setting of a role", "ALTER ROLE s_marketing__churn SET search_path = 'pg_temp, \"a=b\"'"},
        Damage{"a setting of a role in this database",
               "ALTER ROLE s_marketing__churn IN DATABASE mesh SET role = d_sales"},
        Damage{"no inheritance", "ALTER ROLE s_marketing__churn NOINHERIT CONNECTION LIMIT 0"},
        Damage{"the schema given to a stranger", "ALTER SCHEMA sales__orders_v1 OWNER TO stranger"},
        Damage{"the table given to a stranger", "ALTER TABLE sales__orders_v1.orders OWNER TO stranger"},
        Damage{"no login for the subscription", "ALTER ROLE s_marketing__churn NOLOGIN"},
        Damage{"the login dropped", "DROP ROLE s_marketing__churn"}),
    [](const auto& damage) {
      std::string name = damage.param.what;
      for (char& c : name) {
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      }
      return name;
    });

TEST_F(Postgres, AGrantThatWasPassedOnGoesWithItsSource) {
  settle();
  Session super = superuser();
  run(super, "CREATE ROLE first");
  run(super, "CREATE ROLE second");
  run(super, "GRANT USAGE ON SCHEMA sales__orders_v1 TO first");
  run(super, "GRANT SELECT (email) ON sales__orders_v1.orders TO first WITH GRANT OPTION");
  run(super, "SET ROLE first");
  run(super, "GRANT SELECT (email) ON sales__orders_v1.orders TO second");
  run(super, "RESET ROLE");
  settle();
  EXPECT_EQ(value(super, "SELECT has_column_privilege('second', 'sales__orders_v1.orders', 'email', 'SELECT')"), "f");
}

TEST_F(Postgres, WhatIsNotOursIsNeverTouched) {
  Session super = superuser();
  run(super, "CREATE SCHEMA legacy__orders_v1");
  run(super, "CREATE TABLE legacy__orders_v1.t (id int)");
  run(super, "CREATE ROLE bi LOGIN");
  run(super, "GRANT USAGE ON SCHEMA legacy__orders_v1 TO bi");
  run(super, "GRANT SELECT ON legacy__orders_v1.t TO PUBLIC");
  const std::string before = value(super, "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'legacy__orders_v1'");
  const Pass pass = settle();
  EXPECT_GT(pass.foreign, 2U);
  workload_ = {};
  workload_.backend = "warehouse";
  settle();
  EXPECT_EQ(value(super, "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'legacy__orders_v1'"), before);
  EXPECT_EQ(value(super, "SELECT has_table_privilege('bi', 'legacy__orders_v1.t', 'SELECT')"), "t");
}

TEST_F(Postgres, WhatIsInTheWayIsHeldUntilAdopted) {
  Session super = superuser();
  run(super, "CREATE SCHEMA sales__orders_v1 AUTHORIZATION mesh_cp");
  run(super, "CREATE TABLE sales__orders_v1.orders (order_id uuid PRIMARY KEY, note text)");
  run(super, "ALTER TABLE sales__orders_v1.orders OWNER TO mesh_cp");
  const Pass held = converge();
  const Step* schema = find_step(held.remaining, "schema", "sales__orders_v1");
  ASSERT_TRUE(schema) << describe_steps(held.remaining);
  EXPECT_EQ(schema->hold_reason, HoldReason::NotOurs);
  const Step* table_step = find_step(held.remaining, "table", "sales__orders_v1.orders");
  ASSERT_TRUE(table_step);
  EXPECT_EQ(table_step->hold_reason, HoldReason::NotOurs);

  port().adopt = true;
  settle();
  EXPECT_EQ(value(super, "SELECT tableowner FROM pg_tables WHERE tablename = 'orders'"), "p_sales__orders");
  EXPECT_EQ(
      value(super,
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'sales__orders_v1.orders'::regclass AND attnum > 0"),
      "5");
}

TEST_F(Postgres, WhatBelongsToAnotherDeclarationIsHeld) {
  settle();
  workload_.ports[0].owner = {"DataProduct", "other", "orders"};
  const Pass pass = converge(Scope::of({workload_.ports[0].owner}));
  const Step* schema = find_step(pass.remaining, "schema", "sales__orders_v1");
  ASSERT_TRUE(schema) << describe_steps(pass.remaining);
  EXPECT_EQ(schema->hold_reason, HoldReason::OwnedByOther);
}

TEST_F(Postgres, AScopeThatRemembersWhatIsSomebodyElsesByNowDeletesNothing) {
  port().keep = false;
  const Pass first = settle();
  Session super = superuser();
  run(super,
      "COMMENT ON SCHEMA sales__orders_v1 IS "
      "'{\"datamesh\":1,\"owner\":\"DataProduct/sales/heir\",\"urn\":\"\",\"keep\":false,\"retained\":false}'");
  Scope scope = Scope::of({product()});
  for (const auto& id : first.owned.at(product())) scope.ids.insert(id);
  workload_ = {};
  const Pass pass = converge(scope);
  EXPECT_FALSE(find_step(pass.steps, "schema", "sales__orders_v1")) << describe_steps(pass.steps);
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_namespace WHERE nspname = 'sales__orders_v1'"), "1");
}

TEST_F(Postgres, ARetainedPortKeepsItsDataAndLosesItsReaders) {
  settle();
  Session super = superuser();
  run(super, "INSERT INTO sales__orders_v1.orders VALUES (gen_random_uuid(), 'a@x', 1, now())");
  const auto declared = workload_;
  workload_.ports.clear();
  workload_.accesses.clear();
  const Pass pass = settle();
  EXPECT_EQ(pass.retained, 3U);  // schema, table, the product's role
  EXPECT_EQ(value(super, "SELECT count(*) FROM sales__orders_v1.orders"), "1");
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_roles WHERE rolname ~ '^(op|s)_'"), "0");
  const auto proof = driver_->prove_revoked(declared.ports[0], declared.accesses[0].subscription,
                                            *credentials_.get(declared.accesses[0].subscription), {});
  EXPECT_TRUE(proof.proved) << proof.failure;
  workload_ = declared;
  settle();
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
  EXPECT_EQ(value(super, "SELECT count(*) FROM sales__orders_v1.orders"), "1");
}

TEST_F(Postgres, ADeletedPortLeavesNothing) {
  port().keep = false;
  settle();
  workload_ = {};
  settle();
  Session super = superuser();
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_namespace WHERE nspname ~ '__'"), "0");
  EXPECT_EQ(value(super,
                  "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname !~ '^pg_' AND rolname NOT IN "
                  "('postgres', 'mesh_cp', 'datamesh_nobody')"),
            "");
}

TEST_F(Postgres, WhatOthersBuiltInASchemaKeepsItFromBeingDropped) {
  port().keep = false;
  settle();
  Session super = superuser();
  run(super, "CREATE TABLE sales__orders_v1.staging (id int)");
  workload_ = {};
  const Pass pass = converge();
  const Step* schema = find_step(pass.remaining, "schema", "sales__orders_v1");
  ASSERT_TRUE(schema && schema->error) << describe_steps(pass.remaining);
  EXPECT_THAT(schema->error->message, HasSubstr("staging"));
  EXPECT_EQ(value(super, "SELECT count(*) FROM pg_roles WHERE rolname = 's_marketing__churn'"), "0");
  run(super, "DROP TABLE sales__orders_v1.staging");
  settle();
}

TEST_F(Postgres, AScopedPassSeesAndTouchesItsOwnersOnly) {
  workload_.ports.push_back(orders_port("sales", "returns"));
  const Pass first = settle();
  Session super = superuser();
  run(super, "GRANT SELECT ON sales__orders_v1.orders TO PUBLIC");
  run(super, "GRANT SELECT ON sales__returns_v1.orders TO PUBLIC");
  const ObjectKey returns = workload_.ports[1].owner;
  mesh::Workload whole = workload_;
  workload_.ports.erase(workload_.ports.begin());
  workload_.accesses.clear();
  workload_.domains.clear();
  Scope scope = Scope::of({returns});
  for (const auto& id : first.owned.at(returns)) scope.ids.insert(id);
  const Pass pass = converge(scope);
  ASSERT_EQ(pass.steps.size(), 1U) << describe_steps(pass.steps);
  EXPECT_EQ(pass.steps[0].id.name, "table sales__returns_v1.orders to PUBLIC");
  EXPECT_TRUE(pass.remaining.empty());
  workload_ = whole;
  const Pass rest = converge();
  EXPECT_EQ(rest.steps.size(), 1U) << describe_steps(rest.steps);
}

TEST_F(Postgres, TheChangeTokenMovesWithForeignWritesAndNotWithOurOwnPass) {
  settle();
  const auto token = driver_->change_token({});
  ASSERT_TRUE(token);
  const auto moved = [&](const std::string& since) { return *driver_->change_token({}) != since; };
  EXPECT_FALSE(datamesh::test::wait_until([&] { return moved(*token); }, std::chrono::milliseconds(1500)));
  Session super = superuser();
  run(super, "GRANT SELECT ON sales__orders_v1.orders TO PUBLIC");
  EXPECT_TRUE(datamesh::test::wait_until([&] { return moved(*token); }, std::chrono::seconds(15)));
}

}  // namespace
}  // namespace datamesh::postgres::test

// Who may read, who may no longer, and what becomes of open sessions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/drivers/postgres/fixture.hpp"

namespace datamesh::postgres::test {
namespace {

using ::testing::HasSubstr;
constexpr const char* kRead = "SELECT order_id FROM sales__orders_v1.orders LIMIT 1";

TEST_F(Postgres, ARevocationEndsOpenSessionsAndTransactions) {
  settle();
  Session super = superuser();
  run(super, "INSERT INTO sales__orders_v1.orders VALUES (gen_random_uuid(), 'a@x', 1, now())");
  // What a REVOKE alone would leave reading: an open transaction that has read, and a session that took the group's
  // role.
  auto snapshot = consumer("churn"), set_role = consumer("churn");
  ASSERT_TRUE(snapshot && set_role);
  run(*snapshot, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  run(*snapshot, kRead);
  run(*set_role, "SET ROLE op_sales__orders_v1__reader");
  run(*set_role, kRead);

  const ObjectKey subscription = workload_.accesses[0].subscription;
  workload_.accesses.clear();
  settle();
  EXPECT_FALSE(snapshot->query(kRead, {}));
  EXPECT_FALSE(set_role->query(kRead, {}));
  const auto proof = prove_revoked(subscription);
  EXPECT_TRUE(proof.proved) << proof.failure;
  EXPECT_THAT(proof.tried, ::testing::ElementsAre("log in: refused", "open sessions: 0"));
}

TEST_F(Postgres, NarrowedColumnsEndSessionsThatCouldReadThem) {
  workload_.accesses.clear();
  subscribe("audit", "pii_reader");
  settle();
  auto reader = consumer("audit");
  ASSERT_TRUE(reader);
  run(*reader, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  run(*reader, "SELECT email FROM sales__orders_v1.orders");
  port().roles[0].readable = {{"orders", {"order_id"}}};
  workload_.accesses[0].readable = port().roles[0].readable;
  settle();
  EXPECT_FALSE(reader->query("SELECT email FROM sales__orders_v1.orders", {}));
  EXPECT_TRUE(prove_granted(workload_.accesses[0]).proved);
}

TEST_F(Postgres, OtherReadersKeepTheirSessions) {
  subscribe("stays", "reader");
  settle();
  auto reader = consumer("stays");
  ASSERT_TRUE(reader);
  run(*reader, kRead);
  std::erase_if(workload_.accesses, [](const auto& access) { return access.subscription.name == "churn"; });
  settle();
  EXPECT_TRUE(reader->query(kRead, {}));
}

TEST_F(Postgres, AProofFailsWhenTooMuchCanBeRead) {
  settle();
  Session super = superuser();
  run(super, "GRANT SELECT (email) ON sales__orders_v1.orders TO PUBLIC");
  const auto proof = prove_granted(workload_.accesses[0]);
  EXPECT_FALSE(proof.proved);
  EXPECT_THAT(proof.failure, HasSubstr("read sales__orders_v1.orders(email): allowed, but it must be refused"));
}

TEST_F(Postgres, AProofFailsWhenTooLittleCanBeRead) {
  settle();
  Session super = superuser();
  run(super, "REVOKE op_sales__orders_v1__reader FROM s_marketing__churn");
  EXPECT_THAT(prove_granted(workload_.accesses[0]).failure, HasSubstr("must be allowed"));
}

TEST_F(Postgres, NoRevocationIsProvedWhileTheLoginWorks) {
  settle();
  const auto proof = prove_revoked(workload_.accesses[0].subscription);
  EXPECT_FALSE(proof.proved);
  EXPECT_THAT(proof.failure, HasSubstr("allowed, but it must be refused"));
}

TEST_F(Postgres, ANewCredentialReplacesTheOld) {
  settle();
  const auto old = consumer("churn");
  const auto old_password = credentials_.get(workload_.accesses[0].subscription)->fields.at("password");
  workload_.accesses.clear();
  subscribe("churn", "reader");
  settle();
  EXPECT_TRUE(consumer("churn"));
  const auto refused = Session::open(server().endpoint("mesh"), {"s_marketing__churn", old_password}, "test", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Denied);
}

TEST_F(Postgres, MintMakesWhatABindingNeedsAndOpensNothing) {
  const ObjectKey key{"Subscription", "marketing", "new"};
  const auto credential = driver_->mint(key, "marketing", &port());
  ASSERT_TRUE(credential);
  const auto& fields = credential->fields;
  EXPECT_EQ(Driver::version_of(fields), credential->version);
  EXPECT_EQ(credential->version.size(), 16U);
  for (const char* name : {"type", "provider", "host", "port", "database", "username", "password", "uri", "schema"}) {
    EXPECT_TRUE(fields.contains(name)) << name;
  }
  EXPECT_EQ(fields.at("uri").reveal(), "postgres://s_marketing__new:" + fields.at("password").reveal() +
                                           "@127.0.0.1:" + server().endpoint("mesh").port + "/mesh");
  EXPECT_FALSE(Session::open(server().endpoint("mesh"), {"s_marketing__new", fields.at("password")}, "test", {}));
  auto damaged = fields;
  damaged.erase("username");
  EXPECT_EQ(Driver::version_of(damaged), "");
}

class Members : public Postgres {
 protected:
  void SetUp() override {
    Postgres::SetUp();
    if (HasFatalFailure()) return;
    join("ana@retail.example", true);
    join("vi", false);
  }
  void join(const std::string& user, bool producer) {
    const auto version = credentials_.set(mesh::member_principal("sales", "warehouse", user),
                                          names::member("sales", user), server().endpoint("mesh"));
    workload_.domains[1].members.push_back({user, producer, version});
  }
  Result<Session> login(const std::string& user) {
    const auto credential = credentials_.get(mesh::member_principal("sales", "warehouse", user));
    // As a person's own client does, without our settings.
    return Session::open(server().endpoint("mesh"), {names::member("sales", user), credential->fields.at("password")},
                         "test", {});
  }
};

TEST_F(Members, ProducersWriteToWhatTheirDomainOwnsAndOthersDoNot) {
  settle();
  auto ana = login("ana@retail.example"), vi = login("vi");
  ASSERT_TRUE(ana && vi);
  EXPECT_EQ(refusal(*ana, "INSERT INTO sales__orders_v1.orders VALUES (gen_random_uuid(), 'a@x', 1, now())"), "");
  EXPECT_EQ(refusal(*vi, "SELECT * FROM sales__orders_v1.orders"), "[42501]");
  Session super = superuser();
  EXPECT_EQ(value(super, "SELECT rolconfig[1] FROM pg_roles WHERE rolname ~ '^m_sales__ana'"), "role=d_sales");
}

TEST_F(Members, WhoLeavesTheTeamIsCutOffAndWhatTheyMadeStays) {
  settle();
  auto ana = login("ana@retail.example");
  ASSERT_TRUE(ana);
  run(*ana, "RESET ROLE");
  run(*ana, "CREATE TABLE sales__orders_v1.by_ana (id int)");
  run(*ana, "INSERT INTO sales__orders_v1.by_ana VALUES (1)");
  workload_.domains[1].members.erase(workload_.domains[1].members.begin());
  settle();
  EXPECT_FALSE(ana->query("SELECT 1", {}));
  EXPECT_FALSE(login("ana@retail.example"));
  Session super = superuser();
  EXPECT_EQ(value(super, "SELECT count(*) FROM sales__orders_v1.by_ana"), "1");
}

TEST_F(Members, WhoIsNoProducerAnyMoreMayNotWrite) {
  settle();
  workload_.domains[1].members[0].producer = false;
  settle();
  auto ana = login("ana@retail.example");
  ASSERT_TRUE(ana);
  EXPECT_EQ(refusal(*ana, "SELECT * FROM sales__orders_v1.orders"), "[42501]");
}

}  // namespace
}  // namespace datamesh::postgres::test

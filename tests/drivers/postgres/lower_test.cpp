#include "drivers/postgres/lower.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/postgres/driver.hpp"
#include "drivers/postgres/observe.hpp"
#include "tests/drivers/postgres/builders.hpp"

namespace datamesh::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mesh::Workload workload() {
  mesh::Workload workload;
  workload.backend = "warehouse";
  workload.domains = {test::domain_use("sales")};
  workload.domains[0].members = {{"ana", true, "v1"}, {"vi", false, ""}};
  workload.ports = {test::orders_port()};
  workload.accesses = {test::access_to(workload.ports[0], "churn", "v7")};
  return workload;
}

std::vector<std::string> ids(const Desired<Spec>& desired) {
  std::vector<std::string> names;
  for (const auto& [id, want] : desired.resources)
    names.push_back(id.kind + " " + id.name + " < " + to_string(want.owner));
  std::ranges::sort(names);
  return names;
}

TEST(Desired, SaysWhatAPortNeedsAndWhoOwnsIt) {
  EXPECT_THAT(
      ids(desired(workload())),
      ElementsAre("grant schema sales__orders_v1 to op_sales__orders_v1__pii_reader < DataProduct/sales/orders",
                  "grant schema sales__orders_v1 to op_sales__orders_v1__reader < DataProduct/sales/orders",
                  "grant table sales__orders_v1.orders to op_sales__orders_v1__pii_reader < DataProduct/sales/orders",
                  "grant table sales__orders_v1.orders to op_sales__orders_v1__reader < DataProduct/sales/orders",
                  "membership d_sales to m_sales__ana < Domain/sales",
                  "membership op_sales__orders_v1__reader to s_marketing__churn < Subscription/marketing/churn",
                  "membership p_sales__orders to d_sales < DataProduct/sales/orders", "role d_sales < Domain/sales",
                  "role m_sales__ana < Domain/sales", "role m_sales__vi < Domain/sales",
                  "role op_sales__orders_v1__pii_reader < DataProduct/sales/orders",
                  "role op_sales__orders_v1__reader < DataProduct/sales/orders",
                  "role p_sales__orders < DataProduct/sales/orders",
                  "role s_marketing__churn < Subscription/marketing/churn",
                  "schema sales__orders_v1 < DataProduct/sales/orders",
                  "table sales__orders_v1.orders < DataProduct/sales/orders"));
}

TEST(Desired, GivesNothingToWhoHasNoCredentialYet) {
  auto wished = workload();
  wished.accesses[0].credential_version = "";
  for (const auto& id : ids(desired(wished))) EXPECT_EQ(id.find("churn"), std::string::npos) << id;
}

TEST(Desired, HoldsTwoPortsThatWouldShareASchema) {
  auto wished = workload();
  wished.ports.push_back(test::orders_port());
  wished.ports[1].key.product = "copies";
  wished.ports[1].owner.name = "copies";
  const auto result = desired(wished);
  EXPECT_THAT(result.held, ElementsAre(wished.ports[1].owner, wished.ports[0].owner));
  EXPECT_FALSE(result.resources.contains(schema_id("sales__orders_v1")));
}

Change<Spec> change_of(const std::string& kind, const std::string& name) {
  const auto wished = desired(workload());
  const auto& want = wished.resources.at({kind, name});
  return {Verb::Create, {kind, name}, want.owner, {}, want.spec, "declared, absent", want.keep};
}

TEST(Lower, ShowsAPasswordAsItsVersion) {
  const auto change = change_of("role", "s_marketing__churn");
  const auto shown = describe(change);
  EXPECT_EQ(shown[0], "CREATE ROLE \"s_marketing__churn\" LOGIN PASSWORD 'version:v7'");
  EXPECT_EQ(lower(change, "'SCRAM-SHA-256$x'").act[0],
            "CREATE ROLE \"s_marketing__churn\" LOGIN PASSWORD 'SCRAM-SHA-256$x'");
}

TEST(Lower, MakesATableInTheContractsOrder) {
  EXPECT_THAT(
      describe(change_of("table", "sales__orders_v1.orders")),
      ElementsAre(
          "CREATE TABLE \"sales__orders_v1\".\"orders\" (\"order_id\" uuid, \"email\" character varying(120), "
          "\"amount\" numeric(12,2) NOT NULL, \"placed_at\" timestamp with time zone NOT NULL, "
          "PRIMARY KEY (\"order_id\"), CONSTRAINT \"orders_email_key\" UNIQUE (\"email\"))",
          "ALTER TABLE \"sales__orders_v1\".\"orders\" OWNER TO \"p_sales__orders\"",
          "COMMENT ON TABLE \"sales__orders_v1\".\"orders\" IS '{\"datamesh\":1,\"owner\":\"DataProduct/sales/orders\","
          "\"urn\":\"urn:datamesh:port:sales:orders:orders:v1\",\"keep\":true,\"retained\":false}'"));
}

TEST(Lower, ARevocationDeniesAndNamesTheLosers) {
  auto change = change_of("membership", "op_sales__orders_v1__reader to s_marketing__churn");
  std::swap(change.before, change.after);
  change.verb = Verb::Delete;
  const auto lowered = lower(change, "");
  EXPECT_THAT(lowered.deny, ElementsAre("REVOKE \"op_sales__orders_v1__reader\" FROM \"s_marketing__churn\" CASCADE"));
  EXPECT_THAT(lowered.losers, ElementsAre("s_marketing__churn"));
  EXPECT_THAT(lowered.act, IsEmpty());
  EXPECT_THAT(describe(change)[1], HasSubstr("pg_terminate_backend"));
}

TEST(Lower, ADeletedLoginIsDeniedFirstAndDroppedLast) {
  auto change = change_of("role", "s_marketing__churn");
  std::swap(change.before, change.after);
  change.verb = Verb::Delete;
  const auto lowered = lower(change, "");
  EXPECT_THAT(lowered.deny, ElementsAre("ALTER ROLE \"s_marketing__churn\" NOLOGIN PASSWORD NULL"));
  EXPECT_THAT(lowered.logins, ElementsAre("s_marketing__churn"));
  EXPECT_EQ(lowered.act.back(), "DROP ROLE \"s_marketing__churn\"");
}

TEST(Lower, ColumnsThatStayReadableAreNotTakenAwayInBetween) {
  auto change = change_of("grant", "table sales__orders_v1.orders to op_sales__orders_v1__reader");
  change.verb = Verb::Update;
  auto before = std::get<Grant>(*change.after);
  before.columns["email"] = privileges("r");
  before.columns.erase("amount");
  change.before = before;
  const auto lowered = lower(change, "");
  EXPECT_THAT(lowered.deny, ElementsAre("REVOKE SELECT (\"email\") ON TABLE \"sales__orders_v1\".\"orders\" FROM "
                                        "\"op_sales__orders_v1__reader\" CASCADE"));
  EXPECT_THAT(lowered.act, ElementsAre("GRANT SELECT (\"amount\") ON TABLE \"sales__orders_v1\".\"orders\" TO "
                                       "\"op_sales__orders_v1__reader\""));
}

TEST(Lower, AGrantOnTheWholeTableGoesAndTheColumnsComeBackAtOnce) {
  auto change = change_of("grant", "table sales__orders_v1.orders to op_sales__orders_v1__reader");
  change.verb = Verb::Update;
  auto before = std::get<Grant>(*change.after);
  before.whole = privileges("r");
  change.before = before;
  const auto lowered = lower(change, "");
  ASSERT_EQ(lowered.deny.size(), 2U);
  EXPECT_THAT(lowered.deny[0], HasSubstr("REVOKE ALL ON TABLE"));
  EXPECT_THAT(lowered.deny[1], HasSubstr("GRANT SELECT (\"amount\", \"order_id\", \"placed_at\")"));
  EXPECT_THAT(lowered.act, IsEmpty());
}

TEST(Lower, ATableIsNeverNarrowed) {
  auto change = change_of("table", "sales__orders_v1.orders");
  change.verb = Verb::Update;
  TableBody before = *std::get<Table>(*change.after);
  before.columns["amount"].type = "text";
  change.before = Table(before);
  EXPECT_THAT(lower(change, "").refused, HasSubstr("amount is text and cannot become numeric(12,2)"));
  EXPECT_THAT(describe(change), ElementsAre(HasSubstr("-- refused: ")));
}

TEST(Marks, SurviveTheWayThroughAComment) {
  Mark mark{{"DataProduct", "sales", "odd\"\\name"}, "urn:x", true, true, "0123", "Member/sales@w/ana", {"a\"b", "c"}};
  EXPECT_EQ(parse_mark(to_text(mark)), mark);
  mark.left.clear();
  mark.owner.name = "orders";
  EXPECT_EQ(parse_mark(to_text(mark)), mark);
  const Mark cluster_scoped{{"Domain", "", "sales"}, "", false, false};
  EXPECT_EQ(parse_mark(to_text(cluster_scoped)), cluster_scoped);
}

TEST(Marks, OfOthersAreNone) {
  for (const char* text :
       {"", "a table", "{}", "{\"datamesh\":2,\"owner\":\"A/b\"}", "{\"datamesh\":1}",
        "{\"datamesh\":1,\"owner\":\"\"}", "{\"datamesh\":1,\"owner\":7}", "[1]", "{\"datamesh\":1,"}) {
    EXPECT_FALSE(parse_mark(text)) << text;
  }
}

TEST(Acl, IsReadAsTheServerWritesIt) {
  EXPECT_THAT(parse_acl("{owner=arwdDxt/owner,=r/owner,\"\\\"odd \\\"\\\"name\\\"=r*w/owner\"}"),
              ElementsAre(AclEntry{"owner", privileges("arwdDxt")}, AclEntry{"", privileges("r")},
                          AclEntry{"odd \"name", privileges("r*w")}));
  EXPECT_THAT(parse_acl("{g=r/owner,g=w/other}"), ElementsAre(AclEntry{"g", privileges("rw")}));
  EXPECT_THAT(parse_acl(""), IsEmpty());
  EXPECT_THAT(parse_acl("{}"), IsEmpty());
  EXPECT_THAT(parse_acl("{\"unclosed"), IsEmpty());
}

TEST(Arrays, AreReadAndWritten) {
  const std::vector<std::string> values = {"a", "b,c", "d\"e", "f\\g", "", "{h}"};
  EXPECT_EQ(parse_array(array_text(values)), values);
}

}  // namespace
}  // namespace datamesh::postgres

#include <gmock/gmock.h>

#include "tests/mesh/world.hpp"

namespace datamesh::mesh::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kNow = at("2026-06-01T00:00:00Z");

// "sales marketing | sales/orders/orders@1 | marketing/churn | DataProduct/sales/x"
std::string text_of(const Workload& workload) {
  std::string text;
  for (const auto& domain : workload.domains) text += domain.name + " ";
  text += "|";
  for (const auto& port : workload.ports)
    text += " " + port.key.product + "/" + port.key.port + "@" + std::to_string(port.key.major);
  text += " |";
  for (const auto& access : workload.accesses) text += " " + access.subscription.ns + "/" + access.subscription.name;
  text += " |";
  for (const auto& key : workload.held) text += " " + to_string(key);
  return text;
}

TEST(Compile, PutsEachPortOnItsBackend) {
  const World world(kMesh);
  EXPECT_EQ(text_of(compile(world.catalog, "warehouse", kNow)),
            "marketing sales | orders/orders@1 | marketing/churn |");
  EXPECT_EQ(text_of(compile(world.catalog, "events", kNow)), "sales | orders/order-feed@1 orders/order-placed@1 | |");
  EXPECT_EQ(text_of(compile(world.catalog, "nowhere", kNow)), "| | |");
}

TEST(Compile, TranslatesThePortAsItsContractSays) {
  const World world(kMesh);
  const auto workload = compile(world.catalog, "warehouse", kNow);
  ASSERT_EQ(workload.ports.size(), 1u);
  const Port& port = workload.ports[0];
  EXPECT_EQ(urn(port.key), "urn:datamesh:port:sales:orders:orders:v1");
  EXPECT_EQ(to_string(port.owner), "DataProduct/sales/orders");
  EXPECT_EQ(port.type, PortType::Tables);
  EXPECT_TRUE(port.keep);
  EXPECT_FALSE(port.adopt);
  ASSERT_EQ(port.tables.size(), 1u);
  ASSERT_EQ(port.tables[0].columns.size(), 4u);
  EXPECT_EQ(port.tables[0].columns[0], (Column{"order_id", "string", "uuid", true, false, 1, ""}));
  ASSERT_EQ(port.roles.size(), 2u);
  EXPECT_EQ(port.roles[0].name, "orders_pii_reader");
  EXPECT_THAT(port.roles[0].readable.at("orders"), ElementsAre("email", "note", "order_id", "placed_at"));
  EXPECT_THAT(port.roles[1].readable.at("orders"), ElementsAre("note", "order_id", "placed_at"));
}

TEST(Compile, ReadsTheParametersOfATopic) {
  const World world(kMesh);
  const auto workload = compile(world.catalog, "events", kNow);
  const Port& port = workload.ports.at(1);
  EXPECT_EQ(port.retention, std::chrono::hours(7 * 24));
  EXPECT_EQ(port.max_bytes, 1LL << 30);
  EXPECT_EQ(port.replicas, 3);
  ASSERT_EQ(port.roles.size(), 1u);
  EXPECT_EQ(port.roles[0].name, "reader");
}

TEST(Compile, NumbersThePrimaryKeyByItsPositions) {
  World world(kMesh);
  world.change("DataContract/sales/orders-v1",
               "spec: {schema: [{name: orders, properties: [{name: c, primaryKey: true}, {name: b, primaryKey: true, "
               "primaryKeyPosition: 7}, {name: a, primaryKey: true, primaryKeyPosition: 2}, {name: d}]}]}");
  const auto workload = compile(world.catalog, "warehouse", kNow);
  std::map<std::string, int> positions;
  for (const auto& column : workload.ports.at(0).tables.at(0).columns)
    positions[column.name] = column.primary_key_position;
  EXPECT_EQ(positions, (std::map<std::string, int>{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 0}}));
}

TEST(Compile, ListsTheTeamSortedWithWhatItMayWrite) {
  World world(kMesh);
  world.catalog.put_credential(member_principal("sales", "warehouse", "ana"), "v1");
  const auto workload = compile(world.catalog, "warehouse", kNow);
  const auto& members = workload.domains.at(1).members;
  EXPECT_THAT(members, ElementsAre(Member{"ana", true, "v1"}, Member{"bo", true, ""}, Member{"vic", false, ""}));
}

TEST(Compile, GivesADomainWithATeamTheBackendsItChose) {
  World world(kMesh);
  world.change("Domain/finance", "spec: {backends: [warehouse], team: {members: [{username: eve, role: owner}]}}");
  EXPECT_THAT(text_of(compile(world.catalog, "warehouse", kNow)), HasSubstr("finance marketing sales"));
  const auto verdict = evaluate_domain(world.catalog, {"Domain", "", "finance"}, kNow);
  EXPECT_THAT(verdict.backends, ElementsAre("warehouse"));
}

TEST(Compile, IsTheSameInWhateverOrderDeclarationsCome) {
  const World straight(kMesh);
  std::vector<std::pair<ObjectKey, Json>> documents(straight.documents.begin(), straight.documents.end());
  for (int turn = 0; turn < 20; ++turn) {
    std::rotate(documents.begin(), documents.begin() + 1, documents.end());
    if (turn % 2) std::reverse(documents.begin(), documents.end());
    World world;
    for (const auto& [key, document] : documents) world.put(document);
    for (const std::string backend : {"warehouse", "events"}) {
      const auto expected = compile(straight.catalog, backend, kNow), actual = compile(world.catalog, backend, kNow);
      EXPECT_EQ(actual.domains, expected.domains);
      EXPECT_EQ(actual.ports, expected.ports);
      EXPECT_EQ(actual.accesses, expected.accesses);
      EXPECT_EQ(actual.held, expected.held);
    }
  }
}

struct Case {
  std::string_view sentence, object, patch, backend, expected;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.sentence;
}
class CompileTable : public ::testing::TestWithParam<Case> {};
TEST_P(CompileTable, ServesAsTheSentenceSays) {
  World world(kMesh);
  world.change(GetParam().object, GetParam().patch);
  EXPECT_EQ(text_of(compile(world.catalog, std::string(GetParam().backend), kNow)), GetParam().expected);
}
constexpr std::string_view kProduct = "DataProduct/sales/orders";
constexpr std::string_view kDeleted = "metadata: {deletionTimestamp: '2026-05-01T00:00:00Z'}";
constexpr std::string_view kHeld = "marketing sales | | | DataProduct/sales/orders Subscription/marketing/churn";
INSTANTIATE_TEST_SUITE_P(
    Compile, CompileTable,
    ::testing::Values(Case{"a contract that vanished leaves everything as it is", "DataContract/sales/orders-v1", "",
                           "warehouse", kHeld},
                      Case{"a domain that vanished leaves everything as it is", "Domain/sales", "", "warehouse",
                           "marketing | | | DataProduct/sales/orders Subscription/marketing/churn"},
                      Case{"a domain that may no longer use the backend leaves everything as it is", "Domain/sales",
                           "spec: {backends: [events]}", "warehouse", kHeld},
                      Case{"an approval that vanished takes access away", "Approval/sales/churn", "", "warehouse",
                           "sales | orders/orders@1 | |"},
                      Case{"a consumer without domain keeps what it has", "Domain/marketing", "", "warehouse",
                           "sales | orders/orders@1 | | Subscription/marketing/churn"},
                      Case{"a product that goes is absent", kProduct, kDeleted, "warehouse", "| | |"},
                      Case{"a product that went is absent", kProduct, "", "warehouse", "| | |"},
                      Case{"a retired product is absent", kProduct, "spec: {lifecycle: retired}", "warehouse", "| | |"},
                      Case{"a draft is absent", kProduct, "spec: {lifecycle: draft}", "warehouse", "| | |"},
                      Case{"an invalid product stays as it was known", kProduct, "spec: {lifecycle: gone}", "warehouse",
                           "marketing sales | orders/orders@1 | marketing/churn |"},
                      Case{"a paused subscription is served as ever", "Subscription/marketing/churn",
                           "metadata: {annotations: {datamesh.dev/reconcile: paused}}", "warehouse",
                           "marketing sales | orders/orders@1 | marketing/churn |"}));

TEST(Compile, HoldsWhatWasNeverUnderstood) {
  World world(kMesh);
  const Json broken = world.patched(kProduct, "spec: {outputPorts: 7}");
  world.change(kProduct, "");
  const auto dirty = world.put(broken);
  EXPECT_TRUE(dirty.owners.at("warehouse").contains(key_of(kProduct)));
  EXPECT_EQ(text_of(compile(world.catalog, "warehouse", kNow)),
            "| | | DataProduct/sales/orders Domain/marketing Subscription/marketing/churn");
  EXPECT_THAT(world.catalog.invalid(key_of(kProduct)), HasSubstr("spec.outputPorts: 7: must be a list"));
}

TEST(Compile, KeepsAProductWhoseDataWouldGoWhileOtherTeamsRead) {
  World world(kMesh);
  world.change(kProduct,
               "spec: {outputPorts: [{name: orders, version: 1.2.0, type: tables, provisioning: {contractRef: {name: "
               "orders-v1}, "
               "backend: warehouse, deletionPolicy: Delete}}]}");
  world.change(kProduct, kDeleted);
  const auto verdict = evaluate_product(world.catalog, key_of(kProduct), kNow);
  EXPECT_THAT(verdict.blocking, ElementsAre(key_of("Subscription/marketing/churn")));
  EXPECT_EQ(text_of(compile(world.catalog, "warehouse", kNow)),
            "marketing sales | orders/orders@1 | marketing/churn |");

  world.change("Approval/sales/churn", "");
  EXPECT_THAT(evaluate_product(world.catalog, key_of(kProduct), kNow).blocking, IsEmpty());
  EXPECT_EQ(text_of(compile(world.catalog, "warehouse", kNow)), "| | |");
}

TEST(Compile, OfASubscriptionBringsItsDomainAndTheProvidersPort) {
  const World world(kMesh);
  const std::set<ObjectKey> scope{key_of("Subscription/marketing/churn")};
  EXPECT_EQ(text_of(compile(world.catalog, "warehouse", kNow, &scope)),
            "marketing | orders/orders@1 | marketing/churn |");
}

TEST(Compile, OfAProductBringsItAlone) {
  const World world(kMesh);
  const std::set<ObjectKey> scope{key_of(kProduct)};
  EXPECT_EQ(text_of(compile(world.catalog, "warehouse", kNow, &scope)), "| orders/orders@1 | |");
}

struct PortCase {
  std::string_view sentence, port, reason, message;
  bool terminal = false;
};
void PrintTo(const PortCase& one, std::ostream* out) {
  *out << one.sentence;
}
class PortTable : public ::testing::TestWithParam<PortCase> {};
TEST_P(PortTable, StandsAsTheSentenceSays) {
  World world(kMesh);
  world.apply(
      "{apiVersion: datamesh.dev/v1alpha1, kind: Backend, metadata: {name: kafka}, spec: {engine: kafka, managed: "
      "{}}}");
  world.apply(
      "{apiVersion: datamesh.dev/v1alpha1, kind: Backend, metadata: {name: private}, spec: {engine: postgresql, "
      "managed: {}, domains: [finance]}}");
  world.change(kProduct, "spec: {outputPorts: [" + std::string(GetParam().port) + "]}");
  const auto verdict = evaluate_product(world.catalog, key_of(kProduct), kNow);
  ASSERT_EQ(verdict.ports.size(), 1u) << world.catalog.invalid(key_of(kProduct));
  EXPECT_EQ(verdict.ports[0].objection.reason, GetParam().reason) << verdict.ports[0].objection.message;
  EXPECT_THAT(verdict.ports[0].objection.message, HasSubstr(std::string(GetParam().message)));
  EXPECT_EQ(verdict.ports[0].objection.terminal, GetParam().terminal);
  EXPECT_EQ(verdict.ports[0].port.has_value(), GetParam().reason.empty());
}
INSTANTIATE_TEST_SUITE_P(
    Port, PortTable,
    ::testing::Values(
        PortCase{"a port without backend takes the one that fits",
                 "{name: p, version: '1', type: tables, provisioning: {contractRef: {name: orders-v1}}}", "", ""},
        PortCase{"a port finds its contract by id",
                 "{name: p, version: '1', type: tables, contractId: contract-orders}", "", ""},
        PortCase{"a port whose type nothing fits says so",
                 "{name: p, version: '1', type: files, provisioning: {contractRef: {name: orders-v1}}}",
                 "BackendNotFound", "no engine of this version serves it"},
        PortCase{"a backend that is not there",
                 "{name: p, version: '1', type: tables, provisioning: {contractRef: {name: orders-v1}, backend: lake}}",
                 "BackendNotFound", "there is no Backend lake"},
        PortCase{
            "a backend of others",
            "{name: p, version: '1', type: tables, provisioning: {contractRef: {name: orders-v1}, backend: private}}",
            "BackendNotAllowed", "sales may not use the Backend private"},
        PortCase{
            "a backend of another sort",
            "{name: p, version: '1', type: tables, provisioning: {contractRef: {name: orders-v1}, backend: events}}",
            "PortTypeUnsupported", "it is served by memory, postgresql", true},
        PortCase{"an engine that is not built in",
                 "{name: p, version: '1', type: topic, provisioning: {contractRef: {name: placed-v1}, backend: kafka}}",
                 "PortTypeUnsupported", "it is served by memory, nats", true},
        PortCase{
            "a contract that is not there",
            "{name: p, version: '1', type: tables, provisioning: {contractRef: {name: other}, backend: warehouse}}",
            "ContractNotFound", "there is no DataContract other"},
        PortCase{"no contract at all", "{name: p, version: '1', type: tables, provisioning: {backend: warehouse}}",
                 "ContractNotFound", "set provisioning.contractRef.name", true}));

TEST(Port, WithTwoBackendsThatFitAsksForOne) {
  World world(kMesh);
  world.apply(
      "{apiVersion: datamesh.dev/v1alpha1, kind: Backend, metadata: {name: lab}, spec: {engine: memory, managed: {}}}");
  world.change(
      kProduct,
      "spec: {outputPorts: [{name: p, version: '1', type: tables, provisioning: {contractRef: {name: orders-v1}}}]}");
  const auto objection = evaluate_product(world.catalog, key_of(kProduct), kNow).ports.at(0).objection;
  EXPECT_EQ(objection.reason, "BackendAmbiguous");
  EXPECT_THAT(objection.message, HasSubstr("lab, warehouse"));
}

TEST(Port, BelongsToTheFirstWhoClaimedItsName) {
  World world(kMesh);
  world.change("Domain/finance", "spec: {namespaces: [finance]}");
  world.change("Domain/sales", "spec: {namespaces: [sales, sales-eu]}");
  world.apply(R"(
{apiVersion: datamesh.dev/v1alpha1, kind: DataContract, metadata: {name: c, namespace: sales-eu}, spec: {version: '1', schema: [{name: t, properties: [{name: a}]}]}}
---
{apiVersion: datamesh.dev/v1alpha1, kind: DataProduct, metadata: {name: late, namespace: sales-eu}, spec: {outputPorts: [{name: orders, version: '2', type: tables, provisioning: {contractRef: {name: c}, backend: warehouse}}]}}
)");
  const auto late = key_of("DataProduct/sales-eu/late");
  const auto verdict = evaluate_product(world.catalog, late, kNow);
  EXPECT_EQ(verdict.ports.at(0).objection.reason, "PortClaimed");
  EXPECT_THAT(verdict.ports.at(0).objection.message, HasSubstr("DataProduct sales/orders"));

  const auto dirty = world.change(kProduct, "");
  EXPECT_TRUE(dirty.objects.contains(late));
  EXPECT_TRUE(dirty.owners.at("warehouse").contains(late));
  EXPECT_FALSE(evaluate_product(world.catalog, late, kNow).ports.at(0).objection);
}

TEST(Product, SaysWhyItsNamespaceIsNotItsOwn) {
  World world(kMesh);
  world.change(kProduct, "spec: {domain: finance}");
  EXPECT_EQ(evaluate_product(world.catalog, key_of(kProduct), kNow).objection.reason, "NamespaceNotOwned");
  world.change(kProduct, "spec: {domain: null}");
  world.change("Domain/sales", "spec: {quota: {dataProducts: 0}}");
  EXPECT_EQ(evaluate_product(world.catalog, key_of(kProduct), kNow).objection.reason, "QuotaExceeded");
}

TEST(Product, CountsTheSubscriptionsThatHaveAccess) {
  World world(kMesh);
  EXPECT_EQ(evaluate_product(world.catalog, key_of(kProduct), kNow).ports.at(0).subscriptions, 1);
  world.change("Approval/sales/churn", "");
  EXPECT_EQ(evaluate_product(world.catalog, key_of(kProduct), kNow).ports.at(0).subscriptions, 0);
}

TEST(Domain, SharesNoNamespace) {
  World world(kMesh);
  world.apply(
      "{apiVersion: datamesh.dev/v1alpha1, kind: Domain, metadata: {name: second}, spec: {namespaces: [sales, "
      "other]}}");
  const auto verdict = evaluate_domain(world.catalog, {"Domain", "", "second"}, kNow);
  EXPECT_EQ(verdict.objection.reason, "NamespaceTaken");
  EXPECT_THAT(verdict.namespaces, ElementsAre("other"));
  EXPECT_EQ(world.catalog.domain_of_namespace("sales")->metadata.name, "sales");
}

TEST(Domain, IsNotAPartOfItself) {
  World world(kMesh);
  world.change("Domain/sales", "spec: {parent: marketing}");
  world.change("Domain/marketing", "spec: {parent: sales}");
  EXPECT_EQ(evaluate_domain(world.catalog, {"Domain", "", "sales"}, kNow).objection.reason, "ParentCycle");
  world.change("Domain/marketing", "spec: {parent: nowhere}");
  EXPECT_EQ(evaluate_domain(world.catalog, {"Domain", "", "sales"}, kNow).objection.reason, "ParentNotFound");
}

TEST(Catalog, TakesAStatusForAStatus) {
  World world(kMesh);
  const auto dirty = world.change(kProduct, "status: {observedGeneration: 3, conditions: []}");
  EXPECT_THAT(dirty.objects, ElementsAre(key_of(kProduct)));
  EXPECT_THAT(dirty.owners, IsEmpty());
  EXPECT_THAT(dirty.whole, IsEmpty());
}

}  // namespace
}  // namespace datamesh::mesh::testing

// What is refused because of what is stored already: one table, keyed by sentences.

#include <gmock/gmock.h>

#include "tests/mesh/world.hpp"

namespace datamesh::mesh::testing {
namespace {

const WallTime kNow = at("2026-06-01T00:00:00Z");

struct Case {
  std::string_view sentence;
  std::string_view object, patch;                        // "" deletes
  std::string_view path, message;                        // both empty: let through
  std::string_view first_object = "", first_patch = "";  // done before, without asking
  std::string_view user = "";                            // who asks
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.sentence;
}

class AdmitTable : public ::testing::TestWithParam<Case> {};
TEST_P(AdmitTable, AnswersAsTheSentenceSays) {
  const Case& one = GetParam();
  World world(kMesh);
  if (!one.first_object.empty()) world.change(one.first_object, one.first_patch);
  const auto known = world.documents.find(key_of(one.object));
  const Json* before = known == world.documents.end() ? nullptr : &known->second;
  std::optional<Json> after;
  if (before && !one.patch.empty())
    after = world.patched(one.object, one.patch);
  else if (!before)
    after = kube::parse_yaml(one.patch)->front();
  const auto problems = admit(world.catalog, before, after ? &*after : nullptr, kNow, one.user);
  if (one.message.empty()) {
    EXPECT_EQ(api::join(problems), "");
  } else {
    ASSERT_EQ(problems.size(), 1u) << api::join(problems);
    EXPECT_EQ(problems[0].path, one.path);
    EXPECT_THAT(problems[0].message, ::testing::HasSubstr(std::string(one.message)));
  }
}

constexpr std::string_view kContract = "DataContract/sales/orders-v1";
constexpr std::string_view kProduct = "DataProduct/sales/orders";
constexpr std::string_view kColumns =
    "{name: order_id, logicalType: string, physicalType: uuid, primaryKey: true, required: true}, {name: placed_at, "
    "logicalType: "
    "timestamp, required: true}";
const std::string kWithoutNote = "spec: {schema: [{name: orders, properties: [" + std::string(kColumns) +
                                 ", {name: email, logicalType: string, classification: restricted, tags: [pii]}]}]}";
const std::string kWithoutEmail = "spec: {schema: [{name: orders, properties: [" + std::string(kColumns) +
                                  ", {name: note, logicalType: string, classification: public}]}]}";
const std::string kAnother = "spec: {schema: [{name: orders, properties: [" + std::string(kColumns) +
                             ", {name: note, logicalType: string, classification: public}, {name: extra, logicalType: "
                             "string, required: true}]}]}";
const std::string kNoteIsNumber = "spec: {schema: [{name: orders, properties: [" + std::string(kColumns) +
                                  ", {name: note, logicalType: number, classification: public}]}]}";
const std::string kNoteIsSecret = "spec: {schema: [{name: orders, properties: [" + std::string(kColumns) +
                                  ", {name: note, logicalType: string, classification: restricted}]}]}";
constexpr std::string_view kForward = "spec: {provisioning: {compatibility: Forward}}";
constexpr std::string_view kNone = "spec: {provisioning: {compatibility: None}}";
constexpr std::string_view kApproval = "Approval/sales/churn";
constexpr std::string_view kDeletes =
    "spec: {outputPorts: [{name: orders, version: 1.2.0, type: tables, provisioning: {contractRef: {name: orders-v1}, "
    "backend: warehouse, "
    "deletionPolicy: Delete}}]}";

INSTANTIATE_TEST_SUITE_P(
    Admit, AdmitTable,
    ::testing::Values(
        Case{"a column that is read cannot go", kContract, kWithoutNote, "spec.schema",
             "orders.note is removed, which breaks the active subscriptions marketing/churn"},
        Case{"a column that nobody reads can go", kContract, kWithoutEmail, "", ""},
        Case{"without readers any column can go", kContract, kWithoutNote, "", "", kApproval, ""},
        Case{"who asked for no compatibility gets none", kContract, kWithoutNote, "", "", kContract, kNone},
        Case{"a type cannot change under its readers", kContract, kNoteIsNumber,
             "spec.schema[0].properties[2].logicalType", "orders.note changes its type from string to number"},
        Case{"a classification cannot rise above its readers", kContract, kNoteIsSecret,
             "spec.schema[0].properties[2].classification", "orders.note is classified restricted"},
        Case{"a required column can come when readers are protected", kContract, kAnother, "", ""},
        Case{"a required column cannot come when writers are protected", kContract, kAnother,
             "spec.schema[0].properties[3].required", "orders.extra becomes required", kContract, kForward},
        Case{"a role cannot go under its readers", kContract, "spec: {roles: [{role: orders_pii_reader}]}",
             "spec.roles", "the role orders_reader is removed"},
        Case{"a description can change", kContract, "spec: {description: {purpose: Better words.}}", "", ""},
        Case{"a contract that is read by cannot be deleted", kContract, "", "metadata.name", "marketing/churn"},
        Case{"a contract that nobody reads by can be deleted", "DataContract/sales/placed-v1", "", "", ""},
        Case{"a backend in use cannot be deleted", "Backend/warehouse", "", "metadata.name",
             "is used by DataProduct sales/orders"},
        Case{"a backend without users can be deleted", "Backend/warehouse", "", "", "", kProduct, ""},
        Case{"the engine of a backend in use cannot change", "Backend/warehouse", "spec: {engine: memory}",
             "spec.engine", "DataProduct sales/orders"},
        Case{"a domain with products can be deleted: it stays until they are gone", "Domain/sales", "", "", ""},
        Case{"a domain that is empty can be deleted", "Domain/finance", "", "", ""},
        Case{"a domain cannot let go of a namespace in use", "Domain/sales", "spec: {namespaces: [other]}",
             "spec.namespaces", "DataProduct sales/orders"},
        Case{"the id of a product cannot change", kProduct, "spec: {id: fbe8d147-28db-4f1d-bedf-a3fe9f458427}",
             "spec.id", "cannot be changed: it is "},
        Case{"an id that was given cannot be taken away", kContract, "spec: {id: null}", "spec.id",
             "cannot be changed"},
        Case{"a subscription is for one port", "Subscription/marketing/churn",
             "spec: {provider: {outputPort: {name: order-placed}}}", "spec.provider", "a Subscription is for one port"},
        Case{"an approval is about one subscription", kApproval, "spec: {subscriptionRef: {name: other}}",
             "spec.subscriptionRef", "an Approval is about one Subscription"},
        Case{"a port names one contract, not two", kProduct,
             "spec: {outputPorts: [{name: orders, version: 1.2.0, type: tables, contractId: another, provisioning: "
             "{contractRef: {name: orders-v1}, backend: warehouse}}]}",
             "spec.outputPorts[0].contractId", "must be contract-orders, the id of the DataContract orders-v1"},
        Case{"a port may name its contract twice", kProduct,
             "spec: {outputPorts: [{name: orders, version: 1.2.0, type: tables, contractId: contract-orders, "
             "provisioning: {contractRef: {name: orders-v1}, backend: warehouse}}]}",
             "", ""},
        Case{"a product more than the quota is refused", "DataProduct/sales/more",
             "{apiVersion: datamesh.dev/v1alpha1, kind: DataProduct, metadata: {name: more, namespace: sales}, spec: "
             "{}}",
             "metadata.namespace", "the Domain sales may have 1 data products (spec.quota.dataProducts), and has 1",
             "Domain/sales", "spec: {quota: {dataProducts: 1}}"},
        Case{"a product within the quota is let through", "DataProduct/sales/more",
             "{apiVersion: datamesh.dev/v1alpha1, kind: DataProduct, metadata: {name: more, namespace: sales}, spec: "
             "{}}",
             "", "", "Domain/sales", "spec: {quota: {dataProducts: 2}}"},
        Case{"a change under a full quota is let through", kProduct, "spec: {name: Renamed}", "", "", "Domain/sales",
             "spec: {quota: {dataProducts: 1}}"},
        Case{"a subscription more than the quota is refused", "Subscription/marketing/more",
             "{apiVersion: datamesh.dev/v1alpha1, kind: Subscription, metadata: {name: more, namespace: marketing}, "
             "spec: {provider: {dataProductRef: {namespace: sales, name: orders}, outputPort: {name: orders, version: "
             "'1'}}}}",
             "metadata.namespace",
             "the Domain marketing may have 0 subscriptions (spec.quota.subscriptions), and has 1", "Domain/marketing",
             "spec: {quota: {subscriptions: 0}}"},
        Case{"a member approves in no other name", kApproval, "spec: {decision: Rejected}", "spec.approver",
             "must be bo, who asks: a person approves in no other name", "", "", "bo"},
        Case{"a member approves in the own name", kApproval, "spec: {decision: Rejected}", "", "", "", "", "ana"},
        Case{"who is no member passes on what was decided elsewhere", kApproval, "spec: {decision: Rejected}", "", "",
             "", "", "system:serviceaccount:flux-system:kustomize-controller"},
        Case{"a member may take an approval of another away", kApproval, "", "", "", "", "", "bo"},
        Case{"a port cannot move to a backend that does not serve it", kProduct,
             "spec: {outputPorts: [{name: orders, version: 1.2.0, type: tables, provisioning: {contractRef: {name: "
             "orders-v1}, backend: events}}]}",
             "spec.outputPorts[0].provisioning.backend", "does not serve tables"},
        Case{"a port with data to delete cannot go under its readers", kProduct, "spec: {outputPorts: []}",
             "spec.outputPorts", "would be deleted (deletionPolicy Delete) while marketing/churn reads it", kProduct,
             kDeletes},
        Case{"a port whose data is kept can go", kProduct, "spec: {outputPorts: []}", "", ""},
        Case{"a port cannot change to a contract that breaks its readers", kProduct,
             "spec: {outputPorts: [{name: orders, version: 1.2.0, type: tables, provisioning: {contractRef: {name: "
             "placed-v1}, backend: warehouse}}]}",
             "spec.roles", "the role orders_reader is removed"},
        Case{"an approval from outside is refused", "Approval/marketing/self",
             "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: self, namespace: marketing}, spec: "
             "{subscriptionRef: {namespace: marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: "
             "[orders_reader], decision: Approved, approver: me}}",
             "metadata.namespace", "only its provider can approve"},
        Case{"an approval may come before what it approves", "Approval/marketing/early",
             "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: early, namespace: marketing}, spec: "
             "{subscriptionRef: {namespace: x, name: y}, outputPort: {name: orders, version: '1'}, roles: "
             "[orders_reader], decision: Approved, approver: me}}",
             "", ""},
        Case{"a document that is wrong by itself is refused with its path", kProduct, "spec: {lifecycle: gone}",
             "spec.lifecycle", "must be one of proposed, draft, active, deprecated, retired"},
        Case{"a status is nobody's business", kProduct, "status: {observedGeneration: 2}", "", ""},
        Case{"a product may be marked for deletion", kProduct, "metadata: {deletionTimestamp: '2026-05-01T00:00:00Z'}",
             "", ""}));

}  // namespace
}  // namespace datamesh::mesh::testing

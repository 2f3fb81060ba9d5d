// Access = f(subscription, approval, policy, contract, clock): one table, keyed by sentences.

#include <gmock/gmock.h>

#include "tests/mesh/world.hpp"

namespace datamesh::mesh::testing {
namespace {

constexpr std::string_view kNow = "2026-06-01T00:00:00Z";
constexpr std::string_view kChurn = "Subscription/marketing/churn";
constexpr std::string_view kApproval = "Approval/sales/churn";

struct Change {
  std::string_view object, patch;  // as World::change; an object that is not there yet: its document in `patch`
};

struct Case {
  std::string_view sentence;
  std::vector<Change> changes;
  std::string_view phase, reason;  // of `approved`, else of `objection`, else approved_reason
  std::string_view readable;
  std::string_view now = kNow;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.sentence;
}

Json policy(std::string_view name, std::string_view spec) {
  auto parsed = kube::parse_yaml(spec);
  EXPECT_TRUE(parsed) << spec;
  return {{"apiVersion", "datamesh.dev/v1alpha1"},
          {"kind", "Policy"},
          {"metadata", {{"name", name}}},
          {"spec", parsed ? parsed->front() : Json::object()}};
}

void make(World& world, const Change& change) {
  const ObjectKey key = key_of(change.object);
  if (key.kind == "Policy" && !world.documents.contains(key))
    world.put(policy(key.name, change.patch));
  else if (!world.documents.contains(key) && !change.patch.empty())
    world.apply(change.patch);
  else
    world.change(change.object, change.patch);
}

std::string reason_of(const SubscriptionVerdict& verdict) {
  if (verdict.approved) return verdict.approved.reason;
  if (verdict.objection) return verdict.objection.reason;
  return verdict.approved_reason;
}

class AccessTable : public ::testing::TestWithParam<Case> {};

TEST_P(AccessTable, IsGivenAsTheSentenceSays) {
  World world(kMesh);
  for (const Change& change : GetParam().changes) make(world, change);
  const auto verdict = evaluate_subscription(world.catalog, key_of(kChurn), at(GetParam().now));
  EXPECT_EQ(api::to_string(verdict.phase), GetParam().phase);
  EXPECT_EQ(reason_of(verdict), GetParam().reason) << verdict.approved.message << " / " << verdict.objection.message;
  EXPECT_EQ(text_of(verdict.access), GetParam().readable);
}

constexpr std::string_view kOpen = "orders: note order_id placed_at";
constexpr std::string_view kAll = "orders: email note order_id placed_at";
constexpr std::string_view kPiiRole = "spec: {roles: [{role: orders_pii_reader}]}";
constexpr std::string_view kPiiApproval = "spec: {roles: [orders_pii_reader]}";
constexpr std::string_view kSecondLevel =
    "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: churn-2, namespace: sales}, spec: "
    "{subscriptionRef: {namespace: "
    "marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: [orders_reader], decision: Approved, "
    "level: 2, approver: kim}}";
constexpr std::string_view kRejection =
    "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: refusal, namespace: sales}, spec: "
    "{subscriptionRef: {namespace: "
    "marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: [orders_reader], decision: Rejected, "
    "approver: bo}}";

const std::vector<Case> kCases = {
    {"an approved subscription reads what its role may", {}, "Approved", "ApprovedByProvider", kOpen},
    {"without an approval it waits", {{kApproval, ""}}, "Pending", "AwaitingApproval", "-"},
    {"an approval from another namespace counts for nothing",
     {{kApproval, ""},
      {"Approval/marketing/self",
       "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: self, namespace: marketing}, spec: "
       "{subscriptionRef: {namespace: "
       "marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: [orders_reader], decision: Approved, "
       "approver: me}}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"an approval of another port counts for nothing",
     {{kApproval, "spec: {outputPort: {name: order-feed}}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"an approval of another major version counts for nothing",
     {{kApproval, "spec: {outputPort: {version: '2'}}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"an approval of another minor version is the same port",
     {{kApproval, "spec: {outputPort: {version: 1.9.1}}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a subscription that grows needs a new approval",
     {{kChurn, "spec: {roles: [{role: orders_reader}, {role: orders_pii_reader}]}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"an approval that covers more than is asked does not cover exactly that",
     {{kApproval, "spec: {roles: [orders_reader, orders_pii_reader]}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"the order of roles does not matter",
     {{kChurn, "spec: {roles: [{role: orders_reader}, {role: orders_pii_reader}]}"},
      {kApproval, "spec: {roles: [orders_pii_reader, orders_reader]}"}},
     "Approved",
     "ApprovedByProvider",
     kAll},
    {"a role that may read restricted columns does",
     {{kChurn, kPiiRole}, {kApproval, kPiiApproval}},
     "Approved",
     "ApprovedByProvider",
     kAll},
    {"without roles the contract's first is meant",
     {{kChurn, "spec: {roles: null}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a rejection outweighs approvals", {{"Approval/sales/refusal", kRejection}}, "Rejected", "Rejected", "-"},
    {"a rejection that has run out does not count",
     {{"Approval/sales/refusal", kRejection}, {"Approval/sales/refusal", "spec: {until: '2026-05-31T00:00:00Z'}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"an approval that has run out ends access",
     {{kApproval, "spec: {until: '2026-06-01T00:00:00Z'}"}},
     "Expired",
     "ApprovalExpired",
     "-"},
    {"an approval counts until its last moment",
     {{kApproval, "spec: {until: '2026-06-01T00:00:01Z'}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"the end of a subscription ends access",
     {{kChurn, "spec: {endTimestamp: '2026-06-01T00:00:00Z'}"}},
     "Expired",
     "Expired",
     "-"},
    {"access lasts until the last moment before the end",
     {{kChurn, "spec: {endTimestamp: '2026-06-01T00:00:01Z'}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"access does not begin before its beginning",
     {{kChurn, "spec: {startTimestamp: '2026-06-01T00:00:01Z'}"}},
     "Approved",
     "NotStarted",
     "-"},
    {"access begins at its beginning",
     {{kChurn, "spec: {startTimestamp: '2026-06-01T00:00:00Z'}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a subscription that is being deleted loses access",
     {{kChurn, "metadata: {deletionTimestamp: '2026-05-01T00:00:00Z'}"}},
     "Revoked",
     "Deleted",
     "-"},

    {"a policy may let everybody in",
     {{kApproval, ""}, {"Policy/open", "access: {approval: Auto}"}},
     "Approved",
     "ApprovedByPolicy",
     kOpen},
    {"a policy of another domain is not about it",
     {{kApproval, ""}, {"Policy/open", "{match: {domains: [finance]}, access: {approval: Auto}}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"a policy about a tag finds it on a column",
     {{kApproval, ""}, {"Policy/open", "{match: {tags: [pii]}, access: {approval: Auto}}"}},
     "Approved",
     "ApprovedByPolicy",
     kOpen},
    {"a policy about a tag of products does not look at columns",
     {{kApproval, ""}, {"Policy/open", "{match: {kinds: [DataProduct], tags: [pii]}, access: {approval: Auto}}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"a policy about a tag of products finds it",
     {{kApproval, ""},
      {"DataProduct/sales/orders", "spec: {tags: [open]}"},
      {"Policy/open", "{match: {kinds: [DataProduct], tags: [open]}, access: {approval: Auto}}"}},
     "Approved",
     "ApprovedByPolicy",
     kOpen},
    {"a policy that audits changes nothing",
     {{kApproval, ""}, {"Policy/open", "{enforcement: Audit, access: {approval: Auto}}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"a policy that warns changes nothing",
     {{"Policy/no", "{enforcement: Warn, access: {approval: Deny}}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a policy before its time changes nothing",
     {{"Policy/no", "{enforceAfter: '2026-06-01T00:00:01Z', access: {approval: Deny}}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a policy acts from its time on",
     {{"Policy/no", "{enforceAfter: '2026-06-01T00:00:00Z', access: {approval: Deny}}"}},
     "Rejected",
     "DeniedByPolicy",
     "-"},
    {"the strictest policy wins",
     {{"Policy/open", "access: {approval: Auto}"},
      {"Policy/no", "access: {approval: Deny}"},
      {"Policy/ask", "access: {approval: Required}"}},
     "Rejected",
     "DeniedByPolicy",
     "-"},
    {"asking is stricter than letting in",
     {{kApproval, ""}, {"Policy/open", "access: {approval: Auto}"}, {"Policy/ask", "access: {approval: Required}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"an exception takes a product out",
     {{"Policy/no", "{access: {approval: Deny}, exceptions: [{ref: {namespace: sales, name: orders}}]}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"an exception takes a contract out",
     {{"Policy/no",
       "{access: {approval: Deny}, exceptions: [{ref: {namespace: sales, name: orders-v1}, until: "
       "'2026-07-01T00:00:00Z'}]}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"an exception ends",
     {{"Policy/no",
       "{access: {approval: Deny}, exceptions: [{ref: {namespace: sales, name: orders}, until: "
       "'2026-06-01T00:00:00Z'}]}"}},
     "Rejected",
     "DeniedByPolicy",
     "-"},
    {"a policy may ask for two levels",
     {{"Policy/two", "access: {approval: Required, levels: 2}"}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"two levels are enough for two",
     {{"Policy/two", "access: {approval: Required, levels: 2}"}, {"Approval/sales/churn-2", kSecondLevel}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"the second level does not stand for the first",
     {{kApproval, ""}, {"Policy/two", "access: {levels: 2}"}, {"Approval/sales/churn-2", kSecondLevel}},
     "Pending",
     "AwaitingApproval",
     "-"},
    {"a policy limits how long access lasts",
     {{kChurn, "metadata: {creationTimestamp: '2026-01-01T00:00:00Z'}"},
      {kApproval, "metadata: {creationTimestamp: '2026-05-01T00:00:00Z'}"},
      {"Policy/short", "access: {maxDuration: 31d}"}},
     "Expired",
     "Expired",
     "-"},
    {"the time is counted from the latest approval",
     {{kChurn, "metadata: {creationTimestamp: '2026-01-01T00:00:00Z'}"},
      {kApproval, "metadata: {creationTimestamp: '2026-05-01T00:00:01Z'}"},
      {"Policy/short", "access: {maxDuration: 31d}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a policy that cannot be understood lets nobody in unasked",
     {{kApproval, ""}, {"Policy/open", "access: {approval: Auto}"}, {"Policy/broken", "access: {approval: Maybe}"}},
     "Pending",
     "AwaitingApproval",
     "-"},

    {"an obligation hides a column by its tag",
     {{kChurn, kPiiRole}, {kApproval, kPiiApproval}, {"Policy/hide", "obligations: [{match: {tags: [pii]}}]"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"an obligation hides a column by its classification",
     {{"Policy/hide", "obligations: [{match: {classification: [public]}}]"}},
     "Approved",
     "ApprovedByProvider",
     "orders: order_id placed_at"},
    {"an obligation about both needs both",
     {{"Policy/hide", "obligations: [{match: {classification: [public], tags: [pii]}}]"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"an obligation lets the roles through that it names",
     {{kChurn, kPiiRole},
      {kApproval, kPiiApproval},
      {"Policy/hide", "obligations: [{match: {tags: [pii]}, unlessRoles: [orders_pii_reader]}]"}},
     "Approved",
     "ApprovedByProvider",
     kAll},
    {"an obligation that would hash, hides",
     {{kChurn, kPiiRole},
      {kApproval, kPiiApproval},
      {"Policy/hide", "obligations: [{match: {tags: [pii]}, mask: Hash}]"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"an obligation of a policy that audits hides nothing",
     {{"Policy/hide", "{enforcement: Audit, obligations: [{match: {classification: [public]}}]}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},

    {"in its own domain nobody has to ask",
     {{kApproval, ""}, {"Domain/marketing", ""}, {"Domain/sales", "spec: {namespaces: [sales, marketing]}"}},
     "Approved",
     "ApprovedByPolicy",
     kOpen},
    {"in its own domain a rejection counts all the same",
     {{"Approval/sales/refusal", kRejection},
      {"Domain/marketing", ""},
      {"Domain/sales", "spec: {namespaces: [sales, marketing]}"}},
     "Rejected",
     "Rejected",
     "-"},
    {"without a product there is nothing to read", {{"DataProduct/sales/orders", ""}}, "Pending", "Unresolved", "-"},
    {"without the port there is nothing to read",
     {{"DataProduct/sales/orders", "spec: {outputPorts: []}"}},
     "Pending",
     "Unresolved",
     "-"},
    {"a new major version is another port",
     {{kChurn, "spec: {provider: {outputPort: {version: '2'}}}"}},
     "Pending",
     "Unresolved",
     "-"},
    {"without the contract nobody knows what to give",
     {{"DataContract/sales/orders-v1", ""}},
     "Pending",
     "Unresolved",
     "-"},
    {"without the backend there is nowhere to read", {{"Backend/warehouse", ""}}, "Approved", "BackendNotFound", "-"},
    {"without a domain of its own it has no identity", {{"Domain/marketing", ""}}, "Approved", "DomainNotFound", "-"},
    {"without the provider's domain nothing is served", {{"Domain/sales", ""}}, "Approved", "DomainNotFound", "-"},
    {"a role that the contract does not have gives nothing",
     {{kChurn, "spec: {roles: [{role: admin}]}"}, {kApproval, "spec: {roles: [admin]}"}},
     "Approved",
     "RoleNotFound",
     "-"},
    {"a deprecated product still serves",
     {{"DataProduct/sales/orders", "spec: {lifecycle: deprecated}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},
    {"a retired product takes access away",
     {{"DataProduct/sales/orders", "spec: {lifecycle: retired}"}},
     "Revoked",
     "Revoked",
     "-"},
    {"a draft is not served yet",
     {{"DataProduct/sales/orders", "spec: {lifecycle: draft}"}},
     "Approved",
     "DataProductNotServed",
     "-"},
    {"a product on its way out takes access away",
     {{"DataProduct/sales/orders", "metadata: {deletionTimestamp: '2026-05-01T00:00:00Z'}"}},
     "Revoked",
     "Revoked",
     "-"},
    {"a subscription beyond the quota waits",
     {{"Domain/marketing", "spec: {quota: {subscriptions: 0}}"}},
     "Pending",
     "QuotaExceeded",
     "-"},
    {"a subscription within the quota does not",
     {{"Domain/marketing", "spec: {quota: {subscriptions: 1}}"}},
     "Approved",
     "ApprovedByProvider",
     kOpen},

    {"an event with a column the role may not read is refused as a whole",
     {{kChurn, "spec: {provider: {outputPort: {name: order-feed}}}"},
      {kApproval, "spec: {outputPort: {name: order-feed}}"}},
     "Approved",
     "TopicNotMaskable",
     "-"},
    {"an event is given to a role that may read all of it",
     {{kChurn, "spec: {provider: {outputPort: {name: order-feed}}, roles: [{role: orders_pii_reader}]}"},
      {kApproval, "spec: {outputPort: {name: order-feed}, roles: [orders_pii_reader]}"}},
     "Approved",
     "ApprovedByProvider",
     kAll},
    {"an event without anything to hide is given to the default role",
     {{kChurn, "spec: {provider: {outputPort: {name: order-placed}}, roles: null}"},
      {kApproval, "spec: {outputPort: {name: order-placed}, roles: [reader]}"}},
     "Approved",
     "ApprovedByProvider",
     "placed: order_id"},
};
INSTANTIATE_TEST_SUITE_P(Access, AccessTable, ::testing::ValuesIn(kCases));

TEST(Access, RefusedForAnEventNamesTheColumnsAndTheWayOut) {
  World world(kMesh);
  world.change(kChurn, "spec: {provider: {outputPort: {name: order-feed}}}");
  world.change(kApproval, "spec: {outputPort: {name: order-feed}}");
  const auto verdict = evaluate_subscription(world.catalog, key_of(kChurn), at(kNow));
  EXPECT_THAT(verdict.objection.message, ::testing::HasSubstr("orders.email"));
  EXPECT_THAT(verdict.objection.message,
              ::testing::HasSubstr("use a port of type tables, or a role that may read them"));
}

TEST(Access, EndsAtTheEarliestOfAllEnds) {
  World world(kMesh);
  world.change(kChurn, "spec: {endTimestamp: '2026-12-01T00:00:00Z'}");
  world.change(kApproval, "spec: {until: '2026-10-01T00:00:00Z'}");
  auto verdict = evaluate_subscription(world.catalog, key_of(kChurn), at(kNow));
  ASSERT_TRUE(verdict.access);
  EXPECT_EQ(verdict.access->until, at("2026-10-01T00:00:00Z"));
  EXPECT_EQ(verdict.next_change, at("2026-10-01T00:00:00Z"));

  world.put(policy("short", "access: {maxDuration: 200d}"));
  verdict = evaluate_subscription(world.catalog, key_of(kChurn), at(kNow));
  ASSERT_TRUE(verdict.access);
  EXPECT_LT(*verdict.access->until, at("2026-08-01T00:00:00Z"));
}

TEST(Access, SaysWhenTimeAloneWillChangeIt) {
  World world(kMesh);
  world.change(kChurn, "spec: {startTimestamp: '2026-07-01T00:00:00Z'}");
  EXPECT_EQ(evaluate_subscription(world.catalog, key_of(kChurn), at(kNow)).next_change, at("2026-07-01T00:00:00Z"));
  world.put(policy("later", "{enforceAfter: '2026-06-15T00:00:00Z', access: {approval: Deny}}"));
  EXPECT_EQ(evaluate_subscription(world.catalog, key_of(kChurn), at(kNow)).next_change, at("2026-06-15T00:00:00Z"));
}

TEST(Access, CarriesTheCredentialThatIsToBeHonoured) {
  World world(kMesh);
  EXPECT_EQ(evaluate_subscription(world.catalog, key_of(kChurn), at(kNow)).access->credential_version, "");
  const auto dirty = world.catalog.put_credential(key_of(kChurn), "v7");
  EXPECT_TRUE(dirty.owners.at("warehouse").contains(key_of(kChurn)));
  EXPECT_EQ(evaluate_subscription(world.catalog, key_of(kChurn), at(kNow)).access->credential_version, "v7");
  EXPECT_TRUE(world.catalog.put_credential(key_of(kChurn), "v7").objects.empty());
}

TEST(Access, RecordsWhoDecided) {
  World world(kMesh);
  const auto verdict = evaluate_subscription(world.catalog, key_of(kChurn), at(kNow));
  ASSERT_EQ(verdict.approvals.size(), 1u);
  EXPECT_EQ(verdict.approvals[0].approver, "ana");
  EXPECT_EQ(verdict.approvals[0].decision, "Approved");
}

}  // namespace
}  // namespace datamesh::mesh::testing

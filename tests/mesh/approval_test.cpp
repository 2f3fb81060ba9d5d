// Whose approval counts.

#include <gmock/gmock.h>

#include "tests/mesh/world.hpp"

namespace datamesh::mesh::testing {
namespace {

constexpr std::string_view kChurn = "Subscription/marketing/churn";
constexpr std::string_view kApproval = "Approval/sales/churn";
const WallTime kNow = at("2026-06-01T00:00:00Z");

constexpr std::string_view kSecondLevel =
    "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: churn-2, namespace: sales}, spec: "
    "{subscriptionRef: {namespace: "
    "marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: [orders_reader], decision: Approved, "
    "level: 2, approver: kim}}";
constexpr std::string_view kFirstLevelToo =
    "{apiVersion: datamesh.dev/v1alpha1, kind: Approval, metadata: {name: churn-3, namespace: sales}, spec: "
    "{subscriptionRef: {namespace: marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: "
    "[orders_reader], decision: Approved, approver: kim}}";
constexpr std::string_view kTwoLevels =
    "{apiVersion: datamesh.dev/v1alpha1, kind: Policy, metadata: {name: two}, spec: {access: {approval: Required, "
    "levels: "
    "2}}}";

struct Change {
  std::string_view object, patch;  // a document where there is no such object yet
};
struct Case {
  std::string_view sentence;
  std::vector<Change> changes;
  std::string_view phase, reason;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.sentence;
}

class ApproverTable : public ::testing::TestWithParam<Case> {};
TEST_P(ApproverTable, CountsAsTheSentenceSays) {
  World world(kMesh);
  for (const Change& change : GetParam().changes) {
    if (world.documents.contains(key_of(change.object)))
      world.change(change.object, change.patch);
    else
      world.apply(change.patch);
  }
  const auto verdict = evaluate_subscription(world.catalog, key_of(kChurn), kNow);
  EXPECT_EQ(api::to_string(verdict.phase), GetParam().phase);
  EXPECT_EQ(verdict.approved ? verdict.approved.reason : verdict.approved_reason, GetParam().reason)
      << verdict.approved.message;
}

INSTANTIATE_TEST_SUITE_P(
    Approvers, ApproverTable,
    ::testing::Values(
        Case{"one person cannot approve two levels",
             {{"Policy/two", kTwoLevels},
              {"Approval/sales/churn-2", kSecondLevel},
              {"Approval/sales/churn-2", "spec: {approver: ana}"}},
             "Pending",
             "AwaitingApproval"},
        Case{"levels are given to people so that they suffice",
             {{"Policy/two", kTwoLevels},
              {"Domain/sales",
               "spec: {team: {members: [{username: ana, role: owner}, {username: kim, role: steward}]}}"},
              {"Approval/sales/churn-2", kSecondLevel},
              {"Approval/sales/churn-2", "spec: {approver: ana}"},
              {"Approval/sales/churn-3", kFirstLevelToo}},
             "Approved",
             "ApprovedByProvider"},
        Case{"a developer cannot approve", {{kApproval, "spec: {approver: bo}"}}, "Pending", "AwaitingApproval"},
        Case{"a steward can",
             {{"Domain/sales", "spec: {team: {members: [{username: bo, role: steward}]}}"},
              {kApproval, "spec: {approver: bo}"}},
             "Approved",
             "ApprovedByProvider"},
        Case{"who leaves the team takes the approval along",
             {{"Domain/sales", "spec: {team: {members: [{username: eve, role: owner}]}}"}},
             "Pending",
             "AwaitingApproval"},
        Case{"whom the contract names for the level can approve it",
             {{kApproval, "spec: {approver: sales-data}"}},
             "Approved",
             "ApprovedByProvider"},
        Case{"whom the contract names for another level cannot",
             {{kApproval, "spec: {approver: kim}"}},
             "Pending",
             "AwaitingApproval"},
        Case{"where nobody is declared to decide, whoever may write approvals decides",
             {{"Domain/sales", "spec: {team: {members: [{username: bo, role: developer}]}}"},
              {kApproval, "spec: {approver: bo}"}},
             "Approved",
             "ApprovedByProvider"},
        Case{"a developer's no is a no",
             {{kApproval, "spec: {decision: Rejected, approver: bo}"}},
             "Rejected",
             "Rejected"}));

struct ApprovalCase {
  std::string_view sentence, patch, reason;
};
void PrintTo(const ApprovalCase& one, std::ostream* out) {
  *out << one.sentence;
}

class ApprovalTable : public ::testing::TestWithParam<ApprovalCase> {};
TEST_P(ApprovalTable, CountsAsTheSentenceSays) {
  World world(kMesh);
  if (!GetParam().patch.empty()) world.change(kApproval, GetParam().patch);
  EXPECT_EQ(evaluate_approval(world.catalog, key_of(kApproval), kNow).applied.reason, GetParam().reason);
}
INSTANTIATE_TEST_SUITE_P(
    Approval, ApprovalTable,
    ::testing::Values(
        ApprovalCase{"one that covers what is asked counts", "", ""},
        ApprovalCase{"one about nothing waits", "spec: {subscriptionRef: {name: other}}", "SubscriptionNotFound"},
        ApprovalCase{"one of other roles does not cover", "spec: {roles: [orders_pii_reader]}", "DoesNotCover"},
        ApprovalCase{"one of another port does not cover", "spec: {outputPort: {name: order-feed}}", "DoesNotCover"},
        ApprovalCase{"one by a developer does not count", "spec: {approver: bo}", "NotEntitled"},
        ApprovalCase{"one that ran out does not count", "spec: {until: '2026-05-01T00:00:00Z'}", "Expired"}));

}  // namespace
}  // namespace datamesh::mesh::testing

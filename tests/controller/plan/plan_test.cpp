#include "controller/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/plan/toy_driver.hpp"

namespace datamesh::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const ObjectKey orders{"DataProduct", "sales", "orders"};
const ObjectKey clicks{"DataProduct", "web", "clicks"};
const ResourceId table{"table", "orders"};

// One line of diff()'s table: what is wanted, what is there, what comes out.
struct Row {
  const char* sentence;
  std::optional<Wanted<ToySpec>> want;
  std::optional<Found<ToySpec>> have;
  bool is_unseen = false, is_owner_held = false;
  std::optional<Verb> verb = {};
  HoldReason why = HoldReason::None;
  Verb intent = Verb::Hold;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table_of_rows = {
      {.sentence = "declared and absent: create", .want = {{{"a"}, orders}}, .have = {}, .verb = Verb::Create},
      {.sentence = "equal and ours: nothing", .want = {{{"a"}, orders}}, .have = {{{"a"}, orders}}},
      {.sentence = "different and ours: update",
       .want = {{{"b"}, orders}},
       .have = {{{"a"}, orders}},
       .verb = Verb::Update},
      {.sentence = "equal, but the mark says another deletion: update",
       .want = {{.spec = {"a"}, .owner = orders, .keep = true}},
       .have = {{{"a"}, orders}},
       .verb = Verb::Update},
      {.sentence = "kept from an earlier declaration: update",
       .want = {{{"a"}, orders}},
       .have = {{.spec = {"a"}, .owner = orders, .retained = true}},
       .verb = Verb::Update},
      {.sentence = "not marked, adoption asked for: update",
       .want = {{.spec = {"a"}, .owner = orders, .adopt = true}},
       .have = {{.spec = {"a"}, .owner = {}}},
       .verb = Verb::Update},
      {.sentence = "not marked: hold, even when equal",
       .want = {{{"a"}, orders}},
       .have = {{.spec = {"a"}, .owner = {}}},
       .verb = Verb::Hold,
       .why = HoldReason::NotOurs,
       .intent = Verb::Update},
      {.sentence = "marked as another's: hold, even when adoption is asked for",
       .want = {{.spec = {"a"}, .owner = orders, .adopt = true}},
       .have = {{{"a"}, clicks}},
       .verb = Verb::Hold,
       .why = HoldReason::OwnedByOther,
       .intent = Verb::Update},
      {.sentence = "absent, but its kind was not observed: hold",
       .want = {{{"a"}, orders}},
       .have = {},
       .is_unseen = true,
       .verb = Verb::Hold,
       .why = HoldReason::Unseen,
       .intent = Verb::Create},
      {.sentence = "no longer declared: delete", .want = {}, .have = {{{"a"}, orders}}, .verb = Verb::Delete},
      {.sentence = "no longer declared, to be kept: release",
       .want = {},
       .have = {{.spec = {"a"}, .owner = orders, .keep = true}},
       .verb = Verb::Release},
      {.sentence = "kept already: nothing",
       .want = {},
       .have = {{.spec = {"a"}, .owner = orders, .keep = true, .retained = true}}},
      {.sentence = "its declaration cannot be understood: hold",
       .want = {},
       .have = {{{"a"}, orders}},
       .is_owner_held = true,
       .verb = Verb::Hold,
       .why = HoldReason::OwnerInvalid,
       .intent = Verb::Delete},
      {.sentence = "not ours and not declared: nothing", .want = {}, .have = {{.spec = {"a"}, .owner = {}}}},
  };
  return table_of_rows;
}

TEST(Diff, FollowsItsTable) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.sentence);
    Desired<ToySpec> desired;
    Observed<ToySpec> observed;
    if (row.want) desired.resources.emplace(table, *row.want);
    if (row.have) observed.resources.emplace(table, *row.have);
    if (row.is_unseen) observed.unseen.insert(table.kind);
    if (row.is_owner_held) desired.held.insert(orders);
    const Plan<ToySpec> plan = diff(desired, observed);
    if (!row.verb) {
      EXPECT_THAT(plan, IsEmpty());
      continue;
    }
    ASSERT_THAT(plan, SizeIs(1));
    EXPECT_EQ(plan[0].verb, *row.verb);
    EXPECT_EQ(plan[0].hold_reason, row.why);
    EXPECT_EQ(plan[0].intent, row.intent);
    EXPECT_EQ(plan[0].id, table);
    EXPECT_FALSE(plan[0].reason.empty());
    EXPECT_EQ(plan[0].before.has_value(), row.have.has_value());
    EXPECT_EQ(plan[0].after.has_value(), row.want.has_value());
  }
}

TEST(Order, BuildsUpByRankThenTearsDownInReverse) {
  Desired<ToySpec> desired;
  desired.resources[{"grant", "new"}] = {{"", true}, orders};
  desired.resources[{"table", "new"}] = {{"", false}, orders};
  Observed<ToySpec> observed;
  observed.resources[{"grant", "old"}] = {{"", true}, orders};
  observed.resources[{"table", "old"}] = {{"", false}, orders};
  std::vector<std::string> lines;
  for (const auto& change : order(diff(desired, observed), ToyDriver::rank)) {
    lines.push_back(std::string(to_string(change.verb)) + " " + change.id.kind);
  }
  EXPECT_THAT(lines, ::testing::ElementsAre("create table", "create grant", "delete grant", "delete table"));
}

// A plan that deletes a table of each of so many products, and as many grants.
Plan<ToySpec> deletes_of(int products) {
  Observed<ToySpec> observed;
  for (int i = 0; i < products; ++i) {
    const ObjectKey owner{"DataProduct", "sales", "p" + std::to_string(i)};
    observed.resources[{"table", owner.name}] = {{"", false}, owner};
    observed.resources[{"table", owner.name + "_2"}] = {{"", false}, owner};
    observed.resources[{"grant", owner.name}] = {{"", true}, owner};
  }
  return diff({}, observed);
}

std::map<HoldReason, int> count_by_reason(const Plan<ToySpec>& plan) {
  std::map<HoldReason, int> counts;
  for (const auto& change : plan) ++counts[change.hold_reason];
  return counts;
}

TEST(Guard, LetsAsManyDeclarationsLoseDataAsTheLimitSays) {
  const auto plan = guard(deletes_of(5), Guard{.deletes_max = 5}, ToyDriver::holds_data);
  EXPECT_EQ(count_by_reason(plan), (std::map<HoldReason, int>{{HoldReason::None, 15}}));
}

TEST(Guard, HoldsEveryLossOfDataWhenThereAreTooMany) {
  const auto plan = guard(deletes_of(6), Guard{.deletes_max = 5}, ToyDriver::holds_data);
  EXPECT_EQ(count_by_reason(plan),
            (std::map<HoldReason, int>{{HoldReason::None, 6}, {HoldReason::TooManyDeletes, 12}}));
  for (const auto& change : plan) {
    EXPECT_EQ(change.verb, change.id.kind == "grant" ? Verb::Delete : Verb::Hold)
        << "access is taken away all the same";
  }
}

TEST(Guard, HoldsEverythingWhenWritesAreOffAndSaysWhatItWouldDo) {
  for (const auto& change : guard(deletes_of(1), Guard{.writes = false}, ToyDriver::holds_data)) {
    EXPECT_EQ(change.verb, Verb::Hold);
    EXPECT_EQ(change.intent, Verb::Delete);
    EXPECT_EQ(change.hold_reason, HoldReason::WritesOff);
    EXPECT_EQ(change.reason, "no longer declared");
  }
}

TEST(Guard, HoldsWhatIsPausedOnlyObservedOrResting) {
  Guard rule;
  rule.paused = {{"DataProduct", "sales", "p0"}};
  rule.observed = {{"DataProduct", "sales", "p1"}};
  rule.resting = {{"table", "p2"}};
  const auto plan = guard(deletes_of(3), rule, ToyDriver::holds_data);
  EXPECT_EQ(
      count_by_reason(plan),
      (std::map<HoldReason, int>{
          {HoldReason::None, 2}, {HoldReason::Paused, 3}, {HoldReason::WritesOff, 3}, {HoldReason::BackingOff, 1}}));
}

TEST(Guard, LeavesHoldsAsTheyAre) {
  Desired<ToySpec> desired;
  desired.held = {orders};
  Observed<ToySpec> observed;
  observed.resources[table] = {{"a"}, orders};
  const auto plan = diff(desired, observed);
  EXPECT_EQ(guard(plan, Guard{.writes = false, .paused = {orders}}, ToyDriver::holds_data), plan);
}

// A table and a grant of each of so many new products; p0 to p(existing - 1) have their table already.
struct Crowd {
  Desired<ToySpec> desired;
  Observed<ToySpec> observed;

  Crowd(int products, int existing) {
    for (int i = 0; i < products; ++i) {
      const ObjectKey owner{"DataProduct", "sales", "p" + std::to_string(i)};
      desired.resources[{"table", owner.name}] = {{"", false}, owner};
      desired.resources[{"grant", owner.name}] = {{"", true}, owner};
      if (i < existing) observed.resources[{"table", owner.name}] = {{"", false}, owner};
    }
  }
  Plan<ToySpec> plan() const { return order(diff(desired, observed), ToyDriver::rank); }
};

TEST(Crowd, LetsAsManyNewcomersInAsThereIsRoomFor) {
  const Crowd six(6, 0);
  EXPECT_THAT(crowd(six.plan(), six.observed, 6), IsEmpty());
  const auto waiting = crowd(six.plan(), six.observed, 4);
  EXPECT_THAT(waiting, SizeIs(2));
  const auto plan = wait_for_turn(six.plan(), waiting);
  EXPECT_EQ(count_by_reason(plan), (std::map<HoldReason, int>{{HoldReason::None, 8}, {HoldReason::Waiting, 4}}));
  for (const auto& change : plan) {
    EXPECT_EQ(change.verb == Verb::Hold, waiting.contains(change.owner)) << "all of a newcomer, or nothing of it";
  }
}

TEST(Crowd, NeverMakesThoseWaitWhoHaveSomethingAlready) {
  const Crowd six(6, 3);
  const auto waiting = crowd(six.plan(), six.observed, 1);
  EXPECT_THAT(waiting, SizeIs(2));
  for (const char* name : {"p0", "p1", "p2"}) EXPECT_FALSE(waiting.contains({"DataProduct", "sales", name}));
}

TEST(Crowd, NeverHoldsUpWhatIsTakenAway) {
  Crowd six(6, 0);
  six.observed.resources[{"grant", "old"}] = {{"", true}, clicks};
  const auto plan = wait_for_turn(six.plan(), crowd(six.plan(), six.observed, 0));
  EXPECT_EQ(count_by_reason(plan), (std::map<HoldReason, int>{{HoldReason::None, 1}, {HoldReason::Waiting, 12}}));
  for (const auto& change : plan) EXPECT_EQ(change.verb == Verb::Delete, change.owner == clicks);
}

TEST(Crowd, DoesNotCountWhatIsHeldAnyway) {
  const Crowd six(6, 0);
  Guard rule;
  for (int i = 0; i < 4; ++i) rule.paused.insert({"DataProduct", "sales", "p" + std::to_string(i)});
  const auto plan = guard(six.plan(), rule, ToyDriver::holds_data);
  EXPECT_THAT(crowd(plan, six.observed, 2), IsEmpty());
}

TEST(Words, AreThoseOfMetricsAndConditions) {
  EXPECT_EQ(to_string(Verb::Release), "release");
  EXPECT_EQ(to_string(HoldReason::TooManyDeletes), "TooManyDeletes");
  EXPECT_EQ(to_string(HoldReason::Waiting), "Waiting");
  EXPECT_EQ(to_string(HoldReason::None), "");
}

}  // namespace
}  // namespace datamesh::test

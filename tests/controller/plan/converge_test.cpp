#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/plan/toy_driver.hpp"
#include "tests/testing/fake_clock.hpp"

namespace datamesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const ObjectKey orders{"DataProduct", "sales", "orders"};
const ObjectKey clicks{"DataProduct", "web", "clicks"};
const ResourceId table{"table", "orders"}, grant{"grant", "orders"}, other{"table", "clicks"};

class Converge : public ::testing::Test {
 protected:
  Converge() {
    desired.resources[table] = {{"v1"}, orders};
    desired.resources[grant] = {{"v1", true}, orders};
  }

  Pass pass(const Guard& rule = {}, Scope scope = Scope::everything()) {
    return converge(driver, desired, std::move(scope), rule, clock, {});
  }

  ToyDriver driver;
  Desired<ToySpec> desired;
  FakeClock clock;
};

TEST_F(Converge, BuildsWhatIsDeclaredAndLooksAgain) {
  const Pass first = pass();
  EXPECT_FALSE(first.error);
  EXPECT_THAT(driver.written, ElementsAre(table, grant));
  EXPECT_THAT(first.steps, SizeIs(2));
  EXPECT_THAT(first.steps[0].statements, ElementsAre("create orders"));
  EXPECT_THAT(first.remaining, IsEmpty());
  EXPECT_EQ(first.observed, 2U);
  EXPECT_EQ(driver.looks, 2);
}

TEST_F(Converge, WritesNothingAndLooksOnceWhenAllIsWell) {
  pass();
  driver.looks = 0;
  const Pass second = pass();
  EXPECT_THAT(second.steps, IsEmpty());
  EXPECT_FALSE(second.wrote());
  EXPECT_EQ(driver.looks, 1);
}

TEST_F(Converge, RepairsWhatSomebodyChanged) {
  pass();
  driver.target[table].spec.text = "changed by hand";
  driver.target.erase(grant);
  pass();
  EXPECT_EQ(driver.target[table].spec.text, "v1");
  EXPECT_TRUE(driver.target.contains(grant));
}

TEST_F(Converge, ReportsAFailureAndGoesOnWithTheRest) {
  driver.broken = {table};
  const Pass failed = pass();
  EXPECT_THAT(driver.written, ElementsAre(grant));
  ASSERT_THAT(failed.remaining, SizeIs(1));
  EXPECT_EQ(failed.remaining[0].id, table);
  EXPECT_EQ(failed.remaining[0].error, (Error{Code::Unavailable, "toy: refused"})) << "the reason is carried over";
  driver.broken = {};
  EXPECT_THAT(pass().remaining, IsEmpty());
}

TEST_F(Converge, KnowsNothingWhenItCouldNotLook) {
  driver.is_down = true;
  const Pass blind = pass();
  ASSERT_TRUE(blind.error);
  EXPECT_EQ(blind.error->code, Code::Unavailable);
  EXPECT_THAT(blind.steps, IsEmpty());
}

TEST_F(Converge, ClaimsNothingWhenTheSecondLookFails) {
  driver.dies_after = 1;
  const Pass half = pass();
  ASSERT_TRUE(half.error);
  EXPECT_EQ(half.error->message, "after writing: toy: down");
  EXPECT_THAT(half.steps, SizeIs(2));
  EXPECT_FALSE(half.steps[0].error);
  EXPECT_TRUE(half.steps[1].error);
}

TEST_F(Converge, TakesUnseenForUnknownNotForAbsent) {
  driver.hidden = {"table"};
  const Pass partly = pass();
  EXPECT_THAT(driver.written, ElementsAre(grant));
  EXPECT_EQ(partly.unseen, std::set<std::string>{"table"});
  ASSERT_THAT(partly.remaining, SizeIs(1));
  EXPECT_EQ(partly.remaining[0].hold_reason, HoldReason::Unseen);
}

TEST_F(Converge, ShowsADryRunAsWhatRemains) {
  const Pass dry = pass(Guard{.writes = false});
  EXPECT_THAT(driver.written, IsEmpty());
  EXPECT_EQ(driver.looks, 1);
  ASSERT_THAT(dry.remaining, SizeIs(2));
  EXPECT_EQ(dry.remaining[0].intent, Verb::Create);
  EXPECT_THAT(dry.remaining[0].statements, ElementsAre("create orders"));
}

TEST_F(Converge, ServesACrowdOfNewcomersPassByPass) {
  desired.resources.clear();
  for (int i = 0; i < 5; ++i) {
    const std::string name = "p" + std::to_string(i);
    desired.resources[{"table", name}] = {{"v1"}, {"DataProduct", "sales", name}};
    desired.resources[{"grant", name}] = {{"v1", true}, {"DataProduct", "sales", name}};
  }
  for (const std::size_t left : {3U, 1U, 0U}) {
    const Pass some = pass(Guard{.newcomers_max = 2});
    ASSERT_THAT(some.remaining, SizeIs(2 * left)) << "a table and a grant of each that waits";
    for (const Step& step : some.remaining) {
      EXPECT_EQ(step.hold_reason, HoldReason::Waiting);
      EXPECT_EQ(step.intent, Verb::Create);
    }
  }
  EXPECT_THAT(driver.target, SizeIs(10));
}

TEST_F(Converge, TellsAFailedNewcomerFromOneThatWaits) {
  desired.resources[other] = {{"v1"}, clicks};
  driver.broken = {other};
  const Pass failed = pass(Guard{.newcomers_max = 1});
  ASSERT_THAT(failed.remaining, SizeIs(3));
  for (const Step& step : failed.remaining) {
    EXPECT_EQ(step.error.has_value(), step.owner == clicks);
    EXPECT_EQ(step.hold_reason, step.owner == clicks ? HoldReason::None : HoldReason::Waiting);
  }
}

TEST_F(Converge, LetsGoOfWhatIsToBeKept) {
  desired.resources[table].keep = true;
  pass();
  desired.resources.clear();
  const Pass released = pass();
  ASSERT_TRUE(driver.target.contains(table));
  EXPECT_TRUE(driver.target[table].retained);
  EXPECT_FALSE(driver.target.contains(grant));
  EXPECT_EQ(released.retained, 1U);
  EXPECT_THAT(released.retained_ids, ElementsAre(table));
  EXPECT_THAT(pass().steps, IsEmpty());
}

TEST_F(Converge, LeavesWhatLiesOutsideOfItsScope) {
  driver.target[other] = {{"old"}, clicks};
  driver.target[{"table", "forgotten"}] = {{"old"}, orders};
  const Pass scoped = pass({}, Scope::of({orders}));
  EXPECT_TRUE(driver.target.contains(other)) << "another's, and no wish for it was computed";
  EXPECT_FALSE(driver.target.contains(ResourceId{"table", "forgotten"})) << "ours, and no longer declared";
  EXPECT_THAT(scoped.owned.at(orders), ElementsAre(grant, table));
  EXPECT_TRUE(scoped.scope.ids.contains(table)) << "what is wanted is looked for by name too";
}

TEST_F(Converge, SeesAForeignThingOfAWantedNameInAScopedLook) {
  driver.target[table] = {{"theirs"}, {}};
  const Pass scoped = pass({}, Scope::of({orders}));
  EXPECT_EQ(driver.target[table].spec.text, "theirs");
  ASSERT_THAT(scoped.remaining, SizeIs(1));
  EXPECT_EQ(scoped.remaining[0].hold_reason, HoldReason::NotOurs);
  EXPECT_EQ(scoped.foreign, 1U);
}

TEST_F(Converge, BuildsNothingOnAThingThatIsNotOurs) {
  desired.resources[grant].spec.on = "orders";
  driver.target[table] = {{"theirs"}, {}};
  for (const Scope& scope : {Scope::everything(), Scope::of({orders}), Scope::of({clicks})}) {
    // The third look is for another declaration, which gives access to a thing of the first.
    if (scope.owners.contains(clicks)) {
      desired.resources.erase(table);
      desired.resources[grant].owner = clicks;
    }
    const Pass held = pass({}, scope);
    EXPECT_FALSE(driver.target.contains(grant));
    for (const auto& step : held.remaining) EXPECT_EQ(step.hold_reason, HoldReason::NotOurs) << step.id.name;
    EXPECT_EQ(held.remaining.size(), desired.resources.size());
  }
}

TEST_F(Converge, BuildsOnWhatItAdopts) {
  desired.resources[grant].spec.on = "orders";
  desired.resources[table].adopt = true;
  driver.target[table] = {{"theirs"}, {}};
  EXPECT_THAT(pass().remaining, IsEmpty());
  EXPECT_TRUE(driver.target.contains(grant));
}

TEST_F(Converge, CountsWhatItSaw) {
  driver.target[other] = {{"x"}, {}};
  const Pass counted = pass();
  EXPECT_EQ(counted.observed, 2U);
  EXPECT_EQ(counted.foreign, 1U);
  EXPECT_EQ(counted.resources, (std::map<std::string, std::size_t>{{"grant", 1}, {"table", 1}}));
}

}  // namespace
}  // namespace datamesh::test

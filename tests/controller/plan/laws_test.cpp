// The laws of a pass, for any wishes, any target and any faults (docs/architecture.md).
// Every run draws a new seed and prints it on failure; DATAMESH_SEED repeats one.

#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "tests/controller/plan/toy_driver.hpp"
#include "tests/testing/fake_clock.hpp"

namespace datamesh::test {
namespace {

constexpr unsigned worlds = 1000;

// A random situation: few names, so that wishes and things meet often.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    for (int i = 0; i < 8; ++i) {
      if (chance(70)) driver.target.insert_or_assign(id(), found());
    }
    for (int i = 0; i < 8; ++i) {
      if (chance(70)) desired.resources.insert_or_assign(id(), wanted());
    }
    // A declaration that cannot be understood wishes for nothing.
    if (chance(30)) {
      const ObjectKey held = owner();
      std::erase_if(desired.resources, [&](const auto& item) { return item.second.owner == held; });
      desired.held.insert(held);
    }
    for (auto& [id, want] : desired.resources) want.spec.is_grant = id.kind == "grant";
    for (auto& [id, have] : driver.target) have.spec.is_grant = id.kind == "grant";
    rule.deletes_max = static_cast<std::size_t>(number(3));
    if (chance(20)) rule.paused.insert(owner());
    if (chance(20)) rule.observed.insert(owner());
    if (chance(20)) rule.resting.insert(id());
  }

  void add_faults() {
    while (chance(50)) driver.broken.insert(id());
    if (chance(20)) driver.hidden.insert(chance(50) ? "table" : "grant");
    if (chance(20)) driver.dies_after = number(4);
  }
  void stop_faults() {
    driver.broken.clear();
    driver.hidden.clear();
    driver.is_down = false;
    driver.dies_after = -1;
  }

  Pass pass(const Guard& guard) {
    driver.written.clear();
    return converge(driver, desired, Scope::everything(), guard, FakeClock(), {});
  }

  ToyDriver driver;
  Desired<ToySpec> desired;
  Guard rule;

 private:
  int number(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  bool chance(int percent) { return number(100) < percent; }
  std::string word() { return std::string(1, static_cast<char>('a' + number(4))); }
  ResourceId id() { return {chance(50) ? "table" : "grant", word()}; }
  ObjectKey owner() { return {"DataProduct", "sales", word()}; }
  Wanted<ToySpec> wanted() { return {{word()}, owner(), chance(20), chance(20)}; }
  Found<ToySpec> found() {
    Found<ToySpec> have{{word()}, owner(), chance(30), false};
    if (have.keep) have.retained = chance(50);
    if (chance(25)) have = {{word()}, {}, false, false};
    return have;
  }

  std::mt19937 random_;
};

unsigned draw_seed() {
  const char* fixed = std::getenv("DATAMESH_SEED");
  return fixed ? static_cast<unsigned>(std::strtoul(fixed, nullptr, 10)) : std::random_device{}();
}

template <class Check>
void in_many_worlds(Check check) {
  const unsigned first = draw_seed();
  for (unsigned i = 0; i < worlds && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("DATAMESH_SEED=" + std::to_string(first + i));
    World world(first + i);
    check(world);
  }
}

std::set<ResourceId> written_by(const World& world) {
  return {world.driver.written.begin(), world.driver.written.end()};
}

TEST(Laws, APlanNamesAThingOnceAndNothingThatIsFine) {
  in_many_worlds([](World& world) {
    const Observed<ToySpec> observed{{world.driver.target.begin(), world.driver.target.end()}, {}};
    std::set<ResourceId> named;
    for (const auto& change : diff(world.desired, observed)) {
      EXPECT_TRUE(named.insert(change.id).second) << change.id.name;
      EXPECT_TRUE(change.before || change.after);
      EXPECT_EQ(change.verb == Verb::Hold, change.hold_reason != HoldReason::None);
    }
    for (const auto& [id, want] : world.desired.resources) {
      if (named.contains(id)) continue;
      ASSERT_TRUE(observed.resources.contains(id)) << "neither there nor planned";
      EXPECT_EQ(observed.resources.at(id), (Found<ToySpec>{want.spec, want.owner, want.keep, false}));
    }
  });
}

TEST(Laws, OrderKeepsEveryChangeAndGuardKeepsTheirNumber) {
  in_many_worlds([](World& world) {
    const auto plan =
        diff(world.desired, Observed<ToySpec>{{world.driver.target.begin(), world.driver.target.end()}, {}});
    const auto ordered = order(plan, ToyDriver::rank);
    EXPECT_TRUE(std::is_permutation(plan.begin(), plan.end(), ordered.begin(), ordered.end()));
    const auto guarded = guard(ordered, world.rule, ToyDriver::holds_data);
    ASSERT_EQ(guarded.size(), ordered.size());
    for (std::size_t i = 0; i < guarded.size(); ++i) {
      EXPECT_EQ(guarded[i].id, ordered[i].id);
      EXPECT_TRUE(guarded[i].verb == ordered[i].verb || guarded[i].verb == Verb::Hold) << "guard only ever holds";
      if (guarded[i].verb == ordered[i].verb) continue;
      EXPECT_EQ(guarded[i].intent, ordered[i].verb);
    }
  });
}

TEST(Laws, StableOneCleanPassConvergesAndTheNextPlansNothing) {
  in_many_worlds([](World& world) {
    world.rule = Guard{};
    world.add_faults();
    world.pass(world.rule);
    world.stop_faults();
    const Pass clean = world.pass(world.rule);
    ASSERT_FALSE(clean.error);
    for (const auto& step : clean.remaining) EXPECT_EQ(step.verb, Verb::Hold) << step.id.name << ": " << step.reason;
    EXPECT_FALSE(world.pass(world.rule).wrote());
    for (const auto& [id, want] : world.desired.resources) {
      const auto& have = world.driver.target.at(id);
      if (have.owner != want.owner) continue;
      EXPECT_EQ(have, (Found<ToySpec>{want.spec, want.owner, want.keep, false}));
    }
  });
}

TEST(Laws, ForeignThingsStayAsTheyAreUnlessAdopted) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    world.add_faults();
    world.pass(Guard{});
    for (const auto& [id, have] : before) {
      const auto want = world.desired.resources.find(id);
      const bool is_adopted = want != world.desired.resources.end() && want->second.adopt;
      if (have.owner || is_adopted) continue;
      ASSERT_TRUE(world.driver.target.contains(id));
      EXPECT_EQ(world.driver.target.at(id), have);
    }
  });
}

TEST(Laws, NobodyTakesWhatBelongsToAnother) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    world.pass(Guard{});
    for (const auto& [id, want] : world.desired.resources) {
      const auto had = before.find(id);
      if (had == before.end() || !had->second.owner || had->second.owner == want.owner) continue;
      EXPECT_EQ(world.driver.target.at(id), had->second);
    }
  });
}

TEST(Laws, WhatAnInvalidDeclarationOwnsSurvives) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    world.add_faults();
    world.pass(Guard{});
    for (const auto& [id, have] : before) {
      if (!have.owner || !world.desired.held.contains(*have.owner) || world.desired.resources.contains(id)) continue;
      ASSERT_TRUE(world.driver.target.contains(id));
      EXPECT_EQ(world.driver.target.at(id), have);
    }
  });
}

TEST(Laws, ADryRunWritesNothingAndSaysWhatAWetOneDoes) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    Guard dry_rule = world.rule;
    dry_rule.writes = false;
    const Pass dry = world.pass(dry_rule);
    EXPECT_EQ(world.driver.target, before);
    EXPECT_TRUE(world.driver.written.empty());
    EXPECT_FALSE(dry.wrote());
    const Pass wet = world.pass(world.rule);
    ASSERT_EQ(dry.steps.size(), wet.steps.size());
    for (std::size_t i = 0; i < wet.steps.size(); ++i) {
      EXPECT_EQ(dry.steps[i].id, wet.steps[i].id);
      EXPECT_EQ(dry.steps[i].intent, wet.steps[i].intent);
      EXPECT_EQ(dry.steps[i].statements, wet.steps[i].statements);
    }
  });
}

TEST(Laws, PruneTakesJustOursAndGrantsBeforeTables) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    world.desired = {};
    world.pass(Guard{});
    bool has_seen_table = false;
    for (const auto& id : world.driver.written) {
      ASSERT_TRUE(before.at(id).owner);
      EXPECT_FALSE(has_seen_table && id.kind == "grant" && !before.at(id).keep) << "a grant after a table";
      has_seen_table = has_seen_table || id.kind == "table";
    }
    for (const auto& [id, have] : world.driver.target) EXPECT_TRUE(!have.owner || have.retained);
  });
}

TEST(Laws, HonestEveryFailureIsReportedAndStopsNothingElse) {
  in_many_worlds([](World& world) {
    World twin = world;
    world.driver.broken = {{"table", "a"}, {"grant", "b"}};
    const Pass faulty = world.pass(Guard{});
    twin.pass(Guard{});
    for (const auto& step : faulty.steps) {
      if (step.verb == Verb::Hold) continue;
      EXPECT_EQ(step.error.has_value(), world.driver.broken.contains(step.id)) << step.id.name;
    }
    auto expected = written_by(twin);
    for (const auto& id : world.driver.broken) expected.erase(id);
    EXPECT_EQ(written_by(world), expected);
  });
}

TEST(Laws, NoMoreDeclarationsLoseDataThanTheLimitSays) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    const Pass pass = world.pass(world.rule);
    std::set<ObjectKey> losers;
    for (const auto& [id, have] : before) {
      if (id.kind == "table" && !world.driver.target.contains(id)) losers.insert(*have.owner);
    }
    EXPECT_LE(losers.size(), world.rule.deletes_max);
    for (const auto& step : pass.steps) {
      EXPECT_FALSE(step.id.kind == "grant" && step.hold_reason == HoldReason::TooManyDeletes);
    }
  });
}

TEST(Laws, WhatIsPausedObservedOrRestingIsNotWritten) {
  in_many_worlds([](World& world) {
    const Pass pass = world.pass(world.rule);
    const auto written = written_by(world);
    for (const auto& step : pass.steps) {
      const bool is_off = world.rule.paused.contains(step.owner) || world.rule.observed.contains(step.owner) ||
                          world.rule.resting.contains(step.id);
      EXPECT_FALSE(is_off && written.contains(step.id)) << step.id.name;
    }
  });
}

TEST(Laws, AScopedPassDecidesAsAFullOneWithinItsScope) {
  in_many_worlds([](World& world) {
    const auto before = world.driver.target;
    World full = world;
    full.pass(Guard{});
    const ObjectKey owner{"DataProduct", "sales", "a"};
    std::erase_if(world.desired.resources, [&](const auto& item) { return item.second.owner != owner; });
    converge(world.driver, world.desired, Scope::of({owner}), Guard{}, FakeClock(), {});
    for (const auto& [id, have] : before) {
      if (have.owner == owner || world.desired.resources.contains(id)) continue;
      EXPECT_EQ(world.driver.target.at(id), have) << "outside of the scope";
    }
    for (const auto& [id, want] : world.desired.resources) {
      EXPECT_EQ(world.driver.target.at(id), full.driver.target.at(id));
    }
  });
}

}  // namespace
}  // namespace datamesh::test

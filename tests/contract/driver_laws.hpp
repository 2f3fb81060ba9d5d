#pragma once
// The laws of a driver, as one typed suite: stable, foreign, held, dry, prune, honest, repairs. Every driver runs it,
// on its real server; the memory driver runs it with faults at every operation.
//
// A driver's test gives a fixture:
//
//   struct Fixture {                                  // default constructible; a fresh, empty server each
//     using Driver = ...;
//     static constexpr mesh::PortType type = ...;     // the type of port to declare
//     static constexpr int rounds = ...;              // random workloads to walk through
//     Driver& driver();
//     const Clock& clock();
//     // A credential the driver will accept for the principal; the same version until asked with another `turn`.
//     std::string credential(const ObjectKey& principal, const mesh::Port* port, const std::string& domain, int turn);
//     std::string snapshot();       // everything on the server that a driver could change, as text
//     void put_foreign();           // an unmarked thing that no workload names
//     bool break_something();       // damages one managed thing behind the driver's back; false: nothing there yet
//     void fail_one_in(int n);      // n > 0: operations fail now and then; 0: never. Real servers may do nothing.
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DriverLaws, ::testing::Types<Fixture>);

#include <algorithm>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "controller/plan/driver.hpp"
#include "mesh/workload.hpp"
#include "tests/contract/seed.hpp"

namespace datamesh::laws {

// A small mesh: up to three domains, four ports, six subscriptions, members that come and go. Everything a workload can
// vary does vary, but a port once made keeps its columns (a contract only grows).
template <class Fixture>
mesh::Workload random_workload(Fixture& fixture, std::mt19937& random) {
  const auto chance = [&](unsigned one_in) { return random() % one_in == 0; };
  mesh::Workload workload{.backend = "laws", .domains = {}, .ports = {}, .accesses = {}, .held = {}};
  const std::vector<std::string> domains = {"finance", "marketing", "sales"};
  for (const auto& name : domains) {
    mesh::DomainUse domain{.owner = {"Domain", "", name}, .name = name, .members = {}};
    for (const std::string user : {"ana@retail.example", "bo@retail.example"}) {
      if (chance(3)) continue;
      domain.members.push_back(
          {user, chance(2), fixture.credential({"Member", name, user}, nullptr, name, static_cast<int>(random() % 2))});
    }
    workload.domains.push_back(std::move(domain));
  }
  for (int i = 0; i < 4; ++i) {
    if (chance(4)) continue;
    const std::string name = "p" + std::to_string(i), domain = domains[static_cast<std::size_t>(i) % domains.size()];
    mesh::Port port{.key = {domain, name, name, 1}, .owner = {"DataProduct", domain, name}};
    port.type = Fixture::type;
    port.version = "1.0.0";
    mesh::Table table{.name = "orders", .columns = {}, .description = {}};
    table.columns.push_back({.name = "id",
                             .logical_type = "integer",
                             .physical_type = {},
                             .required = true,
                             .unique = false,
                             .primary_key_position = 1,
                             .description = {}});
    table.columns.push_back({.name = "email",
                             .logical_type = "string",
                             .physical_type = {},
                             .required = false,
                             .unique = false,
                             .primary_key_position = 0,
                             .description = {}});
    port.tables.push_back(std::move(table));
    port.roles.push_back({"pii", {{"orders", {"email", "id"}}}});
    port.roles.push_back({"reader", {{"orders", {"id"}}}});
    port.keep = i % 2 == 0;
    workload.ports.push_back(std::move(port));
  }
  std::ranges::sort(workload.ports, {}, &mesh::Port::key);
  for (int i = 0; i < 6; ++i) {
    if (workload.ports.empty() || chance(3)) continue;
    const mesh::Port& port = workload.ports[random() % workload.ports.size()];
    mesh::Access access{.subscription = {"Subscription", domains[random() % 3], "s" + std::to_string(i)},
                        .port = port.key};
    access.consumer_domain = access.subscription.ns;
    const bool pii = Fixture::type == mesh::PortType::Topic || chance(2);
    access.roles = {pii ? "pii" : "reader"};
    access.readable = {{"orders", pii ? std::set<std::string>{"email", "id"} : std::set<std::string>{"id"}}};
    access.credential_version =
        fixture.credential(access.subscription, &port, access.consumer_domain, static_cast<int>(random() % 2));
    workload.accesses.push_back(std::move(access));
  }
  std::ranges::sort(workload.accesses, {}, &mesh::Access::subscription);
  workload.accesses.erase(std::unique(workload.accesses.begin(), workload.accesses.end(),
                                      [](const auto& a, const auto& b) { return a.subscription == b.subscription; }),
                          workload.accesses.end());
  return workload;
}

inline std::string describe(const std::vector<Step>& steps) {
  std::string text;
  for (const auto& step : steps) {
    text += "\n  " + std::string(to_string(step.verb)) + " " + step.id.kind + " " + step.id.name + ": " + step.reason;
    if (step.error) text += " -> " + step.error->message;
  }
  return text;
}

}  // namespace datamesh::laws

namespace datamesh {

template <class Fixture>
class DriverLaws : public ::testing::Test {
 protected:
  Pass pass(const mesh::Workload& workload, const Guard& guard = {}) {
    return converge(fixture.driver(), fixture.driver().desired(workload), Scope::everything(), guard, fixture.clock(),
                    {});
  }
  Fixture fixture;
};
TYPED_TEST_SUITE_P(DriverLaws);

TYPED_TEST_P(DriverLaws, OnceWishesStopOnePassConvergesAndTheNextPlansNothing) {
  std::mt19937 random(laws::seed());
  for (int round = 0; round < TypeParam::rounds; ++round) {
    const auto workload = laws::random_workload(this->fixture, random);
    this->fixture.fail_one_in(4);
    for (int i = 0; i < 3; ++i) (void)this->pass(workload);
    this->fixture.fail_one_in(0);
    const Pass last = this->pass(workload);
    ASSERT_FALSE(last.error) << last.error->message;
    EXPECT_TRUE(last.remaining.empty()) << "round " << round << laws::describe(last.remaining);
    const std::string before = this->fixture.snapshot();
    const Pass again = this->pass(workload);
    ASSERT_FALSE(again.error) << again.error->message;
    EXPECT_TRUE(again.steps.empty()) << "round " << round << laws::describe(again.steps);
    EXPECT_EQ(before, this->fixture.snapshot());
    if (this->HasFailure()) return;
  }
}

TYPED_TEST_P(DriverLaws, WhatIsNotOursIsNeverTouched) {
  std::mt19937 random(laws::seed());
  this->fixture.put_foreign();
  const std::string foreign = this->fixture.snapshot();
  for (int round = 0; round < 2; ++round) {
    const auto workload = laws::random_workload(this->fixture, random);
    ASSERT_FALSE(this->pass(workload).error);
  }
  mesh::Workload empty{.backend = "laws", .domains = {}, .ports = {}, .accesses = {}, .held = {}};
  // Everything may go, so that what stays is what was there before.
  for (int round = 0; round < 2; ++round) {
    const Pass pass = this->pass(empty);
    ASSERT_FALSE(pass.error) << pass.error->message;
    for (const auto& step : pass.steps) EXPECT_FALSE(step.error) << laws::describe({step});
  }
  const Pass pass = this->pass(empty);
  EXPECT_GE(pass.foreign, 1U);
  EXPECT_TRUE(pass.steps.empty()) << laws::describe(pass.steps);
}

TYPED_TEST_P(DriverLaws, WhatAHeldDeclarationOwnsStays) {
  std::mt19937 random(laws::seed() + 1);
  mesh::Workload workload;
  while (workload.ports.empty()) workload = laws::random_workload(this->fixture, random);
  ASSERT_FALSE(this->pass(workload).error);
  const ObjectKey held = workload.ports.front().owner;
  mesh::Workload later = workload;
  later.held.insert(held);
  std::erase_if(later.ports, [&](const mesh::Port& port) { return port.owner == held; });
  std::erase_if(later.accesses, [&](const mesh::Access& access) { return access.port == workload.ports.front().key; });
  const Pass pass = this->pass(later);
  ASSERT_FALSE(pass.error);
  EXPECT_TRUE(pass.owned.contains(held));
  for (const auto& step : pass.steps) {
    if (step.owner == held) EXPECT_EQ(step.verb, Verb::Hold) << laws::describe({step});
  }
}

TYPED_TEST_P(DriverLaws, ADryPassWritesNothingAndSaysEverything) {
  std::mt19937 random(laws::seed() + 2);
  mesh::Workload workload;
  while (workload.ports.empty() || workload.accesses.empty()) workload = laws::random_workload(this->fixture, random);
  const std::string before = this->fixture.snapshot();
  const Pass pass = this->pass(workload, Guard{.writes = false});
  ASSERT_FALSE(pass.error);
  EXPECT_EQ(before, this->fixture.snapshot());
  EXPECT_FALSE(pass.steps.empty());
  for (const auto& step : pass.steps) {
    EXPECT_EQ(step.verb, Verb::Hold);
    EXPECT_FALSE(step.statements.empty()) << laws::describe({step});
  }
}

TYPED_TEST_P(DriverLaws, PruningTakesJustOursAndKeepsWhatIsRetained) {
  std::mt19937 random(laws::seed() + 3);
  mesh::Workload workload;
  while (workload.ports.size() < 3) workload = laws::random_workload(this->fixture, random);
  ASSERT_FALSE(this->pass(workload).error);
  mesh::Workload empty{.backend = "laws", .domains = {}, .ports = {}, .accesses = {}, .held = {}};
  (void)this->pass(empty);
  const Pass pass = this->pass(empty);
  ASSERT_FALSE(pass.error);
  EXPECT_TRUE(pass.steps.empty()) << laws::describe(pass.steps);
  EXPECT_EQ(pass.observed, pass.retained) << "something of ours is left that nobody retained";
  EXPECT_GT(pass.retained, 0U);
}

TYPED_TEST_P(DriverLaws, DamageIsSeenAndRepaired) {
  std::mt19937 random(laws::seed() + 4);
  mesh::Workload workload;
  while (workload.ports.size() < 2 || workload.accesses.empty())
    workload = laws::random_workload(this->fixture, random);
  ASSERT_FALSE(this->pass(workload).error);
  ASSERT_TRUE(this->fixture.break_something());
  const Pass seen = this->pass(workload, Guard{.writes = false});
  EXPECT_FALSE(seen.steps.empty());
  const Pass repaired = this->pass(workload);
  EXPECT_TRUE(repaired.remaining.empty()) << laws::describe(repaired.remaining);
}

TYPED_TEST_P(DriverLaws, AScopedPassDoesWhatAWholeOneDoesForItsOwners) {
  std::mt19937 random(laws::seed() + 5);
  mesh::Workload workload;
  while (workload.ports.size() < 2 || workload.accesses.empty())
    workload = laws::random_workload(this->fixture, random);
  // Everything the first subscription needs, as compile() would restrict it.
  const mesh::Access access = workload.accesses.front();
  mesh::Workload scoped = workload;
  std::erase_if(scoped.ports, [&](const mesh::Port& port) { return port.key != access.port; });
  std::erase_if(scoped.accesses, [&](const mesh::Access& other) { return other.port != access.port; });
  std::set<ObjectKey> owners = {access.subscription, scoped.ports.front().owner};
  for (const auto& domain : scoped.domains) owners.insert(domain.owner);
  for (const auto& other : scoped.accesses) owners.insert(other.subscription);
  const Pass pass = converge(this->fixture.driver(), this->fixture.driver().desired(scoped), Scope::of(owners), Guard{},
                             this->fixture.clock(), {});
  ASSERT_FALSE(pass.error) << pass.error->message;
  EXPECT_TRUE(pass.remaining.empty()) << laws::describe(pass.remaining);
  // The whole look finds nothing left to do for them.
  const Pass whole = this->pass(workload, Guard{.writes = false});
  for (const auto& step : whole.steps) {
    if (owners.contains(step.owner) && step.owner.kind != "Domain") ADD_FAILURE() << laws::describe({step});
  }
}

REGISTER_TYPED_TEST_SUITE_P(DriverLaws, OnceWishesStopOnePassConvergesAndTheNextPlansNothing,
                            WhatIsNotOursIsNeverTouched, WhatAHeldDeclarationOwnsStays,
                            ADryPassWritesNothingAndSaysEverything, PruningTakesJustOursAndKeepsWhatIsRetained,
                            DamageIsSeenAndRepaired, AScopedPassDoesWhatAWholeOneDoesForItsOwners);

}  // namespace datamesh

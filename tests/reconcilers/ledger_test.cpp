#include "reconcilers/backend/ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datamesh {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

ObjectKey product(const std::string& ns, int number) {
  return {"DataProduct", ns, "p" + std::to_string(number)};
}

TEST(Things, GiveBackWhatTheyWereMadeOf) {
  const std::vector<ResourceId> ids{{"schema", "sales__orders_v1"}, {"table", ""}, {"grant", "a \"b\" to c"}};
  EXPECT_EQ(Things(ids).ids(), ids);
  EXPECT_EQ(Things(ids).size(), 3U);
  EXPECT_THAT(Things().ids(), IsEmpty());
}

TEST(Ledger, CountsWhatIsManagedAsItComesAndGoes) {
  BackendLedger ledger;
  const ObjectKey one = product("sales", 1), two = product("sales", 2);
  Pass all;
  all.owned = {{one, {{"table", "a"}, {"table", "b"}}}, {two, {{"table", "c"}}}};
  all.retained_ids = {{"table", "c"}};
  ledger.settle(ledger.begin({}, true, 9), all, {}, {}, 0);
  EXPECT_EQ(ledger.managed, 3U);
  EXPECT_FALSE(ledger.gone(one));
  EXPECT_TRUE(ledger.gone(two)) << "what is left of it is retained";
  ledger.due = {one};
  Pass scoped;
  scoped.owned = {{one, {{"table", "a"}}}, {two, {{"table", "c"}}}};
  ledger.settle(ledger.begin({}, false, 9), scoped, {}, {}, 0);
  EXPECT_EQ(ledger.managed, 2U);
  EXPECT_EQ(ledger.owned.at(one).ids(), (std::vector<ResourceId>{{"table", "a"}}));
}

class Crowd : public ::testing::Test {
 protected:
  Crowd() { ledger.looked = ledger.whole_due = true; }

  // Sees of each owner that was asked for one thing, but of those that wait none.
  std::set<ObjectKey> settle(const BackendLedger::Work& work, const std::set<ObjectKey>& waiting = {}) {
    Pass pass;
    for (const auto& owner : work.owners) {
      if (waiting.contains(owner)) {
        pass.remaining.push_back(
            {Verb::Hold, Verb::Create, {"table", owner.name}, owner, HoldReason::Waiting, "its turn comes"});
      } else {
        pass.owned[owner] = {{"table", owner.ns + owner.name}};
      }
    }
    return ledger.settle(work, pass, {}, now, 0);
  }
  void look_at_everything() { settle(ledger.begin(now, true, 3)); }

  BackendLedger ledger;
  Steady now{};
};

TEST_F(Crowd, IsTakenInParts) {
  look_at_everything();
  for (int i = 0; i < 7; ++i) ledger.due.insert(product("sales", i));
  std::set<ObjectKey> served;
  for (const std::size_t taken : {3U, 3U, 1U}) {
    const auto work = ledger.begin(now, false, 3);
    EXPECT_THAT(work.owners, SizeIs(taken));
    for (const auto& owner : ledger.due) EXPECT_EQ(ledger.standing(owner), Standing::Working);
    EXPECT_EQ(settle(work), work.owners) << "told are those that were looked at, no others";
    served.insert(work.owners.begin(), work.owners.end());
  }
  EXPECT_THAT(served, SizeIs(7));
  EXPECT_THAT(ledger.due, IsEmpty());
}

TEST_F(Crowd, DoesNotHoldUpWhatExistsNorDomains) {
  look_at_everything();
  ledger.due = {product("web", 1)};
  settle(ledger.begin(now, false, 3));
  const ObjectKey domain{"Domain", "", "sales"};
  ledger.due = {product("web", 1), domain};
  for (int i = 0; i < 7; ++i) ledger.due.insert(product("sales", i));
  const auto work = ledger.begin(now, false, 3);
  EXPECT_THAT(work.owners, SizeIs(5));
  EXPECT_TRUE(work.owners.contains(product("web", 1)));
  EXPECT_TRUE(work.owners.contains(domain));
}

TEST_F(Crowd, LetsASmallTeamGoBeforeALargeOneAndProductsBeforeTheirReaders) {
  look_at_everything();
  const ObjectKey reader{"Subscription", "web", "reads"};
  ledger.due = {product("web", 1), reader};
  for (int i = 0; i < 7; ++i) ledger.due.insert(product("sales", i));
  const auto work = ledger.begin(now, false, 3);
  EXPECT_TRUE(work.owners.contains(product("web", 1)));
  EXPECT_FALSE(work.owners.contains(reader));
}

TEST_F(Crowd, OfALookAtEverythingIsDueAgainAndNoFinding) {
  for (int i = 0; i < 3; ++i) ledger.due.insert(product("sales", i));
  const auto work = ledger.begin(now, true, 1);
  EXPECT_THAT(work.owners, SizeIs(3)) << "a look at everything covers everybody";
  const std::set<ObjectKey> waiting{product("sales", 1), product("sales", 2)};
  EXPECT_THAT(settle(work, waiting), ::testing::ElementsAre(product("sales", 0)));
  EXPECT_EQ(ledger.due, waiting);
  EXPECT_THAT(ledger.findings, IsEmpty());
  EXPECT_EQ(ledger.standing(product("sales", 0)), Standing::Settled);
  EXPECT_EQ(ledger.standing(product("sales", 1)), Standing::Working);
}

}  // namespace
}  // namespace datamesh

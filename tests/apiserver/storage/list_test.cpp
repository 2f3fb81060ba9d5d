// Lists at every version, limit, match and place: against a model that remembers everything.

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "apiserver/storage/index.hpp"
#include "tests/apiserver/storage/store_fixture.hpp"
#include "tests/testing/fake_clock.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::apiserver::storage {
namespace {

ListOptions of_pods() {
  ListOptions options;
  options.resource = pods;
  return options;
}

struct Scene {
  std::unique_ptr<Store> store = open_store();
  Rv start = store->current_rv();
  Rv a1 = create(*store, pod("a"));
  Rv b1 = create(*store, pod("b"));
  Rv c1 = create(*store, pod("c"));
  Rv other = create(*store, {"/nodes", "", "n"});
  Rv b2 = replace(*store, pod("b"), "2");
  Rv a_gone = remove(*store, pod("a"));
  Rv d1 = create(*store, pod("d", "other"));
};

TEST(List, MatrixOfVersionAndMatch) {
  const Scene s;  // versions: start 1, a 2, b 3, c 4, (other 5), b 6, a gone 7, d 8
  ASSERT_EQ(s.d1, 8u);
  struct Case {
    const char* name;
    std::optional<Rv> rv;
    RvMatch match;
    std::size_t limit;
    const char* items;
    Rv list_rv;
  };
  const auto unset = RvMatch::Unset, exact = RvMatch::Exact, not_older = RvMatch::NotOlderThan;
  const Case cases[] = {
      {"unset", {}, unset, 0, "b6 c4 d8", 8},
      {"unset, limit", {}, unset, 2, "b6 c4", 8},
      {"0", 0, unset, 0, "b6 c4 d8", 8},
      {"0, not older than", 0, not_older, 0, "b6 c4 d8", 8},
      {"first write", 2, unset, 0, "b6 c4 d8", 8},
      {"first write, not older than", 2, not_older, 0, "b6 c4 d8", 8},
      {"first write, limit (legacy exact)", 2, unset, 5, "a2", 2},
      {"first write, exact", 2, exact, 0, "a2", 2},
      {"before the first write, exact", 1, exact, 0, "", 1},
      {"second write, exact", 3, exact, 0, "a2 b3", 3},
      {"second write, exact, limit", 3, exact, 1, "a2", 3},
      {"third write, exact", 4, exact, 0, "a2 b3 c4", 4},
      {"a write of another resource, exact", 5, exact, 0, "a2 b3 c4", 5},
      {"a replacement, exact", 6, exact, 0, "a2 b6 c4", 6},
      {"a removal, exact", 7, exact, 0, "b6 c4", 7},
      {"the last, exact", 8, exact, 0, "b6 c4 d8", 8},
      {"the last, not older than", 8, not_older, 0, "b6 c4 d8", 8},
      {"the last, not older than, limit", 8, not_older, 1, "b6", 8},
  };
  for (const auto& c : cases) {
    auto options = of_pods();
    options.rv = c.rv;
    options.rv_match = c.match;
    options.limit = c.limit;
    const auto list = s.store->list(options);
    EXPECT_EQ(shown(list), c.items) << c.name;
    if (list) {
      EXPECT_EQ(list->rv, c.list_rv) << c.name;
    }
  }
}

TEST(List, OfOneNamespace) {
  const Scene s;
  auto options = of_pods();
  options.ns = "default";
  EXPECT_EQ(shown(s.store->list(options)), "b6 c4");
  options.ns = "other";
  EXPECT_EQ(shown(s.store->list(options)), "d8");
  options.ns = "othe";  // a beginning of a name is not the name
  EXPECT_EQ(shown(s.store->list(options)), "");
  options.ns = "default";
  options.rv = s.c1;
  options.rv_match = RvMatch::Exact;
  EXPECT_EQ(shown(s.store->list(options)), "a2 b3 c4");
  options.resource = "/nothing";
  EXPECT_EQ(shown(s.store->list(options)), "");
}

TEST(List, RemainingIsKnownOnlyWithoutSelectors) {
  const auto store = open_store();
  for (const char* name : {"a", "b", "c", "d", "e"}) create(*store, pod(name));
  auto options = of_pods();
  options.limit = 2;
  auto list = store->list(options);
  EXPECT_EQ(list->remaining, 3u);
  options.continue_token = list->continue_token;
  list = store->list(options);
  EXPECT_EQ(list->remaining, 1u);
  options.continue_token = list->continue_token;
  list = store->list(options);
  EXPECT_EQ(list->remaining, std::nullopt);
  EXPECT_TRUE(list->continue_token.empty());

  options.continue_token.clear();
  options.match = [](const Record& record) { return record.name() != "b"; };
  list = store->list(options);
  EXPECT_EQ(shown(list), "a2 c4");
  EXPECT_EQ(list->remaining, std::nullopt);
  EXPECT_FALSE(list->continue_token.empty());
}

// RunTestListPaginationRareObject: what matches is far behind, and the page ends exactly with it.
TEST(List, ARareMatchIsFoundInOnePage) {
  const auto store = open_store();
  for (int i = 0; i < 200; ++i) create(*store, pod("pod-" + std::to_string(1000 + i)));
  auto options = of_pods();
  options.limit = 1;
  options.match = [](const Record& record) { return record.name() == "pod-1199"; };
  const auto list = store->list(options);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->items.size(), 1u);
  EXPECT_TRUE(list->continue_token.empty()) << "there is no more that matches";
}

// Random writes; then pages of every size, at every version, give what the model says.
TEST(List, PagesOfEveryMomentMatchTheModel) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto store = open_store();
  using State = std::map<Place, Rv>;
  std::map<Rv, State> model{{store->current_rv(), {}}};
  for (int i = 0; i < 300; ++i) {
    const Key key = pod(std::string(1, static_cast<char>('a' + random() % 12)), random() % 2 ? "x" : "y");
    State state = model.rbegin()->second;
    const Place place{key.ns, key.name};
    Rv rv = 0;
    if (!state.contains(place)) {
      rv = create(*store, key, std::to_string(i));
      state[place] = rv;
    } else if (random() % 3 == 0) {
      rv = remove(*store, key);
      state.erase(place);
    } else {
      rv = replace(*store, key, std::to_string(i));
      state[place] = rv;
    }
    model[rv] = state;
  }
  for (const auto& [rv, state] : model) {
    for (const std::string ns : {"", "x"}) {
      auto options = of_pods();
      options.ns = ns;
      options.rv = rv;
      options.rv_match = RvMatch::Exact;
      options.limit = random() % 8;
      State seen;
      while (true) {
        const auto list = store->list(options);
        ASSERT_TRUE(list) << list.failure().message;
        EXPECT_EQ(list->rv, rv);
        for (const auto& record : list->items)
          ASSERT_TRUE(seen.emplace(Place{record->ns(), std::string(record->name())}, record->rv()).second);
        const auto all = std::count_if(state.begin(), state.end(),
                                       [&](const auto& item) { return ns.empty() || item.first.first == ns; });
        const std::size_t left = static_cast<std::size_t>(all) - seen.size();
        EXPECT_EQ(list->remaining, left > 0 ? std::optional(left) : std::nullopt);
        if (list->continue_token.empty()) break;
        ASSERT_EQ(list->items.size(), options.limit);
        options.rv.reset();
        options.rv_match = RvMatch::Unset;
        options.continue_token = list->continue_token;
      }
      State expected;
      for (const auto& [place, at] : state) {
        if (ns.empty() || place.first == ns) expected[place] = at;
      }
      EXPECT_EQ(seen, expected) << "version " << rv << " namespace " << ns;
    }
  }
}

// The objects move in pairs, in one transaction: every page set shows as many left as right ones.
TEST(List, PagesAreOneMomentWhileOthersWrite) {
  const auto store = open_store();
  for (int i = 0; i < 40; ++i) {
    create(*store, pod("l" + std::to_string(i)), "0");
    create(*store, pod("r" + std::to_string(i)), "0");
  }
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string number = std::to_string(i % 40);
      const std::string l = "l" + number, r = "r" + number;
      if (store->find(pod(l))) {
        ASSERT_TRUE(store->write_all({Write::remove(pod(l)), Write::remove(pod(r))}));
      } else {
        ASSERT_TRUE(store->write_all({Write::create(draft(pod(l))), Write::create(draft(pod(r)))}));
      }
    }
  });
  for (int round = 0; round < 60; ++round) {
    auto options = of_pods();
    options.limit = 7;
    int left = 0, right = 0;
    Rv rv = 0;
    do {
      const auto list = store->list(options);
      ASSERT_TRUE(list) << list.failure().message;
      if (rv == 0) rv = list->rv;
      EXPECT_EQ(list->rv, rv);
      for (const auto& record : list->items) (record->name()[0] == 'l' ? left : right) += 1;
      options.continue_token = list->continue_token;
    } while (!options.continue_token.empty());
    // A pair has two versions, so that a moment may lie between them.
    EXPECT_LE(std::abs(left - right), 1);
  }
  stop = true;
  writer.join();
}

// RunTestListInconsistentContinuation and RunTestCompactRevision.
TEST(List, BeyondTheHistoryThePagesGoOnOnlyInconsistently) {
  const auto store = open_store();
  for (const char* name : {"a", "b", "c", "d"}) create(*store, pod(name));
  auto options = of_pods();
  options.limit = 1;
  const auto first = store->list(options);
  EXPECT_EQ(shown(first), "a2");
  const Rv moved = replace(*store, pod("b"), "2");
  remove(*store, pod("c"));
  ASSERT_EQ(*store->compact(moved), moved);

  options.continue_token = first->continue_token;
  const auto gone = store->list(options);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.failure().reason, Reason::Expired);
  ASSERT_FALSE(gone.failure().continue_token.empty());
  EXPECT_NE(gone.failure().message.find("inconsistent list"), std::string::npos);

  options.continue_token = gone.failure().continue_token;
  const auto second = store->list(options);
  EXPECT_EQ(shown(second), "b" + std::to_string(moved));
  EXPECT_EQ(second->rv, store->current_rv());
  options.continue_token = second->continue_token;
  EXPECT_EQ(shown(store->list(options)), "d5") << "consistent again from there";

  auto exact = of_pods();
  exact.rv = moved - 1;
  exact.rv_match = RvMatch::Exact;
  const auto old = store->list(exact);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.failure().reason, Reason::Expired);
  EXPECT_TRUE(old.failure().continue_token.empty());
  exact.rv = moved;
  EXPECT_TRUE(store->list(exact)) << "the version compacted at is still there";
}

TEST(List, HistoryEndsWithItsAge) {
  test::FakeClock clock;
  Options options;
  options.clock = &clock;
  options.history.age = std::chrono::minutes(5);
  options.tick = std::chrono::milliseconds(20);
  const auto store = open_store(options);
  const Rv first = create(*store, pod("a"));
  clock.advance(std::chrono::minutes(4));
  const Rv second = create(*store, pod("b"));
  EXPECT_LT(store->compacted_rv(), first);
  clock.advance(std::chrono::minutes(2));
  create(*store, pod("c"));
  EXPECT_EQ(store->compacted_rv(), first);
  clock.advance(std::chrono::minutes(10));
  EXPECT_TRUE(test::wait_until([&] { return store->compacted_rv() > second; })) << "an idle store does not forget";
}

TEST(List, HistoryIsBoundedByCountAndBytes) {
  Options options;
  options.history.events = 10;
  const auto few = open_store(options);
  for (int i = 0; i < 50; ++i) create(*few, pod("p" + std::to_string(i)));
  EXPECT_EQ(few->stats().history_events, 10u);
  EXPECT_EQ(few->compacted_rv(), few->current_rv() - 10);

  options.history = {};
  options.history.bytes = 100'000;
  const auto small = open_store(options);
  create(*small, pod("p"), "");
  for (int i = 0; i < 300; ++i) replace(*small, pod("p"), std::to_string(i) + std::string(1000, 'x'));
  EXPECT_LE(small->stats().history_bytes, 100'000u);
  EXPECT_GT(small->stats().history_events, 10u);
}

}  // namespace
}  // namespace datamesh::apiserver::storage

// The guarantees of etcd's watch, under the names of its validators (tests/robustness/validate/watch.go), and the bugs
// that they found there.

#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "tests/apiserver/storage/store_fixture.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::apiserver::storage {
namespace {

std::unique_ptr<Watch> open_watch(Store& store, WatchOptions options, Sink sink) {
  auto watch = store.watch(std::move(options), std::move(sink));
  if (!watch) {
    ADD_FAILURE() << watch.failure().message;
    return nullptr;
  }
  return *std::move(watch);
}

WatchOptions pods_from(Rv rv) {
  return {pods, "", "", rv};
}

// Everything that was committed before has been handed out when this returns.
void settle(Store& store) {
  std::promise<void> reached;
  auto watch = open_watch(store, {"/settle", "", "", store.current_rv()}, [&](const EventPtr& event) {
    if (event->type() == Event::Type::Deleted) reached.set_value();
    return true;
  });
  create(store, {"/settle", "", "x"});
  remove(store, {"/settle", "", "x"});
  reached.get_future().wait();
}

TEST(Watch, DeliversHistoryThenChanges) {
  const auto store = open_store();
  const Rv a = create(*store, pod("a"), "1");
  replace(*store, pod("a"), "2");
  Collector collector;
  const auto watch = open_watch(*store, pods_from(a), collector.sink());
  EXPECT_EQ(collector.story(), "M3");
  create(*store, pod("b"));
  create(*store, {"/nodes", "", "n"});
  remove(*store, pod("a"));
  settle(*store);
  EXPECT_EQ(collector.story(), "M3 A4 D6");
}

TEST(Watch, PrevKvAndBodies) {
  const auto store = open_store();
  Collector collector;
  const auto watch = open_watch(*store, pods_from(store->current_rv()), collector.sink());
  create(*store, pod("a"), "1");
  replace(*store, pod("a"), "2");
  remove(*store, pod("a"));
  create(*store, pod("a"), "3");
  settle(*store);
  const auto events = collector.events();
  ASSERT_EQ(collector.story(), "A2 M3 D4 A5");
  EXPECT_EQ(events[0]->previous(), nullptr);
  EXPECT_EQ(events[1]->previous()->body(), text(pod("a"), "1", 2));
  EXPECT_EQ(events[1]->body(), text(pod("a"), "2", 3));
  // RunTestWatchDeleteEventObjectHaveLatestRV
  EXPECT_EQ(events[2]->body(), text(pod("a"), "2", 4));
  EXPECT_EQ(events[2]->previous()->rv(), 3u);
  EXPECT_EQ(events[3]->previous(), nullptr);
}

TEST(Watch, FiltersByNamespaceAndName) {
  const auto store = open_store();
  Collector in_x, only_b, all;
  const Rv from = store->current_rv();
  const auto first = open_watch(*store, {pods, "x", "", from}, in_x.sink());
  const auto second = open_watch(*store, {pods, "", "b", from}, only_b.sink());
  const auto third = open_watch(*store, {"", "", "", from}, all.sink());
  create(*store, pod("a", "x"));        // 2
  create(*store, pod("b", "y"));        // 3
  create(*store, {"/nodes", "", "b"});  // 4
  create(*store, pod("b", "x"));        // 5
  remove(*store, pod("b", "y"));        // 6
  settle(*store);
  EXPECT_EQ(in_x.story(), "A2 A5");
  EXPECT_EQ(only_b.story(), "A3 A5 D6");
  EXPECT_EQ(all.story().substr(0, 14), "A2 A3 A4 A5 D6");
}

// etcd #20221: a watch from the future gets only what is newer than it.
TEST(Watch, OfAFutureVersionDeliversOnlyWhatIsNewer) {
  const auto store = open_store();
  Collector collector;
  const auto watch = open_watch(*store, pods_from(store->current_rv() + 2), collector.sink());
  watch->bookmark();
  for (const char* name : {"a", "b", "c", "d"}) create(*store, pod(name));
  settle(*store);
  EXPECT_EQ(collector.story(), "B3 A4 A5") << "2 and 3 are not newer than 3";
}

// etcd #19179 and #18089: removals next to the compaction.
TEST(Watch, AtTheCompactedVersionMissesNoRemoval) {
  const auto store = open_store();
  create(*store, pod("a"));
  const Rv replaced = replace(*store, pod("a"), "2");
  remove(*store, pod("a"));
  create(*store, pod("b"));
  ASSERT_EQ(*store->compact(replaced), replaced);
  Collector collector;
  const auto watch = open_watch(*store, pods_from(replaced), collector.sink());
  EXPECT_EQ(collector.story(), "D4 A5");
  EXPECT_EQ(collector.events()[0]->previous()->body(), text(pod("a"), "2", replaced));
}

TEST(Watch, CompactingAtTheRemovalKeepsWhatFollows) {
  const auto store = open_store();
  create(*store, pod("a"));
  const Rv removed = remove(*store, pod("a"));
  create(*store, pod("a"), "again");
  ASSERT_EQ(*store->compact(removed), removed);
  Collector collector;
  const auto watch = open_watch(*store, pods_from(removed), collector.sink());
  EXPECT_EQ(collector.story(), "A4");
}

TEST(Watch, BeforeTheHistoryIsExpired) {
  const auto store = open_store();
  for (const char* name : {"a", "b", "c"}) create(*store, pod(name));
  ASSERT_TRUE(store->compact(3));
  const auto watch = store->watch(pods_from(2), [](const EventPtr&) { return true; });
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.failure().reason, Reason::Expired);
  EXPECT_EQ(watch.failure().message, "too old resource version: 2 (3)");
}

// etcd #15220: a progress notification comes after everything it speaks of; #15271: and never goes back.
TEST(Watch, BookmarksNeverRunAheadOrBack) {
  const auto store = open_store();
  Collector collector;
  std::atomic<bool> stop{false};
  const auto watch = open_watch(*store, pods_from(store->current_rv()), collector.sink());
  std::thread asker([&] {
    while (!stop) watch->bookmark();
  });
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i)
        create(*store, {i % 2 ? pods : "/nodes", "ns", std::to_string(t) + "-" + std::to_string(i)});
    });
  }
  for (auto& writer : writers) writer.join();
  settle(*store);
  stop = true;
  asker.join();
  watch->bookmark();
  Rv last = 0;
  std::size_t events = 0;
  for (const auto& event : collector.events()) {
    ASSERT_GE(event->rv(), last) << "travelled back in time";
    if (event->type() != Event::Type::Bookmark) {
      ASSERT_GT(event->rv(), last) << "an event at or below a bookmark came after it";
      ++events;
    }
    last = event->rv();
  }
  EXPECT_EQ(events, 200u);
  EXPECT_EQ(last, store->current_rv()) << "an idle watch's bookmark is up to date";
}

// etcd #17529: events lost for a watch that is slow to start.
TEST(Watch, ASlowReplayLosesNothingThatComesMeanwhile) {
  const auto store = open_store();
  const Rv start = store->current_rv();
  for (int i = 0; i < 50; ++i) create(*store, pod("old" + std::to_string(i)));
  Collector collector;
  const Sink keep = collector.sink();
  std::promise<void> begun;
  bool first = true;
  std::thread writer([&] {
    begun.get_future().wait();
    for (int i = 0; i < 200; ++i) create(*store, pod("new" + std::to_string(i)));
  });
  const auto watch = open_watch(*store, pods_from(start), [&](const EventPtr& event) {
    if (std::exchange(first, false)) begun.set_value();
    // As slow as the writer: the replay must overlap with it.
    if (collector.size() == 25) test::wait_until([&] { return store->current_rv() > start + 150; });
    return keep(event);
  });
  writer.join();
  settle(*store);
  const auto events = collector.events();
  ASSERT_EQ(events.size(), 250u);
  for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(events[i]->rv(), start + 1 + i);
}

TEST(Watch, ThatHasHadEnoughGetsNoMore) {
  const auto store = open_store();
  std::atomic<int> calls{0};
  const auto watch = open_watch(*store, pods_from(store->current_rv()), [&](const EventPtr&) { return ++calls < 2; });
  for (const char* name : {"a", "b", "c", "d"}) create(*store, pod(name));
  settle(*store);
  watch->bookmark();
  EXPECT_EQ(calls, 2);
}

TEST(Watch, MayEndItselfFromItsSink) {
  const auto store = open_store();
  std::unique_ptr<Watch> watch;
  std::atomic<int> calls{0};
  watch = open_watch(*store, pods_from(store->current_rv()), [&](const EventPtr&) {
    ++calls;
    watch.reset();
    return true;
  });
  create(*store, pod("a"));
  create(*store, pod("b"));
  settle(*store);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(store->stats().watches, 0u);
}

// No call of the sink after the watch is gone: what it captures is gone as well (the sanitizers look on).
TEST(Watch, EndsWhenDestroyedUnderLoad) {
  const auto store = open_store();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) create(*store, pod("p" + std::to_string(i)));
  });
  for (int i = 0; i < 300; ++i) {
    auto seen = std::make_unique<std::vector<Rv>>();
    auto watch = open_watch(*store, pods_from(store->current_rv()), [&](const EventPtr& event) {
      seen->push_back(event->rv());
      return true;
    });
    watch->bookmark();
    watch.reset();
    seen.reset();
  }
  stop = true;
  writer.join();
}

TEST(Watch, EventsAreSharedBetweenWatches) {
  const auto store = open_store();
  Collector one, two;
  const auto first = open_watch(*store, pods_from(store->current_rv()), one.sink());
  const auto second = open_watch(*store, pods_from(store->current_rv()), two.sink());
  create(*store, pod("a"));
  settle(*store);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one.events()[0].get(), two.events()[0].get());
}

// ---- All validators over a random run: writers say what they did, watches what they saw.

struct Fact {
  Event::Type type;
  Key key;
  std::string body;
};

class Truth {
 public:
  void add(Rv rv, Fact fact) {
    const std::scoped_lock lock(mutex_);
    facts_.emplace(rv, std::move(fact));
  }
  const std::map<Rv, Fact>& facts() const { return facts_; }

 private:
  std::mutex mutex_;
  std::map<Rv, Fact> facts_;
};

void write_at_random(Store& store, Truth& truth, std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    const Key key{random() % 2 ? "/pods" : "/nodes", random() % 2 ? "x" : "y",
                  std::string(1, static_cast<char>('a' + random() % 5))};
    const std::string value = std::to_string(seed % 1000) + "-" + std::to_string(i);
    const int what = static_cast<int>(random() % 3);
    auto write = what == 0   ? Write::create(draft(key, value))
                 : what == 1 ? Write::replace(draft(key, value), {})
                             : Write::remove(key);
    const auto answer = store.write(std::move(write));
    if (!answer) continue;  // there already, or not there
    const auto type = what == 0 ? Event::Type::Added : what == 1 ? Event::Type::Modified : Event::Type::Deleted;
    truth.add((*answer)->rv(), {type, key, (*answer)->body()});
  }
}

// Watches, asks for bookmarks, breaks off and resumes where it was.
void watch_at_random(Store& store, const WatchOptions& options, std::uint64_t seed, const std::atomic<bool>& stop,
                     std::vector<EventPtr>& seen) {
  std::mt19937_64 random(seed);
  WatchOptions next = options;
  bool last_round = false;
  while (!last_round) {
    last_round = stop;
    Collector collector;
    {
      const auto watch = open_watch(store, next, collector.sink());
      const std::size_t enough = 1 + random() % 40;
      test::wait_until([&] { return collector.size() >= enough || stop; }, std::chrono::milliseconds(20));
      watch->bookmark();
    }
    for (auto& event : collector.events()) {
      next.from = event->rv();
      seen.push_back(std::move(event));
    }
  }
}

void validate(const WatchOptions& options, const std::vector<EventPtr>& seen, const std::map<Rv, Fact>& facts) {
  std::vector<Rv> expected;
  std::map<Key, std::string> bodies;
  std::map<Rv, std::string> previous;
  for (const auto& [rv, fact] : facts) {
    const bool wanted = rv > options.from && (options.resource.empty() || fact.key.resource == options.resource) &&
                        (options.ns.empty() || fact.key.ns == options.ns);
    if (wanted) expected.push_back(rv);
    previous[rv] = bodies[fact.key];
    bodies[fact.key] = fact.type == Event::Type::Deleted ? "" : fact.body;
  }
  std::size_t next = 0;
  Rv bookmark = 0;
  for (const auto& event : seen) {
    if (event->type() == Event::Type::Bookmark) {
      ASSERT_GE(event->rv(), bookmark);
      bookmark = event->rv();
      ASSERT_TRUE(next == expected.size() || expected[next] > bookmark)
          << "Bookmarkable: ran ahead of " << expected[next];
      continue;
    }
    ASSERT_LT(next, expected.size()) << "Unique, Filter: one event too many, " << event->rv();
    ASSERT_EQ(event->rv(), expected[next]) << "Ordered, Unique, Reliable, Resumable, Filter";
    ASSERT_GT(event->rv(), bookmark) << "Bookmarkable: an event from before a bookmark";
    const Fact& fact = facts.at(event->rv());
    ASSERT_EQ(event->type(), fact.type) << "IsCreate";
    ASSERT_EQ(event->body(), fact.body);
    const std::string& before = previous.at(event->rv());
    ASSERT_EQ(event->previous() ? event->previous()->body() : "", before) << "PrevKV";
    ++next;
  }
  EXPECT_EQ(next, expected.size()) << "Reliable: the end is missing";
}

TEST(Watch, HoldsAllGuaranteesUnderConcurrentWriters) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto store = open_store();
  const Rv start = store->current_rv();
  Truth truth;
  std::atomic<bool> stop{false};
  const std::vector<WatchOptions> kinds = {
      {"", "", "", start}, {"/pods", "", "", start}, {"/pods", "x", "", start}, {"/nodes", "y", "", start + 100}};
  std::vector<std::vector<EventPtr>> seen(kinds.size());
  std::vector<std::thread> watches, writers;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    watches.emplace_back([&, i] { watch_at_random(*store, kinds[i], seed + i, stop, seen[i]); });
  for (std::size_t t = 0; t < 4; ++t)
    writers.emplace_back([&, t] { write_at_random(*store, truth, seed + 1000 + t, 1000); });
  for (auto& writer : writers) writer.join();
  stop = true;
  for (auto& watch : watches) watch.join();

  ASSERT_FALSE(truth.facts().empty());
  EXPECT_EQ(truth.facts().begin()->first, start + 1);
  EXPECT_EQ(truth.facts().rbegin()->first - start, truth.facts().size()) << "versions are dense";
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    SCOPED_TRACE("watch " + std::to_string(i));
    validate(kinds[i], seen[i], truth.facts());
  }
}

}  // namespace
}  // namespace datamesh::apiserver::storage

// After the table of k8s.io/apiserver/pkg/storage/testing (RunTestCreate, RunTestConditionalDelete, ...).

#include <atomic>
#include <future>
#include <thread>

#include "tests/apiserver/storage/store_fixture.hpp"
#include "tests/testing/fake_clock.hpp"

namespace datamesh::apiserver::storage {
namespace {

TEST(Write, VersionsAreDenseAndNeverZero) {
  const auto store = open_store();
  const Rv start = store->current_rv();
  EXPECT_GT(start, 0u);
  EXPECT_EQ(create(*store, pod("a")), start + 1);
  EXPECT_EQ(replace(*store, pod("a"), "2"), start + 2);
  EXPECT_EQ(create(*store, {"/nodes", "", "n"}), start + 3);
  EXPECT_EQ(remove(*store, pod("a")), start + 4);
  EXPECT_EQ(store->current_rv(), start + 4);
}

TEST(Write, WhatWasAnsweredIsReadAtOnce) {
  const auto store = open_store();
  const Rv rv = create(*store, pod("a"), "x");
  const auto record = store->get(pod("a"));
  ASSERT_TRUE(record);
  EXPECT_EQ((*record)->body(), text(pod("a"), "x", rv));
  EXPECT_EQ((*record)->rv(), rv);
  EXPECT_EQ((*record)->uid(), "uid-default-a");
  EXPECT_EQ((*record)->ns(), "default");
  EXPECT_EQ((*record)->resource(), pods);
}

TEST(Write, CreateFailsWhenItIsThere) {
  const auto store = open_store();
  const Rv rv = create(*store, pod("a"));
  const auto again = store->write(Write::create(draft(pod("a"), "2")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.failure().reason, Reason::AlreadyExists);
  EXPECT_EQ(again.failure().message, "pods \"a\" already exists");
  EXPECT_EQ(store->current_rv(), rv) << "a refused write took a version";
  EXPECT_EQ((*store->get(pod("a")))->body(), text(pod("a"), "1", rv));
}

TEST(Write, PreconditionsTable) {
  struct Case {
    const char* name;
    Expect expect;
    std::optional<Reason> failure;
  };
  const auto store = open_store();
  const Rv first = create(*store, pod("a"), "1");
  const Rv second = replace(*store, pod("a"), "2");
  const Case cases[] = {
      {"an older version", {first, ""}, Reason::Conflict},
      {"a version that is not there yet", {second + 1, ""}, Reason::Conflict},
      {"another uid", {std::nullopt, "other"}, Reason::Conflict},
      {"the version but another uid", {second, "other"}, Reason::Conflict},
      {"the uid but an older version", {first, "uid-default-a"}, Reason::Conflict},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(reason_of(store->write(Write::replace(draft(pod("a"), "3"), c.expect))), c.failure) << c.name;
    EXPECT_EQ(reason_of(store->write(Write::remove(pod("a"), c.expect))), c.failure) << c.name;
  }
  EXPECT_EQ(store->current_rv(), second);
  EXPECT_FALSE(reason_of(store->write(Write::replace(draft(pod("a"), "3"), {second, "uid-default-a"}))));
  EXPECT_FALSE(reason_of(store->write(Write::remove(pod("a"), {second + 1, "uid-default-a"}))));
  EXPECT_EQ(reason_of(store->write(Write::remove(pod("a")))), Reason::NotFound);
  EXPECT_EQ(reason_of(store->write(Write::replace(draft(pod("a")), {}))), Reason::NotFound);
  EXPECT_EQ(reason_of(store->get(pod("a"))), Reason::NotFound);
}

TEST(Write, WritingWhatIsThereIsNoWrite) {
  const auto store = open_store();
  const Rv rv = create(*store, pod("a"), "same");
  EXPECT_EQ(replace(*store, pod("a"), "same"), rv);
  EXPECT_EQ(store->current_rv(), rv);
  EXPECT_EQ(reason_of(store->write(Write::replace(draft(pod("a"), "same"), {rv + 5, ""}))), Reason::Conflict);
}

TEST(Write, ARemovalAnswersTheLastStateUnderItsOwnVersion) {
  const auto store = open_store();
  create(*store, pod("a"), "x");
  const auto removed = store->write(Write::remove(pod("a")));
  ASSERT_TRUE(removed);
  EXPECT_EQ((*removed)->rv(), store->current_rv());
  EXPECT_EQ((*removed)->body(), text(pod("a"), "x", store->current_rv()));
}

TEST(WriteAll, IsAllOrNothing) {
  const auto store = open_store();
  create(*store, pod("taken"));
  const Rv before = store->current_rv();
  const auto failed = store->write_all({Write::create(draft(pod("a"))), Write::remove(pod("taken")),
                                        Write::create(draft(pod("b"))), Write::create(draft(pod("a")))});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.failure().reason, Reason::AlreadyExists);
  EXPECT_EQ(store->current_rv(), before);
  EXPECT_TRUE(store->find(pod("taken")));
  EXPECT_FALSE(store->find(pod("a")));

  const auto good = store->write_all({Write::remove(pod("taken")), Write::create(draft(pod("taken"), "again")),
                                      Write::replace(draft(pod("taken"), "and again"), {before + 2, ""})});
  ASSERT_TRUE(good) << good.failure().message;
  ASSERT_EQ(good->size(), 3u);
  EXPECT_EQ((*good)[2]->rv(), before + 3);
  EXPECT_EQ(store->find(pod("taken"))->body(), text(pod("taken"), "and again", before + 3));
}

TEST(Write, NeedsALivingParent) {
  const auto store = open_store();
  const Key ns{"/namespaces", "", "default"};
  EXPECT_EQ(reason_of(store->write(Write::create(draft(pod("a")), ns))), Reason::NoNamespace);
  create(*store, ns);
  EXPECT_FALSE(reason_of(store->write(Write::create(draft(pod("a")), ns))));
  Draft ending = draft(ns, "ending");
  ending.deleting = true;
  rv_of(store->write(Write::replace(ending, {})));
  EXPECT_EQ(reason_of(store->write(Write::create(draft(pod("b")), ns))), Reason::Terminating);
}

// Many threads count the same object up; each increment is there in the end.
TEST(Write, CompareAndSetLosesNoUpdate) {
  const auto store = open_store();
  create(*store, pod("counter"), "0");
  constexpr int threads_count = 8, increments = 50;
  std::vector<std::thread> threads;
  std::atomic<int> conflicts{0};
  for (int t = 0; t < threads_count; ++t) {
    threads.emplace_back([&] {
      for (int done = 0; done < increments;) {
        const auto now = store->find(pod("counter"));
        const std::string body = now->body();
        const auto at = body.find("\"v\":\"") + 5;
        const int value = std::stoi(body.substr(at));
        const auto answer =
            store->write(Write::replace(draft(pod("counter"), std::to_string(value + 1)), {now->rv(), ""}));
        answer ? ++done : ++conflicts;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto last = store->find(pod("counter"));
  EXPECT_EQ(last->body(), text(pod("counter"), std::to_string(threads_count * increments), last->rv()));
}

TEST(Write, AFullQueueSaysBusyAndWritesNothing) {
  Options options;
  options.queue_writes = 4;
  const auto store = open_store(options);
  std::promise<void> hold;
  auto held = hold.get_future().share();
  std::promise<void> holding;
  store->write(Write::create(draft(pod("first"))), [&](const Outcome<RecordPtr>&) {
    holding.set_value();
    held.wait();
  });
  holding.get_future().wait();  // the writer thread is busy now
  std::atomic<int> good{0}, busy{0};
  for (int i = 0; i < 10; ++i) {
    store->write(Write::create(draft(pod("p" + std::to_string(i)))), [&](const Outcome<RecordPtr>& answer) {
      answer ? ++good : ++busy;
      if (!answer) {
        EXPECT_EQ(answer.failure().reason, Reason::Busy);
      }
    });
  }
  EXPECT_EQ(busy, 6);
  hold.set_value();
  create(*store, pod("last"));  // behind all the others
  EXPECT_EQ(good, 4);
  EXPECT_EQ(store->count(pods), 6u);
}

TEST(Write, WhatWaitsIsWrittenBeforeTheStoreGoes) {
  std::atomic<int> answered{0};
  {
    const auto store = open_store();
    for (int i = 0; i < 100; ++i)
      store->write(Write::create(draft(pod("p" + std::to_string(i)))), [&](const Outcome<RecordPtr>& answer) {
        if (answer) ++answered;
      });
  }
  EXPECT_EQ(answered, 100);
}

TEST(Read, OwnersNamespacesAndCounts) {
  const auto store = open_store();
  Draft one = draft(pod("one", "x")), two = draft(pod("two", "y")), none = draft(pod("none", "x"));
  one.owners = {"boss", "other"};
  two.owners = {"boss"};
  for (const auto& d : {one, two, none}) rv_of(store->write(Write::create(d)));
  create(*store, {"/nodes", "", "n"});
  const auto names = [](const std::vector<RecordPtr>& records) {
    std::set<std::string> found;
    for (const auto& record : records) found.emplace(record->name());
    return found;
  };
  EXPECT_EQ(names(store->owned_by("boss")), (std::set<std::string>{"one", "two"}));
  EXPECT_EQ(names(store->owned_by("other")), (std::set<std::string>{"one"}));
  EXPECT_EQ(names(store->in_namespace("x")), (std::set<std::string>{"one", "none"}));
  one.owners = {"other"};
  rv_of(store->write(Write::replace(one, {})));
  remove(*store, pod("two", "y"));
  EXPECT_TRUE(store->owned_by("boss").empty());
  EXPECT_EQ(names(store->owned_by("other")), (std::set<std::string>{"one"}));
  EXPECT_EQ(store->count(pods), 2u);
  EXPECT_EQ(store->count("/nodes"), 1u);
  EXPECT_EQ(store->count("/nothing"), 0u);
  EXPECT_EQ(store->counts().size(), 2u);
}

TEST(Read, WaitsForAVersionThatComes) {
  Options options;
  options.future_wait = std::chrono::seconds(20);
  auto opened = Store::open(options);
  ASSERT_TRUE(opened);
  const auto store = *std::move(opened);
  const Rv now = store->current_rv();
  std::thread later([&] { create(*store, pod("a")); });
  EXPECT_TRUE(store->get(pod("a"), now + 1));
  later.join();
}

TEST(Read, AVersionThatDoesNotComeIsTooLarge) {
  const auto store = open_store();
  const Rv now = create(*store, pod("a"));
  const auto record = store->get(pod("a"), now + 100);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.failure().reason, Reason::TooLarge);
  EXPECT_EQ(record.failure().message,
            "Too large resource version: " + std::to_string(now + 100) + ", current: " + std::to_string(now));
  ListOptions options;
  options.resource = pods;
  options.rv = now + 100;
  EXPECT_EQ(store->list(options).failure().reason, Reason::TooLarge);
}

}  // namespace
}  // namespace datamesh::apiserver::storage

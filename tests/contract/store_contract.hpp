#pragma once
// What every implementation of kube::Store promises (controller/kube/store.hpp), as a typed suite.
//
//   struct Fixture {
//     bool skip();             // whether the server cannot be had here; says why
//     kube::Store& store();    // serves kWidgets (tests/e2e/kubectl/widgets.yaml) and the built-in kinds
//     std::string ns();        // a namespace of this test's own
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, StoreContract, ::testing::Types<Fixture>);

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "controller/core/json.hpp"
#include "controller/kube/store.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::kube {

inline const ResourceType kWidgets{"test.dev", "v1", "widgets", "Widget", true};

inline std::uint64_t version_of(const Json& object) {
  const std::string text = string_at(object, {"metadata", "resourceVersion"});
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

template <class Fixture>
class StoreContract : public ::testing::Test {
 protected:
  static constexpr std::chrono::seconds kLong{60};

  void SetUp() override {
    if (fixture.skip()) GTEST_SKIP();
  }

  Json widget(const std::string& name, const std::string& color = "red") {
    return {{"apiVersion", "test.dev/v1"},
            {"kind", "Widget"},
            {"metadata", {{"name", name}, {"namespace", fixture.ns()}}},
            {"spec", {{"color", color}}}};
  }
  Json made(const std::string& name, const std::string& color = "red") {
    auto created = fixture.store().create(kWidgets, widget(name, color));
    EXPECT_TRUE(created) << created.error().message;
    return created ? *std::move(created) : Json();
  }
  Result<Json> get(const std::string& name) { return fixture.store().get(kWidgets, fixture.ns(), name); }
  Result<Json> patch(const std::string& name, const Patch& patch) {
    return fixture.store().patch(kWidgets, fixture.ns(), name, patch);
  }
  Result<Json> merge(const std::string& name, const Json& body, const std::string& subresource = "") {
    return patch(name, {PatchType::Merge, body.dump(), subresource, "test", false});
  }
  // `fields`: what the manager wants besides the names of the object.
  Result<Json> apply(const std::string& name, const Json& fields, const std::string& manager, bool force = false,
                     const std::string& subresource = "") {
    Json body = {
        {"apiVersion", "test.dev/v1"}, {"kind", "Widget"}, {"metadata", {{"name", name}, {"namespace", fixture.ns()}}}};
    body.merge_patch(fields);
    return patch(name, {PatchType::Apply, body.dump(), subresource, manager, force});
  }
  template <class T>
  static Code code_of(const Result<T>& result) {
    EXPECT_FALSE(result) << "it was accepted";
    return result ? Code::Internal : result.error().code;
  }

  Fixture fixture;
};
TYPED_TEST_SUITE_P(StoreContract);

// A watch in a thread, and what it delivered.
class Watching {
 public:
  Watching(Store& store, std::string ns, const std::string& selector = "") : ns_(std::move(ns)) {
    thread_ = std::jthread([this, &store, selector](std::stop_token stop) {
      store.watch(
          kWidgets, selector, [this](const Event& event) { take(event); }, std::move(stop));
    });
  }
  // Names with a mark: "+a" put, "-a" removed; "synced", "relist".
  std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  bool until(const std::string& entry, std::ptrdiff_t times = 1) const {
    return test::wait_until(
        [&] {
          const auto seen = log();
          return std::ranges::count(seen, entry) >= times;
        },
        std::chrono::seconds(60));
  }
  Json last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  bool ordered() const {
    const std::lock_guard lock(mutex_);
    return ordered_;
  }

 private:
  void take(const Event& event) {
    const std::lock_guard lock(mutex_);
    if (event.type == Event::Type::Synced) {
      log_.emplace_back("synced");
      synced_ = true;
    } else if (event.type == Event::Type::Relist) {
      log_.emplace_back("relist");
    } else if (string_at(*event.object, {"metadata", "namespace"}) == ns_) {
      const char* mark = event.type == Event::Type::Put ? "+" : "-";
      log_.push_back(mark + string_at(*event.object, {"metadata", "name"}));
      last_ = *event.object;
      if (synced_) ordered_ &= version_of(last_) > std::exchange(version_, version_of(last_));
    }
  }

  const std::string ns_;
  mutable std::mutex mutex_;
  std::vector<std::string> log_;
  Json last_;
  std::uint64_t version_ = 0;
  bool ordered_ = true, synced_ = false;
  std::jthread thread_;
};

TYPED_TEST_P(StoreContract, WhatIsCreatedCanBeReadListedAndRemoved) {
  auto& store = this->fixture.store();
  const Json made = this->made("a");
  EXPECT_EQ(made["apiVersion"], "test.dev/v1");
  EXPECT_EQ(made["kind"], "Widget");
  EXPECT_EQ(made["metadata"]["generation"], 1);
  EXPECT_NE(made["metadata"]["uid"], "");
  EXPECT_EQ(made["spec"]["size"], 3) << "the schema's default";
  EXPECT_EQ(*this->get("a"), made);
  this->made("b");
  const auto all = store.list(kWidgets, this->fixture.ns());
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0], made) << "items say what they are";
  const auto everywhere = store.list(kWidgets);
  ASSERT_TRUE(everywhere);
  EXPECT_GE(everywhere->size(), 2U);
  EXPECT_TRUE(store.remove(kWidgets, this->fixture.ns(), "a"));
  EXPECT_EQ(this->code_of(this->get("a")), Code::NotFound);
  EXPECT_TRUE(store.remove(kWidgets, this->fixture.ns(), "a")) << "gone is gone";
}

TYPED_TEST_P(StoreContract, RefusalsSayWhatTheCallerShouldDo) {
  auto& store = this->fixture.store();
  const std::string ns = this->fixture.ns();
  this->made("a");
  EXPECT_EQ(this->code_of(store.create(kWidgets, this->widget("a"))), Code::Conflict);
  EXPECT_EQ(this->code_of(store.create(kWidgets, this->widget("b", ""))), Code::Invalid);
  EXPECT_EQ(this->code_of(store.create(kWidgets, this->widget("Not A Name"))), Code::Invalid);
  EXPECT_EQ(this->code_of(this->merge("a", {{"spec", {{"size", 1000}}}})), Code::Invalid);
  EXPECT_EQ(this->code_of(this->merge("none", {{"spec", {{"size", 1}}}})), Code::NotFound);
  EXPECT_EQ(this->code_of(store.update(kWidgets, this->widget("none"))), Code::NotFound);
  Json elsewhere = this->widget("a");
  elsewhere["metadata"]["namespace"] = "no-such-namespace";
  EXPECT_EQ(this->code_of(store.create(kWidgets, elsewhere)), Code::NotFound);
  const ResourceType unknown{"no.such", "v1", "things", "Thing", true};
  EXPECT_EQ(this->code_of(store.get(unknown, ns, "a")), Code::NotFound);
  EXPECT_EQ(this->code_of(store.list(unknown, ns)), Code::NotFound);
}

TYPED_TEST_P(StoreContract, AnUpdateOfWhatHasChangedIsRefused) {
  auto& store = this->fixture.store();
  const Json first = this->made("a");
  Json mine = first, theirs = first;
  mine["spec"]["color"] = "blue";
  theirs["spec"]["color"] = "green";
  const auto updated = store.update(kWidgets, mine);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ((*updated)["metadata"]["generation"], 2);
  EXPECT_GT(version_of(*updated), version_of(first));
  EXPECT_EQ(this->code_of(store.update(kWidgets, theirs)), Code::Conflict);
  const Json late = {
      {"metadata", {{"resourceVersion", first["metadata"]["resourceVersion"]}, {"labels", {{"x", "y"}}}}}};
  EXPECT_EQ(this->code_of(this->merge("a", late)), Code::Conflict);
  EXPECT_EQ((*this->get("a"))["spec"]["color"], "blue");
}

TYPED_TEST_P(StoreContract, OfManyThatCompareAndSetNoWriteIsLost) {
  auto& store = this->fixture.store();
  this->made("counter");
  constexpr int kWriters = 4, kEach = 5;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&] {
        for (int done = 0; done < kEach;) {
          Json live = *this->get("counter");
          live["spec"]["size"] = live["spec"]["size"].get<int>() + 1;
          const auto updated = store.update(kWidgets, live);
          if (updated) ++done;
          if (!updated) ASSERT_EQ(updated.error().code, Code::Conflict) << updated.error().message;
        }
      });
    }
  }
  EXPECT_EQ((*this->get("counter"))["spec"]["size"], 3 + kWriters * kEach);
}

TYPED_TEST_P(StoreContract, StatusAndTheRestAreWrittenApart) {
  this->made("a");
  const auto status = this->merge("a", {{"status", {{"phase", "Done"}}}, {"spec", {{"color", "no"}}}}, "status");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ((*status)["status"]["phase"], "Done");
  EXPECT_EQ((*status)["spec"]["color"], "red");
  EXPECT_EQ((*status)["metadata"]["generation"], 1);
  const auto spec = this->merge("a", {{"status", {{"phase", "No"}}}, {"spec", {{"color", "blue"}}}});
  ASSERT_TRUE(spec);
  EXPECT_EQ((*spec)["status"]["phase"], "Done");
  EXPECT_EQ((*spec)["spec"]["color"], "blue");
  EXPECT_EQ((*spec)["metadata"]["generation"], 2);
}

TYPED_TEST_P(StoreContract, APatchThatChangesNothingWritesNothing) {
  const Json made = this->made("a");
  const auto same = this->merge("a", {{"spec", {{"color", "red"}}}});
  ASSERT_TRUE(same);
  EXPECT_EQ(version_of(*same), version_of(made));
}

TYPED_TEST_P(StoreContract, ARemovalNamesTheVeryObjectByItsUid) {
  auto& store = this->fixture.store();
  const Json made = this->made("a");
  EXPECT_EQ(this->code_of(store.remove(kWidgets, this->fixture.ns(), "a", "00000000-0000-0000-0000-000000000000")),
            Code::Conflict);
  EXPECT_TRUE(this->get("a"));
  EXPECT_TRUE(store.remove(kWidgets, this->fixture.ns(), "a", string_at(made, {"metadata", "uid"})));
  EXPECT_EQ(this->code_of(this->get("a")), Code::NotFound);
}

TYPED_TEST_P(StoreContract, AFinalizerKeepsWhatIsDeletedUntilItIsTakenOff) {
  auto& store = this->fixture.store();
  Json kept = this->widget("a");
  kept["metadata"]["finalizers"] = {"test.dev/keep"};
  ASSERT_TRUE(store.create(kWidgets, kept));
  ASSERT_TRUE(store.remove(kWidgets, this->fixture.ns(), "a"));
  const auto going = this->get("a");
  ASSERT_TRUE(going);
  EXPECT_TRUE(find(*going, {"metadata", "deletionTimestamp"}));
  ASSERT_TRUE(store.remove(kWidgets, this->fixture.ns(), "a")) << "asked twice";
  ASSERT_TRUE(this->merge("a", {{"metadata", {{"finalizers", nullptr}}}}));
  EXPECT_EQ(this->code_of(this->get("a")), Code::NotFound);
}

TYPED_TEST_P(StoreContract, AWatchDeliversWhatIsThereAndThenEveryChangeInOrder) {
  auto& store = this->fixture.store();
  this->made("a");
  this->made("b");
  Watching watching(store, this->fixture.ns());
  ASSERT_TRUE(watching.until("synced"));
  const auto before = watching.log();
  EXPECT_EQ(std::ranges::count(before, "+a") > 0 && std::ranges::count(before, "+b") > 0, true);
  const auto count = [&](const char* entry) { return std::ranges::count(watching.log(), entry); };
  const auto seen = count("+a");
  EXPECT_TRUE(this->merge("a", {{"spec", {{"color", "blue"}}}}));
  ASSERT_TRUE(watching.until("+a", seen + 1));
  EXPECT_EQ(watching.last()["spec"]["color"], "blue");
  EXPECT_EQ(watching.last()["kind"], "Widget");
  EXPECT_TRUE(this->merge("a", {{"status", {{"phase", "Done"}}}}, "status"));
  ASSERT_TRUE(watching.until("+a", seen + 2));
  ASSERT_TRUE(store.remove(kWidgets, this->fixture.ns(), "b"));
  ASSERT_TRUE(watching.until("-b"));
  EXPECT_EQ(watching.last()["spec"]["color"], "red") << "the last state";
  this->made("c");
  ASSERT_TRUE(watching.until("+c"));
  EXPECT_TRUE(watching.ordered());
  EXPECT_EQ(count("synced"), 1);
}

TYPED_TEST_P(StoreContract, NoChangeIsMissedHoweverManyWriteAtOnce) {
  auto& store = this->fixture.store();
  Watching watching(store, this->fixture.ns());
  constexpr int kWriters = 4, kEach = 25;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] {
        for (int k = 0; k < kEach; ++k) this->made("w" + std::to_string(i) + "-" + std::to_string(k));
      });
    }
  }
  this->made("last");
  ASSERT_TRUE(watching.until("+last"));
  const auto log = watching.log();
  for (int i = 0; i < kWriters; ++i) {
    for (int k = 0; k < kEach; ++k) {
      EXPECT_GE(std::ranges::count(log, "+w" + std::to_string(i) + "-" + std::to_string(k)), 1) << i << "-" << k;
    }
  }
  EXPECT_TRUE(watching.ordered());
  const auto listed = store.list(kWidgets, this->fixture.ns());
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), static_cast<std::size_t>(kWriters * kEach + 1)) << "over several pages";
}

TYPED_TEST_P(StoreContract, WhatEntersOrLeavesASelectorIsPutOrRemoved) {
  auto& store = this->fixture.store();
  const std::string mark = this->fixture.ns();
  this->made("outside");
  Json inside = this->widget("inside");
  inside["metadata"]["labels"] = {{"mark", mark}};
  ASSERT_TRUE(store.create(kWidgets, inside));
  Watching watching(store, this->fixture.ns(), "mark=" + mark);
  ASSERT_TRUE(watching.until("synced"));
  ASSERT_TRUE(this->merge("outside", {{"metadata", {{"labels", {{"mark", mark}}}}}}));
  ASSERT_TRUE(watching.until("+outside"));
  ASSERT_TRUE(this->merge("inside", {{"metadata", {{"labels", {{"mark", "other"}}}}}}));
  ASSERT_TRUE(watching.until("-inside"));
  const auto log = watching.log();
  EXPECT_EQ(std::ranges::count(log, "+outside"), 1);
}

TYPED_TEST_P(StoreContract, AnApplyMakesTheObjectAndTheSameAgainChangesNothing) {
  const Json wanted = {{"spec", {{"color", "red"}, {"tags", {"x"}}}}};
  const auto first = this->apply("a", wanted, "one");
  ASSERT_TRUE(first) << first.error().message;
  const auto second = this->apply("a", wanted, "one");
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(*first, *second);
}

TYPED_TEST_P(StoreContract, AnApplyTakesAwayWhatItsManagerNoLongerWantsAndNothingOfOthers) {
  ASSERT_TRUE(this->apply("a", {{"spec", {{"color", "red"}, {"tags", {"shared", "ours"}}}}}, "one"));
  ASSERT_TRUE(this->apply("a", {{"spec", {{"color", "red"}, {"size", 7}, {"tags", {"shared", "theirs"}}}}}, "two"));
  const auto less = this->apply("a", {{"spec", {{"tags", {"more"}}}}}, "one");
  ASSERT_TRUE(less) << less.error().message;
  EXPECT_EQ((*less)["spec"]["color"], "red") << "the other one still wants it";
  EXPECT_EQ((*less)["spec"]["size"], 7);
  std::set<std::string> tags;
  for (const auto& tag : (*less)["spec"]["tags"]) tags.insert(tag.template get<std::string>());
  EXPECT_EQ(tags, (std::set<std::string>{"shared", "theirs", "more"}));
}

TYPED_TEST_P(StoreContract, AnApplyAgainstAnotherManagerIsRefusedUnlessForced) {
  ASSERT_TRUE(this->apply("a", {{"spec", {{"color", "red"}}}}, "one"));
  EXPECT_EQ(this->code_of(this->apply("a", {{"spec", {{"color", "blue"}}}}, "two")), Code::Conflict);
  const auto forced = this->apply("a", {{"spec", {{"color", "blue"}}}}, "two", true);
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_EQ((*forced)["spec"]["color"], "blue");
}

// What the reconcilers write with: a whole status each time.
TYPED_TEST_P(StoreContract, AnAppliedStatusIsWhatItsManagerSaysAndWhatOthersAdd) {
  this->made("a");
  const auto condition = [](const char* type, const char* status) { return Json{{"type", type}, {"status", status}}; };
  const Json full = {{"status",
                      {{"observedGeneration", 1},
                       {"phase", "Waiting"},
                       {"conditions", {condition("Ready", "False"), condition("Reconciling", "True")}}}}};
  const auto first = this->apply("a", full, "datamesh", true, "status");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((*first)["metadata"]["generation"], 1);
  const auto same = this->apply("a", full, "datamesh", true, "status");
  ASSERT_TRUE(same);
  EXPECT_EQ(version_of(*same), version_of(*first)) << "nothing changed, nothing is written";
  ASSERT_TRUE(
      this->apply("a", {{"status", {{"conditions", {condition("Watched", "True")}}}}}, "other", false, "status"));
  const auto done =
      this->apply("a", {{"status", {{"observedGeneration", 1}, {"conditions", {condition("Ready", "True")}}}}},
                  "datamesh", true, "status");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_FALSE((*done)["status"].contains("phase")) << (*done)["status"];
  std::set<std::string> types;
  for (const auto& one : (*done)["status"]["conditions"]) types.insert(one["type"].template get<std::string>());
  EXPECT_EQ(types, (std::set<std::string>{"Ready", "Watched"}));
  EXPECT_EQ((*done)["spec"]["color"], "red");
  EXPECT_EQ(this->code_of(this->apply("none", full, "datamesh", true, "status")), Code::NotFound);
}

TYPED_TEST_P(StoreContract, AnAppliedFinalizerIsAddedToThoseOfOthersAndNeverMakesAnObject) {
  Json theirs = this->widget("a");
  theirs["metadata"]["finalizers"] = {"test.dev/theirs"};
  const auto made = this->fixture.store().create(kWidgets, theirs);
  ASSERT_TRUE(made);
  const Json ours = {{"metadata", {{"uid", (*made)["metadata"]["uid"]}, {"finalizers", {"test.dev/ours"}}}}};
  const auto added = this->apply("a", ours, "datamesh");
  ASSERT_TRUE(added) << added.error().message;
  std::set<std::string> all;
  for (const auto& one : (*added)["metadata"]["finalizers"]) all.insert(one.template get<std::string>());
  EXPECT_EQ(all, (std::set<std::string>{"test.dev/theirs", "test.dev/ours"}));
  EXPECT_EQ((*added)["metadata"]["generation"], 1);
  EXPECT_EQ((*added)["spec"], (*made)["spec"]);
  const auto again = this->apply("a", ours, "datamesh");
  ASSERT_TRUE(again);
  EXPECT_EQ(version_of(*again), version_of(*added));
  EXPECT_EQ(this->code_of(this->apply("gone", ours, "datamesh")), Code::Conflict);
  EXPECT_EQ(this->code_of(this->get("gone")), Code::NotFound);
  Json another = ours;
  another["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000";
  EXPECT_FALSE(this->apply("a", another, "datamesh")) << "the name was given anew";
  EXPECT_EQ(version_of(*this->get("a")), version_of(*added));
  ASSERT_TRUE(this->merge("a", {{"metadata", {{"finalizers", nullptr}}}}));
}

TYPED_TEST_P(StoreContract, ALeaseIsTakenByOneOfTwo) {
  auto& store = this->fixture.store();
  Json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                {"kind", "Lease"},
                {"metadata", {{"name", "leader"}, {"namespace", this->fixture.ns()}}},
                {"spec",
                 {{"holderIdentity", "a"},
                  {"leaseDurationSeconds", 15},
                  {"leaseTransitions", 0},
                  {"acquireTime", "2026-01-01T00:00:00.000000Z"},
                  {"renewTime", "2026-01-01T00:00:00.000000Z"}}}};
  const auto made = store.create(leases(), lease);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(this->code_of(store.create(leases(), lease)), Code::Conflict);
  Json first = *made, second = *made;
  first["spec"]["holderIdentity"] = "";
  second["spec"]["holderIdentity"] = "b";
  const auto given_up = store.update(leases(), first);
  ASSERT_TRUE(given_up) << given_up.error().message;
  EXPECT_EQ(this->code_of(store.update(leases(), second)), Code::Conflict);
  EXPECT_EQ(string_at(*given_up, {"spec", "holderIdentity"}), "");
  EXPECT_EQ((*given_up)["spec"]["renewTime"], "2026-01-01T00:00:00.000000Z");
}

REGISTER_TYPED_TEST_SUITE_P(StoreContract, WhatIsCreatedCanBeReadListedAndRemoved, RefusalsSayWhatTheCallerShouldDo,
                            AnUpdateOfWhatHasChangedIsRefused, OfManyThatCompareAndSetNoWriteIsLost,
                            StatusAndTheRestAreWrittenApart, APatchThatChangesNothingWritesNothing,
                            ARemovalNamesTheVeryObjectByItsUid, AFinalizerKeepsWhatIsDeletedUntilItIsTakenOff,
                            AWatchDeliversWhatIsThereAndThenEveryChangeInOrder, NoChangeIsMissedHoweverManyWriteAtOnce,
                            WhatEntersOrLeavesASelectorIsPutOrRemoved,
                            AnApplyMakesTheObjectAndTheSameAgainChangesNothing,
                            AnApplyTakesAwayWhatItsManagerNoLongerWantsAndNothingOfOthers,
                            AnApplyAgainstAnotherManagerIsRefusedUnlessForced,
                            AnAppliedStatusIsWhatItsManagerSaysAndWhatOthersAdd,
                            AnAppliedFinalizerIsAddedToThoseOfOthersAndNeverMakesAnObject, ALeaseIsTakenByOneOfTwo);

}  // namespace datamesh::kube

// Election over a real Lease, on the embedded API server.

#include "controller/runtime/leader.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "apiserver/server.hpp"
#include "controller/core/json.hpp"
#include "tests/testing/temp_dir.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh {
namespace {

using namespace std::chrono_literals;

// The way to the API, which can be cut, or swallow requests.
class Wire : public kube::Store {
 public:
  explicit Wire(std::shared_ptr<kube::Store> store) : store_(std::move(store)) {}

  std::atomic<bool> cut = false, stuck = false;

  Result<Json> get(const kube::ResourceType& type, const std::string& ns, const std::string& name) override {
    if (auto error = trouble()) return *error;
    return store_->get(type, ns, name);
  }
  Result<Json> create(const kube::ResourceType& type, const Json& object) override {
    if (auto error = trouble()) return *error;
    return store_->create(type, object);
  }
  Result<Json> update(const kube::ResourceType& type, const Json& object) override {
    if (auto error = trouble()) return *error;
    return store_->update(type, object);
  }
  Result<std::vector<Json>> list(const kube::ResourceType& type, const std::string& ns) override {
    return store_->list(type, ns);
  }
  Result<Json> patch(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                     const kube::Patch& patch) override {
    return store_->patch(type, ns, name, patch);
  }
  Result<void> remove(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                      const std::string& uid) override {
    return store_->remove(type, ns, name, uid);
  }
  void watch(const kube::ResourceType& type, const std::string& selector,
             const std::function<void(const kube::Event&)>& sink, std::stop_token stop) override {
    store_->watch(type, selector, sink, std::move(stop));
  }

 private:
  std::optional<Error> trouble() {
    stuck.wait(true);
    if (cut) return Error{Code::Unavailable, "the wire is cut"};
    return std::nullopt;
  }

  std::shared_ptr<kube::Store> store_;
};

class LeaderTest : public testing::Test {
 protected:
  void SetUp() override {
    apiserver::Server::Options options;
    options.data_dir = (directory_ / "data").string();
    auto server = apiserver::Server::start(std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    wire_ = std::make_unique<Wire>(server_->store());
  }
  std::unique_ptr<Leader> candidate(const std::string& identity, kube::Store* store = nullptr) {
    return quick(identity, 15s, 10s, 200ms, store);
  }
  std::unique_ptr<Leader> quick(const std::string& identity, Duration lease, Duration renew, Duration retry,
                                kube::Store* store = nullptr) {
    LeaderOptions options{.ns = "datamesh-system", .name = "datamesh", .election = {identity, lease, renew, retry}};
    options.on_change = [this](bool leads) { leading_ += leads ? 1 : -1; };
    auto leader = Leader::create(store ? *store : *server_->store(), std::move(options), real_clock());
    EXPECT_TRUE(leader);
    return *std::move(leader);
  }
  Json lease() { return *server_->store()->get(kube::leases(), "datamesh-system", "datamesh"); }

  test::TempDir directory_;
  std::unique_ptr<apiserver::Server> server_;
  std::unique_ptr<Wire> wire_;
  std::atomic<int> leading_ = 0;
};

TEST_F(LeaderTest, OfManyCandidatesOneLeads) {
  std::vector<std::unique_ptr<Leader>> candidates;
  for (int i = 0; i < 5; ++i) candidates.push_back(candidate("candidate-" + std::to_string(i)));
  std::atomic<int> ahead = 0;
  {
    std::vector<std::jthread> threads;
    for (auto& one : candidates) {
      threads.emplace_back([&](std::stop_token stop) {
        if (one->acquire(stop)) ++ahead;
      });
    }
    EXPECT_TRUE(test::wait_until([&] { return ahead == 1; }, 60s));
  }
  EXPECT_EQ(ahead, 1);
  EXPECT_EQ(leading_, 1);
  EXPECT_EQ(std::ranges::count_if(candidates, [](const auto& one) { return bool(one->may_write()); }), 1);
}

TEST_F(LeaderTest, WhatIsReleasedIsTakenOverAtOnceWithAGreaterEpoch) {
  const auto first = candidate("first"), second = candidate("second");
  const auto old_term = first->acquire({});
  ASSERT_TRUE(old_term);
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "first");
  EXPECT_TRUE(first->may_write());
  std::stop_source stop;
  auto held = std::async(std::launch::async, [&] { return first->hold(stop.get_token()); });
  auto taken = std::async(std::launch::async, [&] { return second->acquire({}); });
  stop.request_stop();
  EXPECT_TRUE(held.get());
  const Steady released = real_clock().steady();
  first->release();
  EXPECT_FALSE(first->may_write());
  const auto new_term = taken.get();
  EXPECT_LT(real_clock().steady() - released, 14s) << "it waited for the lease to end";
  ASSERT_TRUE(new_term);
  EXPECT_EQ(new_term->plane, old_term->plane);
  EXPECT_GT(new_term->epoch, old_term->epoch);
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "second");
  EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
  EXPECT_EQ(leading_, 1);
}

TEST_F(LeaderTest, ALeaderThatIsCutOffStopsWritingBeforeTheNextBegins) {
  const auto first = quick("first", 4s, 2s, 200ms, wire_.get()), second = quick("second", 4s, 2s, 200ms);
  ASSERT_TRUE(first->acquire({}));
  wire_->cut = true;
  bool overlapped = true;
  auto taken = std::async(std::launch::async, [&] {
    const auto term = second->acquire({});
    overlapped = bool(first->may_write());
    return bool(term);
  });
  const auto held = first->hold({});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, Code::Unavailable);
  EXPECT_EQ(first->may_write().error().code, Code::Cancelled);
  EXPECT_TRUE(taken.get());
  EXPECT_FALSE(overlapped);
  wire_->cut = false;
  first->release();  // of what is another's by now
  EXPECT_EQ(lease()["spec"]["holderIdentity"], "second");
}

TEST_F(LeaderTest, ARequestThatDoesNotReturnDoesNotKeepALeaderGoing) {
  const auto leader = quick("first", 4s, 2s, 200ms, wire_.get());
  ASSERT_TRUE(leader->acquire({}));
  wire_->stuck = true;
  const auto held = leader->hold({});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, Code::Unavailable);
  EXPECT_FALSE(leader->may_write());
  wire_->stuck = false;
  wire_->stuck.notify_all();
}

TEST_F(LeaderTest, ADeletedLeaseEndsTheTermAndTheNextHasAGreaterEpoch) {
  const auto first = candidate("first"), second = candidate("second");
  const auto old_term = first->acquire({});
  ASSERT_TRUE(old_term);
  const auto second_of_creation = lease()["metadata"]["creationTimestamp"].get<std::string>();
  EXPECT_TRUE(test::wait_until([&] { return format_time(real_clock().wall()) > second_of_creation; }));
  ASSERT_TRUE(server_->store()->remove(kube::leases(), "datamesh-system", "datamesh"));
  const auto new_term = second->acquire({});
  ASSERT_TRUE(new_term);
  EXPECT_GT(new_term->epoch, old_term->epoch);
  const auto held = first->hold({});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, Code::Conflict);
  EXPECT_FALSE(first->may_write());
}

TEST_F(LeaderTest, WhatOthersWroteToTheLeaseStays) {
  const auto leader = candidate("first");
  ASSERT_TRUE(leader->acquire({}));
  ASSERT_TRUE(server_->store()->patch(kube::leases(), "datamesh-system", "datamesh",
                                      {.body = R"({"metadata":{"labels":{"team":"platform"}}})", .subresource = ""}));
  const Json before = lease();
  std::stop_source stop;
  auto held = std::async(std::launch::async, [&] { return leader->hold(stop.get_token()); });
  EXPECT_TRUE(test::wait_until([&] { return lease()["spec"]["renewTime"] != before["spec"]["renewTime"]; }, 60s));
  stop.request_stop();
  EXPECT_TRUE(held.get()) << "a label is no reason to give up";
  EXPECT_EQ(lease()["metadata"]["labels"]["team"], "platform");
  EXPECT_EQ(lease()["spec"]["acquireTime"], before["spec"]["acquireTime"]);
}

TEST_F(LeaderTest, OptionsThatCannotWorkAreRefused) {
  EXPECT_EQ(Leader::create(*wire_, {.ns = "x", .name = "y", .election = {}}, real_clock()).error().code, Code::Invalid);
  EXPECT_EQ(Leader::create(*wire_, {.ns = "", .name = "y", .election = {"a"}}, real_clock()).error().code,
            Code::Invalid);
}

TEST(EpochOf, GrowsWithTransitionsAndWithALaterLease) {
  const auto lease = [](const char* created, std::int64_t transitions) {
    return Json{{"metadata", {{"creationTimestamp", created}}}, {"spec", {{"leaseTransitions", transitions}}}};
  };
  const auto first = *epoch_of(lease("2026-01-01T00:00:00Z", 0));
  EXPECT_GT(first, 0);
  EXPECT_EQ(*epoch_of(lease("2026-01-01T00:00:00Z", 3)), first + 3);
  EXPECT_GT(*epoch_of(lease("2026-01-01T00:00:01Z", 0)), *epoch_of(lease("2026-01-01T00:00:00Z", 1'000'000)));
  EXPECT_FALSE(epoch_of(lease("2026-01-01T00:00:00Z", -1)));
  EXPECT_FALSE(epoch_of(lease("2026-01-01T00:00:00Z", std::int64_t{1} << 40)));
  EXPECT_FALSE(epoch_of(lease("", 0)));
}

}  // namespace
}  // namespace datamesh

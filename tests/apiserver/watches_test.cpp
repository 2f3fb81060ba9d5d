#include "apiserver/web/watches.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include <gtest/gtest.h>

#include "apiserver/bootstrap.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

// What all streams of a test have got.
struct Received {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t count = 0, closed = 0;
  std::set<const std::string*> distinct;  // lines are shared, not copied
  std::vector<std::shared_ptr<const std::string>> lines;

  template <class Check>
  bool eventually(Check check) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), check);
  }
};

class FakeStream : public http::Stream {
 public:
  FakeStream(Received& received, bool slow) : received_(received), slow_(slow) {}
  bool push(std::shared_ptr<const std::string> bytes) override {
    if (slow_) {
      close();
      return false;
    }
    const std::lock_guard lock(received_.mutex);
    ++received_.count;
    received_.distinct.insert(bytes.get());
    received_.lines.push_back(std::move(bytes));
    received_.changed.notify_all();
    return true;
  }
  void close() override {
    if (closed_.exchange(true)) return;
    {
      const std::lock_guard lock(received_.mutex);
      ++received_.closed;
      received_.changed.notify_all();
    }
    if (callback_) callback_();
  }
  bool closed() const override { return closed_; }
  void on_closed(std::function<void()> callback) override { callback_ = std::move(callback); }

 private:
  Received& received_;
  const bool slow_;
  std::atomic<bool> closed_{false};
  std::function<void()> callback_;
};

class FakeExchange : public http::Exchange {
 public:
  FakeExchange(Received& received, bool slow) : received_(received), slow_(slow) {}
  void respond(http::Response) override {}
  std::shared_ptr<http::Stream> stream(int, http::Headers) override {
    return std::make_shared<FakeStream>(received_, slow_);
  }

 private:
  Received& received_;
  const bool slow_;
};

class WatchesTest : public testing::Test {
 protected:
  WatchesTest() : store_(*storage::Store::open({})), pool_(1), slow_(1) {
    engine_ = std::make_unique<Engine>(*store_, rbac_, pool_, slow_, real_clock(), Admission{}, Engine::Limits{});
    watches_ = std::make_unique<Watches>(*engine_, std::chrono::hours(1), 20'000);
    EXPECT_TRUE(ensure_object(*engine_, {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "n"}}}}));
  }
  ~WatchesTest() override {
    watches_->stop();
    pool_.stop();
  }

  void open(bool slow = false, const std::string& labels = {}) {
    WatchRequest request;
    request.view.resource = engine_->catalog()->find("", "configmaps");
    request.view.version = request.view.resource->version("v1");
    request.ns = "n";
    request.from = store_->current_rv();
    if (!labels.empty()) request.selection.labels = *parse_label_selector(labels);
    FakeExchange exchange(received_, slow);
    const auto refused = watches_->open(std::move(request), {}, exchange);
    EXPECT_FALSE(refused) << refused->message;
  }
  void write(const std::string& name) {
    EXPECT_TRUE(ensure_object(
        *engine_, {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}, {"namespace", "n"}}}}));
  }

  std::unique_ptr<storage::Store> store_;
  Rbac rbac_;
  WorkPool pool_, slow_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Watches> watches_;
  Received received_;
};

TEST_F(WatchesTest, TenThousandShareOneLine) {
  for (int i = 0; i < 10'000; ++i) open();
  write("news");
  EXPECT_TRUE(received_.eventually([&] { return received_.count == 10'000; }));
  const std::lock_guard lock(received_.mutex);
  EXPECT_EQ(received_.distinct.size(), 1u);
  const Json event = Json::parse(*received_.lines[0]);
  EXPECT_EQ(event["type"], "ADDED");
  EXPECT_EQ(event["object"]["metadata"]["name"], "news");
}

TEST_F(WatchesTest, OneThatDoesNotReadIsLetGoAndHoldsUpNobody) {
  open(true);
  open();
  write("a");
  write("b");
  EXPECT_TRUE(received_.eventually([&] { return received_.count == 2 && received_.closed == 1; }));
}

TEST_F(WatchesTest, OneThatSelectsNothingGetsNothing) {
  open(false, "a=b");
  open();
  write("plain");
  EXPECT_TRUE(received_.eventually([&] { return received_.count >= 1; }));
  const std::lock_guard lock(received_.mutex);
  EXPECT_EQ(received_.count, 1u);
}

TEST_F(WatchesTest, MoreThanTheLimitAreRefused) {
  Watches few(*engine_, std::chrono::hours(1), 0);
  FakeExchange exchange(received_, false);
  const auto refused = few.open({}, {}, exchange);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, 429);
  EXPECT_GT(refused->retry_after_seconds, 0);
}

}  // namespace
}  // namespace datamesh::apiserver

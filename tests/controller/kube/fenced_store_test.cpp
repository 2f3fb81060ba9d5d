#include "controller/kube/fenced_store.hpp"

#include <gtest/gtest.h>

#include "controller/core/json.hpp"

namespace datamesh::kube {
namespace {

class Counting : public Store {
 public:
  Result<Json> get(const ResourceType&, const std::string&, const std::string&) override { return Json(); }
  Result<std::vector<Json>> list(const ResourceType&, const std::string&) override { return std::vector<Json>(); }
  Result<Json> create(const ResourceType&, const Json&) override { return write(); }
  Result<Json> update(const ResourceType&, const Json&) override { return write(); }
  Result<Json> patch(const ResourceType&, const std::string&, const std::string&, const Patch&) override {
    return write();
  }
  Result<void> remove(const ResourceType&, const std::string&, const std::string&, const std::string&) override {
    ++writes;
    return {};
  }
  void watch(const ResourceType&, const std::string&, const std::function<void(const Event&)>&,
             std::stop_token) override {
    ++watches;
  }
  Result<Json> write() {
    ++writes;
    return Json();
  }
  int writes = 0, watches = 0;
};

struct Switch : Fence {
  Term term() const override { return {"plane", 1}; }
  Result<void> may_write() const override {
    if (over) return Error{Code::Cancelled, "over"};
    return {};
  }
  bool over = false;
};

TEST(FencedStore, WritesNothingWhenTheTermIsOverAndStillReads) {
  const auto server = std::make_shared<Counting>();
  Switch fence;
  FencedStore store(server, fence);
  const auto writes = [&] {
    return std::vector<bool>{bool(store.create(leases(), {})), bool(store.update(leases(), {})),
                             bool(store.patch(leases(), "ns", "a", {})), bool(store.remove(leases(), "ns", "a"))};
  };
  EXPECT_EQ(writes(), std::vector<bool>(4, true));
  EXPECT_EQ(server->writes, 4);
  fence.over = true;
  EXPECT_EQ(writes(), std::vector<bool>(4, false));
  EXPECT_EQ(server->writes, 4);
  EXPECT_EQ(store.create(leases(), {}).error().code, Code::Cancelled);
  EXPECT_TRUE(store.get(leases(), "ns", "a"));
  EXPECT_TRUE(store.list(leases(), "ns"));
  store.watch(leases(), "", [](const Event&) {}, {});
  EXPECT_EQ(server->watches, 1);
}

}  // namespace
}  // namespace datamesh::kube

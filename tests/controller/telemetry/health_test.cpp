#include "controller/telemetry/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datamesh::telemetry {
namespace {

using ::testing::HasSubstr;
using Matters = Health::Matters;

class HealthEndpoints : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start());
    auto made = http::make_client({.url = server_.url()});
    ASSERT_TRUE(made);
    client_ = *std::move(made);
  }

  http::Response get(const std::string& target) {
    const auto answer = client_->get(target);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : http::Response{0, {}, {}};
  }

  Health health_;
  Metrics metrics_{"0"};
  HealthServer server_{health_, metrics_};
  std::unique_ptr<http::Client> client_;
};

TEST_F(HealthEndpoints, AnswerAsKubernetesDoes) {
  bool filled = false;
  health_.add("caches", Matters::ToReadiness, [&]() -> Result<void> {
    if (!filled) return Error{Code::Unavailable, "secret reason"};
    return {};
  });
  health_.add("disk", Matters::ToLiveness, [] { return Result<void>(); });
  EXPECT_EQ(get("/livez").status, 200);
  EXPECT_EQ(get("/livez").body, "ok");
  EXPECT_EQ(get("/healthz").status, 200);
  const http::Response unready = get("/readyz");
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(unready.body, "[+]ping ok\n[-]caches failed: reason withheld\n[+]disk ok\nreadyz check failed\n");
  EXPECT_EQ(get("/readyz?exclude=caches").status, 200);
  EXPECT_EQ(get("/readyz/caches").status, 503);
  EXPECT_EQ(get("/readyz/disk").status, 200);
  EXPECT_EQ(get("/readyz/unknown").status, 404);
  filled = true;
  EXPECT_EQ(get("/readyz").body, "ok");
  EXPECT_EQ(get("/readyz?verbose").body, "[+]ping ok\n[+]caches ok\n[+]disk ok\nreadyz check passed\n");
  health_.add("disk", Matters::ToLiveness, []() -> Result<void> { return Error{Code::Internal, "full"}; });
  EXPECT_EQ(get("/livez").status, 503);
  EXPECT_EQ(get("/readyz").status, 503) << "who is not alive is not ready";
  health_.remove("disk");
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(HealthEndpoints, ShowMetricsInTheTextFormat) {
  const http::Response metrics = get("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(std::string(metrics.headers.get("Content-Type")), HasSubstr("version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("# TYPE process_open_fds gauge\n"));
}

TEST_F(HealthEndpoints, RefuseWhatTheyAreNotFor) {
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/metrics/x").status, 404);
  EXPECT_EQ(client_->request({.method = "POST", .target = "/metrics"})->status, 405);
  EXPECT_EQ(client_->request({.method = "POST", .target = "/metrics", .body = "x"})->status, 413);
}

}  // namespace
}  // namespace datamesh::telemetry

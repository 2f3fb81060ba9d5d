#include "controller/telemetry/metrics.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datamesh::telemetry {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

Step step(Verb verb, const std::string& kind, HoldReason reason = HoldReason::None) {
  return {.verb = verb, .intent = verb, .id = {kind, "x"}, .owner = {}, .hold_reason = reason, .reason = {}};
}

// The number behind `series` in the text format; -1: not there.
double value_of(const std::string& text, const std::string& series) {
  const std::size_t at = ("\n" + text).find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 1));
}

TEST(Metrics, ShowAPassOverEverything) {
  Metrics metrics("1.2.3");
  Pass pass;
  pass.resources = {{"schema", 3}, {"role", 2}};
  pass.steps = {step(Verb::Create, "schema"), step(Verb::Create, "schema"), step(Verb::Delete, "role")};
  pass.steps[1].error = Error{Code::Denied, "no"};
  pass.remaining = {step(Verb::Create, "schema"), step(Verb::Hold, "table", HoldReason::TooManyDeletes)};
  pass.observe = 20ms;
  metrics.observe("warehouse", pass, {{"role", 4}});
  const std::string text = metrics.expose();
  EXPECT_EQ(value_of(text, R"(datamesh_resources{backend="warehouse",kind="schema"})"), 3);
  EXPECT_EQ(value_of(text, R"(datamesh_pass_changes_total{backend="warehouse",verb="create"})"), 1);
  EXPECT_EQ(value_of(text, R"(datamesh_pass_changes_total{backend="warehouse",verb="delete"})"), 1);
  EXPECT_EQ(value_of(text, R"(datamesh_change_errors_total{backend="warehouse",verb="create"})"), 1);
  EXPECT_EQ(value_of(text, R"(datamesh_drift{backend="warehouse",kind="schema"})"), 1);
  EXPECT_EQ(value_of(text, R"(datamesh_drift{backend="warehouse",kind="role"})"), 0);
  EXPECT_EQ(value_of(text, R"(datamesh_holds{backend="warehouse",reason="TooManyDeletes"})"), 1);
  EXPECT_EQ(value_of(text, R"(datamesh_drift_found_total{backend="warehouse",kind="role"})"), 4);
  EXPECT_EQ(value_of(text, R"(datamesh_pass_errors_total{backend="warehouse"})"), 0);
  EXPECT_EQ(value_of(text, R"(datamesh_pass_seconds_bucket{backend="warehouse",stage="observe",le="0.01"})"), 0);
  EXPECT_EQ(value_of(text, R"(datamesh_pass_seconds_bucket{backend="warehouse",stage="observe",le="0.025"})"), 1);
  EXPECT_EQ(value_of(text, R"(datamesh_build_info{version="1.2.3"})"), 1);
}

TEST(Metrics, ForgetWhatTheNextFullPassNoLongerSees) {
  Metrics metrics("1");
  Pass pass;
  pass.resources = {{"schema", 3}};
  pass.steps = {step(Verb::Hold, "schema", HoldReason::Paused)};
  metrics.observe("b", pass);
  EXPECT_EQ(value_of(metrics.expose(), R"(datamesh_holds{backend="b",reason="Paused"})"), 1);
  Pass part;
  part.scope = Scope::of({});
  metrics.observe("b", part);
  EXPECT_EQ(value_of(metrics.expose(), R"(datamesh_resources{backend="b",kind="schema"})"), 3) << "it saw but a part";
  Pass broken;
  broken.error = Error{Code::Unavailable, "down"};
  metrics.observe("b", broken);
  EXPECT_EQ(value_of(metrics.expose(), R"(datamesh_resources{backend="b",kind="schema"})"), 3) << "it saw nothing";
  EXPECT_EQ(value_of(metrics.expose(), R"(datamesh_pass_errors_total{backend="b"})"), 1);
  metrics.observe("b", Pass{});
  const std::string text = metrics.expose();
  EXPECT_EQ(value_of(text, R"(datamesh_resources{backend="b",kind="schema"})"), 0);
  EXPECT_EQ(value_of(text, R"(datamesh_holds{backend="b",reason="Paused"})"), 0);
  metrics.forget_backend("b");
  EXPECT_THAT(metrics.expose(), Not(HasSubstr(R"(backend="b")")));
}

TEST(Metrics, CountLoopsAsControllerRuntimeDoes) {
  Metrics metrics("1");
  metrics.reconciled("domain", "success", 7ms);
  metrics.reconciled("domain", "error", 1ms);
  metrics.workers("domain", 1, 4);
  metrics.queue_added("domain");
  metrics.queue_retried("domain");
  metrics.queue_depth("domain", 5);
  metrics.queue_waited("domain", 2ms);
  metrics.queue_worked("domain", 2ms);
  metrics.queue_unfinished("domain", 3s, 2s);
  metrics.client_request("200", "GET", "10.0.0.1:6443");
  metrics.client_took("GET", "10.0.0.1:6443", std::chrono::milliseconds(30));
  metrics.leader("datamesh", true);
  const std::string text = metrics.expose();
  EXPECT_EQ(value_of(text, R"(controller_runtime_reconcile_total{controller="domain",result="success"})"), 1);
  EXPECT_EQ(value_of(text, R"(controller_runtime_reconcile_errors_total{controller="domain"})"), 1);
  EXPECT_EQ(value_of(text, R"(controller_runtime_reconcile_time_seconds_bucket{controller="domain",le="0.005"})"), 1);
  EXPECT_EQ(value_of(text, R"(controller_runtime_active_workers{controller="domain"})"), 1);
  EXPECT_EQ(value_of(text, R"(controller_runtime_max_concurrent_reconciles{controller="domain"})"), 4);
  EXPECT_EQ(value_of(text, R"(workqueue_depth{controller="domain",name="domain"})"), 5);
  EXPECT_EQ(value_of(text, R"(workqueue_adds_total{controller="domain",name="domain"})"), 1);
  EXPECT_EQ(value_of(text, R"(workqueue_retries_total{controller="domain",name="domain"})"), 1);
  EXPECT_EQ(value_of(text, R"(workqueue_queue_duration_seconds_count{controller="domain",name="domain"})"), 1);
  EXPECT_EQ(value_of(text, R"(workqueue_work_duration_seconds_count{controller="domain",name="domain"})"), 1);
  EXPECT_EQ(value_of(text, R"(workqueue_unfinished_work_seconds{controller="domain",name="domain"})"), 3);
  EXPECT_EQ(value_of(text, R"(workqueue_longest_running_processor_seconds{controller="domain",name="domain"})"), 2);
  EXPECT_EQ(value_of(text, R"(rest_client_requests_total{code="200",host="10.0.0.1:6443",method="GET"})"), 1);
  EXPECT_EQ(value_of(text, R"(rest_client_request_duration_seconds_count{host="10.0.0.1:6443",verb="GET"})"), 1);
  EXPECT_EQ(value_of(text, R"(leader_election_master_status{name="datamesh"})"), 1);
}

TEST(Metrics, CountApiRequestsAsKubeApiserverDoes) {
  Metrics metrics("1");
  metrics.api_request({.verb = "create",
                       .group = "",
                       .version = "v1",
                       .resource = "pods",
                       .subresource = "",
                       .scope = "namespace",
                       .code = 201,
                       .took = 6ms});
  metrics.api_request({.verb = "watch",
                       .group = "",
                       .version = "v1",
                       .resource = "pods",
                       .subresource = "",
                       .scope = "cluster",
                       .code = 200,
                       .took = 600s});
  metrics.api_in_flight(3, 1);
  const std::string text = metrics.expose();
  EXPECT_EQ(
      value_of(
          text,
          R"(apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="",verb="POST",version="v1"})"),
      1);
  EXPECT_EQ(value_of(text, R"(apiserver_current_inflight_requests{request_kind="readOnly"})"), 3);
  EXPECT_THAT(text, HasSubstr(R"(verb="WATCH")"));
  const std::size_t durations = text.find("apiserver_request_duration_seconds_count");
  ASSERT_NE(durations, text.npos);
  EXPECT_EQ(text.find("apiserver_request_duration_seconds_count", durations + 1), text.npos)
      << "watches have no latency";
}

TEST(Metrics, ShowEveryPhaseAlsoWithoutASubscription) {
  Metrics metrics("1");
  EXPECT_EQ(value_of(metrics.expose(), R"(datamesh_subscriptions{phase="Active"})"), 0);
  metrics.subscriptions({{"Active", 2}});
  EXPECT_EQ(value_of(metrics.expose(), R"(datamesh_subscriptions{phase="Active"})"), 2);
  metrics.subscriptions({{"Expired", 1}});
  const std::string text = metrics.expose();
  EXPECT_EQ(value_of(text, R"(datamesh_subscriptions{phase="Active"})"), 0);
  EXPECT_EQ(value_of(text, R"(datamesh_subscriptions{phase="Expired"})"), 1);
}

TEST(Metrics, BoundTheSeriesOfAFamily) {
  Metrics metrics("1");
  for (std::size_t i = 0; i < Metrics::series_max + 500; ++i)
    metrics.client_request("200", "GET", "host" + std::to_string(i));
  const std::string text = metrics.expose();
  std::size_t series = 0;
  for (std::size_t at = text.find("rest_client_requests_total{"); at != text.npos;
       at = text.find("rest_client_requests_total{", at + 1))
    ++series;
  EXPECT_EQ(series, Metrics::series_max + 1);
  EXPECT_EQ(value_of(text, R"(rest_client_requests_total{code="other",host="other",method="other"})"), 500);
}

TEST(Metrics, ShowTheProcessAsItIs) {
  Metrics metrics("1");
  const std::string text = metrics.expose();
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value_of(text, "process_virtual_memory_bytes"), value_of(text, "process_resident_memory_bytes"));
  EXPECT_GE(value_of(text, "process_open_fds"), 3);
  EXPECT_GE(value_of(text, "process_max_fds"), value_of(text, "process_open_fds"));
  EXPECT_GE(value_of(text, "process_cpu_seconds_total"), 0);
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(value_of(text, "process_start_time_seconds"), now, 300);
}

TEST(Metrics, SurviveManyThreads) {
  Metrics metrics("1");
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&metrics, thread] {
      const std::string backend = "b" + std::to_string(thread % 2);
      for (int i = 0; i < 500; ++i) {
        metrics.proved(backend, "granted", true);
        metrics.queue_added("q");
        if (i % 50 == 0) metrics.forget_backend(backend);
        if (i % 100 == 0) metrics.expose();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(value_of(metrics.expose(), R"(workqueue_adds_total{controller="q",name="q"})"), 2000);
}

class Scripted : public http::Client {
 public:
  Result<http::Response> request(const http::Call& call, std::stop_token) override {
    if (call.target == "/down") return Error{Code::Unavailable, "down"};
    return http::Response{404, {}, {}};
  }
  Result<http::Response> lines(const http::Call&, const std::function<bool(std::string_view)>&,
                               std::stop_token) override {
    return http::Response{200, {}, {}};
  }
};

TEST(CountedClient, CountsAnswersAndSilence) {
  Metrics metrics("1");
  const auto client = counted(std::make_unique<Scripted>(), "h", metrics);
  EXPECT_EQ(client->get("/up")->status, 404);
  EXPECT_FALSE(client->get("/down"));
  EXPECT_TRUE(client->lines({.target = "/w"}, [](std::string_view) { return true; }));
  const std::string text = metrics.expose();
  EXPECT_EQ(value_of(text, R"(rest_client_requests_total{code="404",host="h",method="GET"})"), 1);
  EXPECT_EQ(value_of(text, R"(rest_client_requests_total{code="<error>",host="h",method="GET"})"), 1);
  EXPECT_EQ(value_of(text, R"(rest_client_requests_total{code="200",host="h",method="GET"})"), 1);
}

}  // namespace
}  // namespace datamesh::telemetry

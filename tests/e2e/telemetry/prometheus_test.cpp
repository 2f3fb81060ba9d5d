// A real Prometheus scrapes our endpoint: names, types and labels arrive, and every expression of the shipped dashboard
// and alerts speaks of metrics that exist.

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/core/json.hpp"
#include "controller/http/client.hpp"
#include "controller/telemetry/health.hpp"

extern char** environ;

namespace datamesh::telemetry {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const fs::path manifests = fs::path(DATAMESH_SOURCE_DIR) / "manifests" / "monitoring";

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A child process with its output in a file, ended with the object.
class Child {
 public:
  Child(std::vector<std::string> command, const fs::path& output, const fs::path& input = "/dev/null") {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    std::vector<char*> arguments;
    for (auto& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    EXPECT_EQ(::posix_spawnp(&pid_, command[0].c_str(), &actions, nullptr, arguments.data(), environ), 0) << command[0];
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    wait();
  }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

// Every metric with every label, so that what is shown can be asked for.
void fill(Metrics& metrics) {
  metrics.reconciled("domain", "success", 5ms);
  metrics.reconciled("domain", "error", 5ms);
  metrics.workers("domain", 1, 2);
  metrics.queue_added("domain");
  metrics.queue_retried("domain");
  metrics.queue_depth("domain", 3);
  metrics.queue_waited("domain", 5ms);
  metrics.queue_worked("domain", 5ms);
  metrics.queue_unfinished("domain", 1s, 1s);
  metrics.client_request("200", "GET", "10.0.0.1:6443");
  metrics.leader("datamesh", true);
  metrics.api_request({.verb = "get",
                       .group = "",
                       .version = "v1",
                       .resource = "pods",
                       .subresource = "",
                       .scope = "resource",
                       .code = 200,
                       .took = 5ms});
  metrics.api_in_flight(1, 0);
  metrics.api_long_running("pods", 1);
  metrics.api_watch_events("", "v1", "pods", 4);
  metrics.api_objects("", "pods", 9);
  Pass pass;
  pass.resources = {{"schema", 7}};
  const auto step = [](Verb verb, HoldReason reason) {
    return Step{.verb = verb,
                .intent = Verb::Delete,
                .id = {"schema", "a\"b\\c"},
                .owner = {},
                .hold_reason = reason,
                .reason = {}};
  };
  pass.steps = {step(Verb::Create, HoldReason::None), step(Verb::Update, HoldReason::None)};
  pass.steps[1].error = Error{Code::Denied, "no"};
  pass.remaining = {step(Verb::Hold, HoldReason::TooManyDeletes)};
  metrics.observe("warehouse \"a\\b\n", pass, {{"schema", 1}});  // a name may hold anything
  metrics.observe("warehouse", pass, {{"schema", 1}});
  metrics.proved("warehouse", "granted", true);
  metrics.became_ready("DataProduct", 2s);
  metrics.subscriptions({{"Active", 5}});
}

class Prometheus : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/datamesh-prometheus-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    fill(metrics_);
    ASSERT_TRUE(server_.start());
  }
  static void TearDownTestSuite() {
    server_.stop();
    fs::remove_all(directory_);
  }
  void SetUp() override {
    if (!fs::exists("/usr/bin/promtool")) GTEST_SKIP() << "promtool is not installed (Debian: prometheus)";
  }

  // The exit status of promtool, whose output is left in `output_`.
  int promtool(std::vector<std::string> arguments, const fs::path& input = "/dev/null") {
    arguments.insert(arguments.begin(), "promtool");
    const fs::path file = directory_ / "promtool.out";
    const int status = Child(std::move(arguments), file, input).wait();
    output_ = read(file);
    return status;
  }

  static inline fs::path directory_;
  static inline Health health_;
  static inline Metrics metrics_{"1.2.3"};
  static inline HealthServer server_{health_, metrics_};
  std::string output_;
};

// The expressions of both manifests, with what they are called.
std::vector<std::pair<std::string, std::string>> dashboard_expressions() {
  std::vector<std::pair<std::string, std::string>> found;
  const auto dashboard = parse_json(read(manifests / "dashboard.json"));
  EXPECT_TRUE(dashboard);
  for (const auto& panel : (*dashboard)["panels"]) {
    for (const auto& target : panel.value("targets", Json::array())) {
      std::string expression = target["expr"];
      expression = std::regex_replace(expression, std::regex(R"(\$__rate_interval)"), "1m");
      expression = std::regex_replace(expression, std::regex(R"(\$job)"), ".+");
      found.emplace_back(panel["title"], expression);
    }
  }
  return found;
}

std::vector<std::string> alert_expressions() {
  std::vector<std::string> found;
  const std::string text = read(manifests / "alerts.yaml");
  const std::regex line(R"(\n +expr: (.*))");
  for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it) found.push_back((*it)[1]);
  return found;
}

TEST_F(Prometheus, FindsNothingToSayAgainstTheMetrics) {
  const fs::path page = directory_ / "metrics";
  std::ofstream(page) << metrics_.expose();
  EXPECT_EQ(promtool({"check", "metrics"}, page), 0) << output_;
  EXPECT_EQ(output_, "");
}

TEST_F(Prometheus, AcceptsTheAlerts) {
  EXPECT_EQ(promtool({"check", "rules", "--lint-fatal", (manifests / "alerts.yaml").string()}), 0) << output_;
  EXPECT_GE(alert_expressions().size(), 10u);
}

TEST_F(Prometheus, IsAskedOnlyForMetricsThatExist) {
  std::set<std::string> known = {"up"};
  const std::string text = metrics_.expose();
  const std::regex type(R"(# TYPE (\S+) (\S+))");
  for (std::sregex_iterator it(text.begin(), text.end(), type), end; it != end; ++it) {
    known.insert((*it)[1]);
    if ((*it)[2] == "histogram") {
      for (const char* suffix : {"_bucket", "_sum", "_count"}) known.insert(std::string((*it)[1]) + suffix);
    }
  }
  std::vector<std::string> expressions = alert_expressions();
  for (const auto& [title, expression] : dashboard_expressions()) expressions.push_back(expression);
  const std::regex metric(
      R"(\b(controller_runtime|workqueue|rest_client|leader_election|apiserver|process|datamesh)_\w+)");
  std::size_t names = 0;
  for (const auto& expression : expressions) {
    for (std::sregex_iterator it(expression.begin(), expression.end(), metric), end; it != end; ++it, ++names) {
      EXPECT_TRUE(known.contains(it->str())) << it->str() << " in " << expression;
    }
  }
  EXPECT_GT(names, 50u);
}

TEST_F(Prometheus, ScrapesAndAnswersEveryPanelOfTheDashboard) {
  const fs::path config = directory_ / "prometheus.yml";
  std::ofstream(config) << "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
                        << "rule_files: [" << (manifests / "alerts.yaml").string() << "]\n"
                        << "scrape_configs:\n- job_name: datamesh\n  static_configs: [{targets: ['127.0.0.1:"
                        << server_.port() << "']}]\n";
  // Prometheus does not tell which free port it chose, so one is found for it.
  http::Listener probe({}, [](http::Request&&, const std::shared_ptr<http::Exchange>&) {});
  ASSERT_TRUE(probe.start());
  const std::string address = "127.0.0.1:" + std::to_string(probe.port());
  probe.stop();
  const Child prometheus({"prometheus", "--config.file=" + config.string(), "--web.listen-address=" + address,
                          "--storage.tsdb.path=" + (directory_ / "data").string(), "--log.level=warn"},
                         directory_ / "prometheus.out");
  auto made = http::make_client({.url = "http://" + address});
  ASSERT_TRUE(made);
  const auto client = *std::move(made);
  const auto ask = [&](const std::string& expression) {
    const auto answer = client->get("/api/v1/query?query=" + http::percent_encode(expression));
    if (!answer || answer->status != 200) return Json();
    auto result = parse_json(answer->body);
    return result ? (*result)["data"]["result"] : Json();
  };
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  // Two scrapes at least, or there is no rate.
  while (ask("count_over_time(up{job=\"datamesh\"}[1m]) >= 3").empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << read(directory_ / "prometheus.out");
    ::poll(nullptr, 0, 100);
  }
  EXPECT_EQ(ask("up{job=\"datamesh\"}")[0]["value"][1], "1");
  for (const auto& [title, expression] : dashboard_expressions()) {
    const Json result = ask(expression);
    EXPECT_TRUE(result.is_array() && !result.empty()) << title << ": " << expression;
  }
  for (const auto& expression : alert_expressions()) EXPECT_TRUE(ask(expression).is_array()) << expression;
  const Json drift = ask("datamesh_drift{backend=\"warehouse\",kind=\"schema\"}");
  ASSERT_EQ(drift.size(), 1u);
  EXPECT_EQ(drift[0]["value"][1], "1");
  EXPECT_EQ(drift[0]["metric"]["job"], "datamesh");
  EXPECT_EQ(ask("datamesh_drift{backend=\"warehouse \\\"a\\\\b\\n\"}").size(), 1u) << "labels are escaped";
  const auto firing = client->get("/api/v1/rules?type=alert");
  ASSERT_TRUE(firing);
  for (const auto& rule : (*parse_json(firing->body))["data"]["groups"][0]["rules"]) {
    EXPECT_EQ(rule["health"], "ok") << rule["name"];
  }
}

}  // namespace
}  // namespace datamesh::telemetry

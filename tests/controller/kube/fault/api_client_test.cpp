// Credentials, limits and repetitions of the client, against servers that refuse in every way.

#include "controller/kube/api_client.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/http/listener.hpp"
#include "tests/controller/http/fixtures.hpp"
#include "tests/controller/kube/fault/scripted_server.hpp"
#include "tests/testing/fake_clock.hpp"
#include "tests/testing/temp_dir.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::kube {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::ScriptedServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<http::Client> client_of(const Cluster& cluster, ApiClientOptions options = {}) {
  auto client = make_client(cluster, std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return *std::move(client);
}
Cluster cluster_at(const std::string& url) {
  Cluster cluster;
  cluster.server = url;
  return cluster;
}
std::string header(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ":");
  if (at == std::string::npos) return "";
  const auto begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}
std::string bearer(const std::string& head) {
  const std::string text = header(head, "Authorization");
  return text.starts_with("Bearer ") ? text.substr(7) : "";
}

TEST(ApiClient, WaitsAsLongAsItIsAskedToAndSaysWhoItIs) {
  std::string agent;
  ScriptedServer server([&](int number, const std::string&, const std::string& head, const Peer& peer) {
    agent = header(head, "User-Agent");
    if (number == 0) return peer.answer(429, "{}", "Retry-After: 1\r\n");
    if (number == 1) return peer.answer(503, "{}", "Retry-After: 0\r\n");
    peer.answer(201, "{}");
  });
  std::vector<std::string> codes;
  const auto client = client_of(cluster_at(server.url()), {.on_request = [&](const ApiAttempt& attempt) {
                                  codes.push_back(std::string(attempt.method) + " " + std::string(attempt.code));
                                }});
  const Steady began = real_clock().steady();
  const auto answer = client->request({.method = "POST", .target = "/x", .body = "{}"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_GE(real_clock().steady() - began, 1s);
  EXPECT_THAT(codes, ElementsAre("POST 429", "POST 503", "POST 201"));
  EXPECT_THAT(agent, HasSubstr("datamesh/"));
}

TEST(ApiClient, DoesNotWaitForEverNorWhereItWasNotAskedTo) {
  std::string headers = "Retry-After: 3600\r\n";
  int status = 429;
  ScriptedServer server(
      [&](int, const std::string&, const std::string&, const Peer& peer) { peer.answer(status, "{}", headers); });
  const auto client = client_of(cluster_at(server.url()), {.patience = 5s});
  EXPECT_EQ(client->get("/x")->status, 429);
  EXPECT_EQ(server.count(), 1U);
  headers = "";
  status = 503;
  EXPECT_EQ(client->get("/x")->status, 503);
  EXPECT_EQ(server.count(), 2U);
  headers = "Retry-After: 0\r\n";
  EXPECT_EQ(client->get("/x")->status, 503);
  EXPECT_EQ(server.count(), 12U) << "ten attempts at most";
  status = 409;
  EXPECT_EQ(client->get("/x")->status, 409);
  EXPECT_EQ(server.count(), 13U);
}

TEST(ApiClient, AWatchThatIsTurnedAwayIsBegunAgain) {
  ScriptedServer server([&](int number, const std::string&, const std::string&, const Peer& peer) {
    if (number == 0) return peer.answer(429, "{}", "Retry-After: 0\r\n");
    peer.begin_stream();
    peer.chunk("one\n");
    peer.end_stream();
  });
  std::vector<std::string> lines;
  const auto client = client_of(cluster_at(server.url()));
  const auto ended = client->lines({.target = "/watch"}, [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_THAT(lines, ElementsAre("one"));
}

TEST(ApiClient, StopsWaitingWhenItIsStopped) {
  ScriptedServer server([&](int, const std::string&, const std::string&, const Peer& peer) {
    peer.answer(429, "{}", "Retry-After: 20\r\n");
  });
  std::stop_source stop;
  const auto client = client_of(cluster_at(server.url()));
  std::jthread stopper([&] {
    EXPECT_TRUE(datamesh::test::wait_until([&] { return server.count() == 1; }, 60s));
    stop.request_stop();
  });
  const auto answer = client->request({.target = "/x"}, stop.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Cancelled);
}

TEST(ApiClient, ATokenFileIsReadForEachRequest) {
  datamesh::test::TempDir directory;
  std::vector<std::string> tokens;
  ScriptedServer server([&](int, const std::string&, const std::string& head, const Peer& peer) {
    tokens.push_back(bearer(head));
    peer.answer(200, "{}");
  });
  Cluster cluster = cluster_at(server.url());
  cluster.token_file = directory.write("token", "first\n").string();
  const auto client = client_of(cluster);
  ASSERT_TRUE(client->get("/x"));
  directory.write("token", "second\n");
  ASSERT_TRUE(client->get("/x"));
  EXPECT_THAT(tokens, ElementsAre("first", "second"));
}

class PluginTest : public testing::Test {
 protected:
  // Prints token-1, token-2, ..., each valid for an hour of the test's clock.
  Cluster cluster(const std::string& url, const std::string& body = "") {
    const auto script = directory_.write("get-token", "#!/bin/sh\n" + (body.empty() ? counting() : body));
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    Cluster cluster = cluster_at(url);
    cluster.plugin = ExecPlugin{"client.authentication.k8s.io/v1", script.string(), {}, {}, "see the manual", "{}"};
    cluster.environment = {{"PATH", "/usr/bin:/bin"}};
    return cluster;
  }
  std::string counting() const {
    const std::string runs = (directory_ / "runs").string();
    return "echo x >> " + runs + "\nn=$(wc -l < " + runs +
           ")\necho '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
           "\"status\":{\"token\":\"token-'$n'\",\"expirationTimestamp\":\"2026-01-01T0'$n':00:00Z\"}}'\n";
  }
  datamesh::test::TempDir directory_;
  datamesh::test::FakeClock clock_;  // from 2026-01-01T00:00:00Z
};

TEST_F(PluginTest, IsRunOnceAndAgainBeforeItsCredentialExpires) {
  std::vector<std::string> tokens;
  ScriptedServer server([&](int, const std::string&, const std::string& head, const Peer& peer) {
    tokens.push_back(bearer(head));
    peer.answer(200, "{}");
  });
  const auto client = client_of(cluster(server.url()), {.clock = &clock_});
  ASSERT_TRUE(client->get("/x"));
  clock_.advance(59min);
  ASSERT_TRUE(client->get("/x"));
  clock_.advance(45s);
  ASSERT_TRUE(client->get("/x"));
  EXPECT_THAT(tokens, ElementsAre("token-1", "token-1", "token-2"));
}

TEST_F(PluginTest, IsRunAgainWhenTheServerRefusesItsCredentialOnce) {
  std::vector<std::string> tokens;
  ScriptedServer server([&](int, const std::string&, const std::string& head, const Peer& peer) {
    tokens.push_back(bearer(head));
    peer.answer(tokens.back() == "token-2" ? 200 : 401, "{}");
  });
  const auto client = client_of(cluster(server.url()), {.clock = &clock_});
  EXPECT_EQ(client->get("/x")->status, 200);
  EXPECT_THAT(tokens, ElementsAre("token-1", "token-2"));
  tokens.clear();
  ScriptedServer refusing([&](int, const std::string&, const std::string& head, const Peer& peer) {
    tokens.push_back(bearer(head));
    peer.answer(401, "{}");
  });
  const auto refused = client_of(cluster(refusing.url()), {.clock = &clock_});
  EXPECT_EQ(refused->get("/x")->status, 401);
  EXPECT_EQ(tokens.size(), 2U) << "not for ever";
}

TEST_F(PluginTest, ThatFailsIsNamedWithItsHint) {
  const std::pair<const char*, const char*> cases[] = {
      {"exit 3", "ended with code 3"}, {"kill -9 $$", "by a signal"}, {"echo nonsense", "no JSON"}};
  for (const auto& [body, said] : cases) {
    const auto client = make_client(cluster("http://127.0.0.1:1", body));
    ASSERT_FALSE(client) << body;
    EXPECT_THAT(client.error().message, HasSubstr(said));
    EXPECT_THAT(client.error().message, HasSubstr("get-token"));
  }
  Cluster missing = cluster("http://127.0.0.1:1");
  missing.plugin->command = "/no/such/plugin";
  const auto client = make_client(missing);
  ASSERT_FALSE(client);
  EXPECT_THAT(client.error().message, HasSubstr("see the manual"));
}

TEST_F(PluginTest, ThatHangsOrFloodsIsEnded) {
  Cluster hanging = cluster("http://127.0.0.1:1", "exec sleep 600");
  const auto slow = run_plugin(*hanging.plugin, hanging.environment, 200ms);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, Code::Unavailable);
  Cluster flooding = cluster("http://127.0.0.1:1", "exec yes");
  const auto much = run_plugin(*flooding.plugin, flooding.environment);
  ASSERT_FALSE(much);
  EXPECT_EQ(much.error().code, Code::Unavailable);
}

TEST(ApiClient, TheServersCertificateMayNameAnotherHostIfTheKubeconfigSaysSo) {
  const auto ca = http::testing::a_ca();
  http::CertificateWish wish;
  wish.subject.common_name = "server";
  wish.dns_names = {"api.internal"};
  wish.validity = http::testing::an_hour();
  const auto certificate = http::issue(ca, wish);
  ASSERT_TRUE(certificate);
  http::ListenerOptions options{.threads = 1};
  options.tls = http::TlsOptions{.certificate_pem = certificate->certificate_pem, .key_pem = certificate->key_pem};
  http::Listener listener(options, [](http::Request&&, const std::shared_ptr<http::Exchange>& exchange) {
    exchange->respond({200, {}, "{}"});
  });
  ASSERT_TRUE(listener.start());
  Cluster cluster = cluster_at(listener.url());
  cluster.ca_pem = ca.certificate_pem;
  const auto refused = client_of(cluster)->get("/x");
  EXPECT_FALSE(refused) << "the certificate does not name 127.0.0.1";
  cluster.tls_server_name = "api.internal";
  const auto answer = client_of(cluster)->get("/x");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  cluster.tls_server_name = "other.internal";
  EXPECT_FALSE(client_of(cluster)->get("/x"));
}

}  // namespace
}  // namespace datamesh::kube

#include "controller/http/client.hpp"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/http/fixtures.hpp"
#include "tests/controller/http/raw_peer.hpp"

namespace datamesh::http {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::eventually;
using ::testing::HasSubstr;

std::unique_ptr<Client> client_for(ClientOptions options) {
  auto client = make_client(std::move(options));
  EXPECT_TRUE(client) << client.error().message;
  return client ? *std::move(client) : nullptr;
}

// Both implementations are held to the same promises.
class AnyClient : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/datamesh-http-XXXXXX";
    ASSERT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
    ListenerOptions options{.threads = 1};
    if (std::string(GetParam()) == "unix") options.address = "unix:" + directory_ + "/socket";
    listener_ = std::make_unique<Listener>(
        options, [this](Request&& request, const std::shared_ptr<Exchange>& exchange) { answer(request, exchange); });
    ASSERT_TRUE(listener_->start());
    client_ = client_for({.url = listener_->url(), .bearer_token = [] { return Secret("token"); }});
  }
  void TearDown() override {
    client_.reset();
    listener_->stop(0ms);
    held_.clear();
    listener_.reset();
    ::rmdir(directory_.c_str());
  }

  void answer(const Request& request, const std::shared_ptr<Exchange>& exchange) {
    ++requests_;
    if (request.path == "/echo") {
      exchange->respond({201,
                         {{"X-Method", request.method},
                          {"X-Type", std::string(request.headers.get("Content-Type"))},
                          {"X-Token", std::string(request.headers.get("Authorization"))}},
                         request.body});
    } else if (request.path == "/lines") {
      const auto stream = exchange->stream(200, {});
      stream->push(std::make_shared<const std::string>("one\ntw"));
      stream->push(std::make_shared<const std::string>("o\nthree"));
      stream->close();
    } else if (request.path == "/endless") {
      streams_.push_back(exchange->stream(200, {}));
      streams_.back()->push(std::make_shared<const std::string>("first\n"));
    } else if (request.path == "/elsewhere") {
      exchange->respond({302, {{"Location", listener_->url() + "/echo"}}, ""});
    } else if (request.path == "/never") {
      held_.push_back(exchange);
    } else {
      exchange->respond({404, {}, "no such thing\n"});
    }
  }

  std::string directory_;
  std::atomic<int> requests_ = 0;
  std::vector<std::shared_ptr<Stream>> streams_;
  std::vector<std::shared_ptr<Exchange>> held_;  // by the I/O thread, until that has stopped
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Client> client_;
};

TEST_P(AnyClient, SendsWhatItIsToldAndGivesBackTheAnswer) {
  std::string body(200'000, 'b');
  body[1000] = '\0';
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const auto answer = client_->request(
        {.method = method, .target = "/echo?x=%20", .headers = {{"Content-Type", "application/json"}}, .body = body});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->headers.get("x-method"), method);
    EXPECT_EQ(answer->headers.get("X-Type"), "application/json");
    EXPECT_EQ(answer->headers.get("X-Token"), "Bearer token");
    EXPECT_EQ(answer->body == body, true);
  }
  const auto empty = client_->request({.method = "POST", .target = "/echo"});
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->body, "");
  const auto got = client_->get("/echo");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->headers.get("X-Method"), "GET");
}

TEST_P(AnyClient, TakesARefusalForAnAnswer) {
  const auto answer = client_->get("/nothing");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "no such thing\n");
  const auto lines = client_->lines({.target = "/nothing"}, [](std::string_view) { return ADD_FAILURE(), true; });
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->status, 404);
  EXPECT_EQ(lines->body, "no such thing\n");
}

TEST_P(AnyClient, FollowsNoRedirect) {
  const auto answer = client_->get("/elsewhere");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(requests_, 1);
}

TEST_P(AnyClient, GivesLinesAsTheyComeUntilTheEnd) {
  std::vector<std::string> lines;
  const auto answer = client_->lines({.target = "/lines"}, [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(lines, ElementsAre("one", "two", "three"));
}

TEST_P(AnyClient, StopsWhenNoMoreLinesAreWanted) {
  int lines = 0;
  const auto answer = client_->lines({.target = "/endless"}, [&](std::string_view) { return ++lines < 1; });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(lines, 1);
  EXPECT_TRUE(eventually([&] { return streams_.back()->closed(); })) << "the connection was let go of";
}

TEST_P(AnyClient, GivesUpASilentStream) {
  const auto answer = client_->lines({.target = "/endless", .timeout = 200ms}, [](std::string_view) { return true; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("in time"));
}

TEST_P(AnyClient, GivesUpWithoutAnAnswerInTime) {
  const auto answer = client_->request({.target = "/never", .timeout = 200ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Unavailable);
  const auto next = client_->get("/echo");
  EXPECT_TRUE(next) << next.error().message;
}

TEST_P(AnyClient, ComesBackAtOnceWhenStopped) {
  std::stop_source stop;
  auto watch = std::async(std::launch::async, [&] {
    return client_->lines(
        {.target = "/endless", .timeout = 60s}, [](std::string_view) { return true; }, stop.get_token());
  });
  auto call = std::async(std::launch::async,
                         [&] { return client_->request({.target = "/never", .timeout = 60s}, stop.get_token()); });
  ASSERT_TRUE(eventually([&] { return requests_ == 2; }));
  stop.request_stop();
  ASSERT_EQ(watch.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(watch.get().error().code, Code::Cancelled);
  ASSERT_EQ(call.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(call.get().error().code, Code::Cancelled);
}

TEST_P(AnyClient, SaysThatNobodyListens) {
  listener_->stop();
  const auto answer = client_->get("/echo");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Unavailable);
}

TEST_P(AnyClient, RefusesToWriteALineBreakIntoAHeader) {
  const auto answer = client_->request({.target = "/echo", .headers = {{"X", "a\r\nY: b"}}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Invalid);
}

INSTANTIATE_TEST_SUITE_P(Implementations, AnyClient, ::testing::Values("tcp", "unix"),
                         [](const auto& tested) { return std::string(tested.param); });

// A server that answers with exactly these bytes, one connection after the other, and counts the requests.
class RawServer {
 public:
  explicit RawServer(std::string answer) : answer_(std::move(answer)), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    ::listen(socket_, 16);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }

  std::string url;
  std::atomic<int> requests = 0;

 private:
  // Answers the first request of a connection, takes the second and closes.
  void serve() {
    for (;;) {
      const int peer = ::accept(socket_, nullptr, nullptr);
      if (peer < 0) return;
      char buffer[65536];
      for (int request = 0; request < 2 && ::recv(peer, buffer, sizeof buffer, 0) > 0; ++request) {
        ++requests;
        if (request == 0) ::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      }
      ::close(peer);
    }
  }

  const std::string answer_;
  const int socket_;
  std::thread thread_;
};

TEST(CpprestClient, SendsAPostOnceWhenAKeptConnectionDies) {
  RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const auto client = client_for({.url = server.url});
  ASSERT_TRUE(client->get("/warm"));
  EXPECT_EQ(server.requests, 1);
  const auto answer = client->request({.method = "POST", .target = "/create", .body = "{}", .timeout = 5s});
  ASSERT_FALSE(answer) << answer->status;
  EXPECT_EQ(answer.error().code, Code::Unavailable);
  EXPECT_EQ(server.requests, 2) << "the warm-up and one POST";
  const auto next = client->request({.method = "POST", .target = "/create", .body = "{}", .timeout = 5s});
  EXPECT_TRUE(next) << next.error().message;
}

TEST(CpprestClient, SaysThatAnAnswerWasCutShort) {
  RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok");
  const auto client = client_for({.url = server.url});
  std::stop_source stop;
  auto answer = std::async(std::launch::async, [&] { return client->request({.target = "/", .timeout = 300ms}); });
  const auto result = answer.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::Unavailable);
}

class Tls : public ::testing::Test {
 protected:
  void start(bool client_certificate_required) {
    const KeyPair server = testing::a_server_certificate(ca_);
    listener_ = std::make_unique<Listener>(
        ListenerOptions{.tls = TlsOptions{server.certificate_pem, server.key_pem, client_ca_.certificate_pem,
                                          client_certificate_required},
                        .threads = 1},
        [](Request&& request, const std::shared_ptr<Exchange>& exchange) {
          std::string who = request.peer.tls ? "tls" : "plain";
          if (request.peer.certificate) {
            who += " " + request.peer.certificate->common_name;
            for (const auto& group : request.peer.certificate->organizations) who += " " + group;
          }
          exchange->respond({200, {}, who});
        });
    ASSERT_TRUE(listener_->start());
  }

  Result<Response> ask(const KeyPair* identity, const KeyPair& trusted) {
    ClientOptions options{.url = listener_->url(), .ca_pem = trusted.certificate_pem};
    if (identity) {
      options.certificate_pem = identity->certificate_pem;
      options.key_pem = identity->key_pem;
    }
    return client_for(std::move(options))->get("/who");
  }

  const KeyPair ca_ = testing::a_ca("servers"), client_ca_ = testing::a_ca("clients"),
                other_ca_ = testing::a_ca("others");
  std::unique_ptr<Listener> listener_;
};

TEST_F(Tls, ShowsTheHandlerWhoAsks) {
  start(false);
  const KeyPair alice = testing::a_client_certificate(client_ca_, {"alice", {"sales", "admins"}});
  const auto answer = ask(&alice, ca_);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "tls alice sales admins");
  EXPECT_EQ(ask(nullptr, ca_)->body, "tls");
}

TEST_F(Tls, TakesACertificateOfAnotherAuthorityForNone) {
  start(false);
  const KeyPair mallory = testing::a_client_certificate(other_ca_, {"alice", {"admins"}});
  const auto answer = ask(&mallory, ca_);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "tls");
}

TEST_F(Tls, RefusesAPeerWithoutARequiredCertificate) {
  start(true);
  const KeyPair alice = testing::a_client_certificate(client_ca_, {"alice", {}});
  const KeyPair mallory = testing::a_client_certificate(other_ca_, {"alice", {}});
  EXPECT_EQ(ask(nullptr, ca_).error().code, Code::Unavailable);
  EXPECT_EQ(ask(&mallory, ca_).error().code, Code::Unavailable);
  const auto answer = ask(&alice, ca_);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "tls alice");
}

TEST_F(Tls, ClientTrustsNoOtherAuthority) {
  start(false);
  const auto answer = ask(nullptr, other_ca_);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::Unavailable);
}

TEST_F(Tls, ServesANewCertificateWithoutARestart) {
  start(false);
  ASSERT_TRUE(ask(nullptr, ca_));
  const KeyPair renewed = testing::a_server_certificate(other_ca_);
  ASSERT_TRUE(listener_->set_tls({renewed.certificate_pem, renewed.key_pem}));
  EXPECT_TRUE(ask(nullptr, other_ca_));
  EXPECT_FALSE(ask(nullptr, ca_));
  EXPECT_EQ(listener_->set_tls({renewed.certificate_pem, ca_.key_pem}).error().code, Code::Invalid);
  EXPECT_TRUE(ask(nullptr, other_ca_)) << "a bad pair changes nothing";
}

TEST_F(Tls, LeavesNothingBehindOfAPeerThatNeverSaysHello) {
  start(false);
  for (int i = 0; i < 50; ++i) {
    testing::RawPeer probe(listener_->port());
    ASSERT_TRUE(probe.connected());
  }
  testing::RawPeer plain(listener_->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(plain.closes());
  EXPECT_TRUE(eventually([&] { return listener_->stats().accepted == 51 && listener_->stats().connections == 0; }));
}

TEST(Client, SaysWhichOptionIsUnusable) {
  EXPECT_EQ(make_client({.url = "https://x", .ca_pem = "nonsense"}).error().code, Code::Invalid);
  EXPECT_EQ(make_client({.url = "not a url"}).error().code, Code::Invalid);
}

}  // namespace
}  // namespace datamesh::http

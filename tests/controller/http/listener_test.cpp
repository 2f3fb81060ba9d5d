#include "controller/http/listener.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>

#include "tests/controller/http/raw_peer.hpp"

namespace datamesh::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RawPeer;
using ::testing::StartsWith;

// Answers with what it was asked: method, path, length of the body.
void echo(Request&& request, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond({200, {}, request.method + " " + request.path + " " + std::to_string(request.body.size()) + "\n"});
}

Limits quick() {
  Limits limits;
  limits.header_bytes = 16 * 1024;
  limits.body_bytes = 1 << 20;
  limits.request = 300ms;
  limits.idle = 300ms;
  limits.write = 300ms;
  return limits;
}

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

struct Hostile {
  std::string name;
  std::string input;
  std::string answer;  // how it begins; "" : the connection is closed without one
};

std::vector<Hostile> hostile_inputs() {
  const std::string post = "POST /a HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 100'000; ++i) many += "a: b\r\n";
  return {
      {"a chunk size of -1", chunked + "-1\r\nabc\r\n", "HTTP/1.1 400"},
      {"a chunk size over every limit", chunked + "ffffffff\r\nabc", "HTTP/1.1 413"},
      {"a chunk size that wraps around", chunked + "1ffffffffffffffff\r\nabc", "HTTP/1.1 400"},
      {"a chunk size that is no number", chunked + "zzz\r\n", "HTTP/1.1 400"},
      {"a chunk without its end of line", chunked + "3\r\nabcde\r\n0\r\n\r\n", "HTTP/1.1 400"},
      {"a chunk extension without end", chunked + "3;" + std::string(200'000, 'a'), "HTTP/1.1 431"},
      {"a negative length", post + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400"},
      {"a length that is no number", post + "Content-Length: ten\r\n\r\n", "HTTP/1.1 400"},
      {"two lengths that differ", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400"},
      {"a length beside chunks", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 400"},
      {"an unknown transfer encoding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501"},
      {"chunks that are not the last encoding", post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 501"},
      {"a length over the limit", post + "Content-Length: 1073741824\r\n\r\n" + std::string(100'000, 'x'),
       "HTTP/1.1 413"},
      {"a header without end", "GET / HTTP/1.1\r\nHost: x\r\na: " + std::string(1 << 20, 'a'), "HTTP/1.1 431"},
      {"a target without end", "GET /" + std::string(1 << 20, 'a'), "HTTP/1.1 431"},
      {"100,000 headers", many + "\r\n", "HTTP/1.1 431"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
      {"a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "HTTP/1.1 400"},
      {"a NUL in the path", get("/a%00b"), "HTTP/1.1 400"},
      {"a broken escape", get("/a%zz"), "HTTP/1.1 400"},
      {"an unknown expectation", post + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 417"},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505"},
      {"a TLS hello to a plain port",
       std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, '\x01'), "HTTP/1.1 400"},
      {"bytes that are no HTTP", std::string(1000, '\xff'), "HTTP/1.1 400"},
      {"only line breaks", "\r\n\r\n\r\n", "HTTP/1.1 400"},
      {"half a request, then silence", "GET / HTTP/1.1\r\nHos", "HTTP/1.1 408"},
      {"half a body, then silence", post + "Content-Length: 10\r\n\r\nabc", "HTTP/1.1 408"},
      {"silence", "", ""},
  };
}

class HostileInput : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileInput, IsRefusedAndTheServerLives) {
  Listener listener({.threads = 1, .limits = quick()}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send(GetParam().input);
  const std::string answer = peer.receive_all();
  if (GetParam().answer.empty()) {
    EXPECT_EQ(answer, "");
  } else {
    EXPECT_THAT(answer, StartsWith(GetParam().answer)) << GetParam().name;
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
  }
  RawPeer next(listener.port());
  next.send(get("/alive"));
  EXPECT_THAT(next.receive_until("/alive 0"), StartsWith("HTTP/1.1 200"));
  next.close();
  peer.close();
  EXPECT_TRUE(eventually([&] { return listener.stats().connections == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Table, HostileInput, ::testing::ValuesIn(hostile_inputs()), [](const auto& tested) {
  std::string name = tested.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

TEST(Listener, AnswersPipelinedRequestsInOrder) {
  Listener listener({.threads = 1}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  std::string all;
  for (int i = 0; i < 100; ++i) all += get("/" + std::to_string(i));
  all += "POST /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
  peer.send(all);
  const std::string answers = peer.receive_all();
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = answers.find("GET /" + std::to_string(i) + " 0\n", at);
    ASSERT_NE(at, answers.npos) << i;
  }
  EXPECT_NE(answers.find("POST /last 3\n", at), answers.npos);
}

TEST(Listener, ReadsARequestHoweverItIsCut) {
  Listener listener({.threads = 1}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  const std::string request =
      "POST /cut HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: "
      "y\r\n\r\n";
  for (int round = 0; round < 3; ++round) {
    for (const char c : request) ASSERT_TRUE(peer.send({&c, 1}));
    EXPECT_THAT(peer.receive_until("13\n"), HasSubstr("POST /cut 13\n"));
  }
}

TEST(Listener, AnswersFromAnotherThreadLater) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> waiting;
  Listener listener({.threads = 2}, [&](Request&&, std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(exchange));
  });
  ASSERT_TRUE(listener.start());
  RawPeer first(listener.port()), second(listener.port());
  first.send(get("/1"));
  ASSERT_TRUE(eventually([&] { return std::lock_guard(mutex), waiting.size() == 1; }));
  second.send(get("/2"));
  ASSERT_TRUE(eventually([&] { return std::lock_guard(mutex), waiting.size() == 2; }));
  waiting[1]->respond({200, {}, "for 2"});
  EXPECT_THAT(second.receive_until("for 2"), HasSubstr("for 2"));
  waiting[0]->respond({200, {}, "for 1"});
  waiting[0]->respond({200, {}, "ignored"});
  EXPECT_THAT(first.receive_until("for 1"), HasSubstr("for 1"));
}

TEST(Listener, AnswersAForgottenRequestWith500) {
  Listener listener({.threads = 1}, [](Request&&, const std::shared_ptr<Exchange>&) {});
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send(get("/"));
  EXPECT_THAT(peer.receive_until("given"), StartsWith("HTTP/1.1 500"));
}

TEST(Listener, SurvivesAHandlerThatThrows) {
  Listener listener({.threads = 1},
                    [](Request&&, const std::shared_ptr<Exchange>&) { throw std::runtime_error("no"); });
  ASSERT_TRUE(listener.start());
  for (int i = 0; i < 2; ++i) {
    RawPeer peer(listener.port());
    peer.send(get("/"));
    EXPECT_THAT(peer.receive_until("given"), StartsWith("HTTP/1.1 500"));
  }
}

TEST(Listener, TellsTheHandlerWhatWasAsked) {
  std::promise<Request> asked;
  Listener listener({.threads = 1}, [&](Request&& request, const std::shared_ptr<Exchange>& exchange) {
    asked.set_value(std::move(request));
    exchange->respond({.status = 204, .headers = {}, .body = {}});
  });
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send(
      "PATCH /a%2Fb%20c/d?x=1&x=%32&watch=a+b&flag HTTP/1.1\r\nhost: me\r\ncontent-TYPE: t\r\nContent-Length: "
      "2\r\n\r\n{}");
  const Request request = asked.get_future().get();
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.path, "/a/b c/d");
  EXPECT_EQ(request.target, "/a%2Fb%20c/d?x=1&x=%32&watch=a+b&flag");
  EXPECT_EQ(request.parameter("watch"), "a b");
  EXPECT_EQ(request.parameter("x"), "1");
  EXPECT_EQ(request.query.count("x"), 2u);
  EXPECT_TRUE(request.query.contains("flag"));
  EXPECT_EQ(request.parameter("none"), "");
  EXPECT_EQ(request.headers.get("Content-Type"), "t");
  EXPECT_EQ(request.body, "{}");
  EXPECT_EQ(request.peer.address, "127.0.0.1");
  EXPECT_NE(request.peer.port, 0);
  const std::string answer = peer.receive_until("\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 No Content"));
  EXPECT_EQ(answer.find("Content-Length"), answer.npos);
}

TEST(Listener, NeverLetsAValueBeginAHeaderOfItsOwn) {
  Listener listener({.threads = 1}, [](Request&&, const std::shared_ptr<Exchange>& exchange) {
    exchange->respond({200, {{"X-Good", "1"}, {"X-Bad", "a\r\nSet-Cookie: b"}, {"Content-Length", "99"}}, "ok"});
  });
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send(get("/"));
  const std::string answer = peer.receive_until("ok");
  EXPECT_THAT(answer, HasSubstr("X-Good: 1\r\n"));
  EXPECT_EQ(answer.find("Set-Cookie"), answer.npos);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 2\r\n"));
}

TEST(Listener, SaysContinueBeforeABodyIsSent) {
  Listener listener({.threads = 1}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send("PUT /big HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(peer.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("abcd");
  EXPECT_THAT(peer.receive_until("4\n"), HasSubstr("PUT /big 4\n"));
}

TEST(Listener, RefusesABodyTooLargeBeforeItIsSent) {
  Listener listener({.threads = 1}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send("PUT /big HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4000000\r\n\r\n");
  EXPECT_THAT(peer.receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST(Listener, TakesABodyOfExactlyTheLimit) {
  Limits limits;
  limits.body_bytes = 100'000;
  Listener listener({.threads = 1, .limits = limits}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send("PUT /fits HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_THAT(peer.receive_until("100000\n"), HasSubstr("PUT /fits 100000\n"));
}

TEST(Listener, KeepsConnectionsAsTheProtocolSays) {
  Listener listener({.threads = 1, .limits = quick()}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer old(listener.port());
  old.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.closes(250ms)) << "HTTP/1.0 does not keep";
  RawPeer asks(listener.port());
  asks.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(asks.receive_until("/old 0\n"), HasSubstr("Connection: keep-alive"));
  asks.send(get("/again", "Connection: close\r\n"));
  EXPECT_THAT(asks.receive_all(), HasSubstr("Connection: close"));
  RawPeer idle(listener.port());
  idle.send(get("/"));
  EXPECT_TRUE(idle.closes(5s)) << "the idle time is over";
}

TEST(Listener, AnswersHeadWithoutABody) {
  Listener listener({.threads = 1}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next", "Connection: close\r\n"));
  const std::string answers = peer.receive_all();
  EXPECT_THAT(answers, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_EQ(answers.find("HEAD /h"), answers.npos);
  EXPECT_THAT(answers, HasSubstr("GET /next 0\n"));
}

TEST(Listener, ListensOnAUnixSocketThatOthersCannotOpen) {
  char directory[] = "/tmp/datamesh-http-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/socket";
  std::promise<Peer> seen;
  {
    Listener listener({.address = "unix:" + path, .threads = 1},
                      [&](Request&& request, const std::shared_ptr<Exchange>& exchange) {
                        seen.set_value(request.peer);
                        exchange->respond({200, {}, "hello"});
                      });
    ASSERT_TRUE(listener.start());
    Listener rival({.address = "unix:" + path}, echo);
    const auto refused = rival.start();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::Unavailable);
    const int peer = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string request = get("/");
    ASSERT_EQ(::send(peer, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    const Peer at_the_other_end = seen.get_future().get();
    EXPECT_EQ(at_the_other_end.address, "unix");
    EXPECT_EQ(at_the_other_end.uid, ::getuid());
    ::close(peer);
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "stop() removes it";
  ::rmdir(directory);
}

TEST(Listener, SaysWhyItCannotListen) {
  Listener listener({}, echo);
  ASSERT_TRUE(listener.start());
  Listener rival({.port = listener.port()}, echo);
  const auto taken = rival.start();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::Unavailable);
  EXPECT_THAT(taken.error().message, HasSubstr("in use"));
  Listener nowhere({.address = "not an address"}, echo);
  EXPECT_EQ(nowhere.start().error().code, Code::Invalid);
}

TEST(Listener, RefusesConnectionsOverItsLimit) {
  Limits limits;
  limits.connections = 2;
  Listener listener({.threads = 1, .limits = limits}, echo);
  ASSERT_TRUE(listener.start());
  RawPeer one(listener.port()), two(listener.port());
  for (RawPeer* peer : {&one, &two}) {
    peer->send(get("/"));
    EXPECT_THAT(peer->receive_until("/ 0"), StartsWith("HTTP/1.1 200"));
  }
  RawPeer three(listener.port());
  EXPECT_TRUE(three.closes(5s));
  one.close();
  ASSERT_TRUE(eventually([&] { return listener.stats().connections == 1; }));
  RawPeer four(listener.port());
  four.send(get("/"));
  EXPECT_THAT(four.receive_until("/ 0"), StartsWith("HTTP/1.1 200"));
}

TEST(Listener, CompressesLargeBodiesForThoseWhoAccept) {
  const std::string large(300'000, 'x');
  Listener listener({.threads = 1}, [&](Request&&, const std::shared_ptr<Exchange>& exchange) {
    exchange->respond({200, {}, large});
  });
  ASSERT_TRUE(listener.start());
  RawPeer peer(listener.port());
  peer.send(get("/", "Accept-Encoding: deflate, gzip;q=1.0\r\nConnection: close\r\n"));
  const std::string compressed = peer.receive_all();
  EXPECT_NE(compressed.find("Content-Encoding: gzip\r\n"), compressed.npos);
  EXPECT_LT(compressed.size(), 10'000u);
  RawPeer plain(listener.port());
  plain.send(get("/", "Accept-Encoding: gzip;q=0\r\nConnection: close\r\n"));
  EXPECT_GT(plain.receive_all().size(), large.size());
}

TEST(Listener, DrainsBeforeItStops) {
  std::promise<std::shared_ptr<Exchange>> asked;
  auto listener = std::make_unique<Listener>(
      ListenerOptions{.threads = 1},
      [&](Request&&, std::shared_ptr<Exchange> exchange) { asked.set_value(std::move(exchange)); });
  ASSERT_TRUE(listener->start());
  RawPeer peer(listener->port());
  RawPeer idle(listener->port());
  peer.send(get("/"));
  const auto exchange = asked.get_future().get();
  std::thread stopper([&] { listener->stop(10s); });
  EXPECT_TRUE(idle.closes(5s));
  exchange->respond({200, {}, "late"});
  EXPECT_THAT(peer.receive_all(), HasSubstr("late"));
  stopper.join();
  listener.reset();
  exchange->respond({200, {}, "too late"});
}

TEST(Listener, OutlivedExchangesAreHarmless) {
  std::promise<std::shared_ptr<Exchange>> asked;
  auto listener = std::make_unique<Listener>(
      ListenerOptions{.threads = 1},
      [&](Request&&, std::shared_ptr<Exchange> exchange) { asked.set_value(std::move(exchange)); });
  ASSERT_TRUE(listener->start());
  RawPeer peer(listener->port());
  peer.send(get("/"));
  auto exchange = asked.get_future().get();
  listener->stop(0ms);
  listener.reset();
  const auto stream = exchange->stream(200, {});
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->push(std::make_shared<const std::string>("x")));
  bool told = false;
  stream->on_closed([&] { told = true; });
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace datamesh::http

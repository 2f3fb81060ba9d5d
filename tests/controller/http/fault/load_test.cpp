// What only shows under load: many streams, hostile crowds, running out of descriptors, cancelling while data arrives.

#include <fstream>
#include <future>
#include <mutex>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include "controller/http/client.hpp"
#include "tests/controller/http/fixtures.hpp"
#include "tests/controller/http/raw_peer.hpp"

namespace datamesh::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::RawPeer;

void raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Load, TwoThousandStreamsReceiveEveryEvent) {
  raise_descriptor_limit(8192);
  constexpr std::size_t count = 2'000;
  constexpr int events = 20;
  std::mutex mutex;
  std::vector<std::shared_ptr<Stream>> streams;
  Listener listener({}, [&](Request&&, const std::shared_ptr<Exchange>& exchange) {
    auto stream = exchange->stream(200, {});
    const std::lock_guard lock(mutex);
    streams.push_back(std::move(stream));
  });
  ASSERT_TRUE(listener.start());
  const std::size_t before = resident_bytes();
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (std::size_t i = 0; i < count; ++i) {
    peers.push_back(std::make_unique<RawPeer>(listener.port()));
    ASSERT_TRUE(peers.back()->send("GET /watch HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  ASSERT_TRUE(eventually([&] { return listener.stats().streams == count; }));
  const std::size_t per_stream = (resident_bytes() - before) / count;
  RecordProperty("bytes_per_stream", static_cast<int>(per_stream));
  EXPECT_LT(per_stream, 16u * 1024) << "both ends are in this process";
  for (int event = 0; event < events; ++event) {
    const auto bytes = std::make_shared<const std::string>("event " + std::to_string(event) + ";");
    const std::lock_guard lock(mutex);
    for (const auto& stream : streams) ASSERT_TRUE(stream->push(bytes));
  }
  const std::string last = "event " + std::to_string(events - 1) + ";";
  for (const auto& peer : peers) {
    const std::string got = peer->receive_until(last);
    for (int event = 0; event < events; ++event) {
      ASSERT_NE(got.find("event " + std::to_string(event) + ";"), got.npos) << event;
    }
  }
  peers.clear();
  EXPECT_TRUE(eventually([&] { return listener.stats().connections == 0; })) << "each disconnect was noticed";
  const std::lock_guard lock(mutex);
  for (const auto& stream : streams) EXPECT_TRUE(stream->closed());
}

TEST(Load, ACrowdOfSlowSendersDoesNotKeepOthersWaiting) {
  raise_descriptor_limit(8192);
  Limits limits;
  limits.request = 1s;
  Listener listener({.threads = 1, .limits = limits}, [](Request&&, const std::shared_ptr<Exchange>& exchange) {
    exchange->respond({200, {}, "served"});
  });
  ASSERT_TRUE(listener.start());
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (int i = 0; i < 500; ++i) {
    slow.push_back(std::make_unique<RawPeer>(listener.port()));
    slow.back()->send("GET / HTTP/1.1\r\nX-");
  }
  const auto until = std::chrono::steady_clock::now() + 900ms;
  int served = 0;
  while (std::chrono::steady_clock::now() < until) {
    for (std::size_t i = 0; i < slow.size(); i += 50) slow[i]->send("a");  // one byte now and then renews nothing
    RawPeer peer(listener.port());
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_NE(peer.receive_until("served").find("served"), std::string::npos);
    ++served;
  }
  EXPECT_GT(served, 10);
  for (const auto& peer : slow) EXPECT_TRUE(peer->closes(5s));
}

TEST(Load, RestsWhenDescriptorsRunOutAndGoesOn) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the undefined behaviour sanitizer opens pipes to look at memory, and takes none for an error";
#endif
  Listener listener({.threads = 1}, [](Request&&, const std::shared_ptr<Exchange>& exchange) {
    exchange->respond({200, {}, "served"});
  });
  ASSERT_TRUE(listener.start());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  RawPeer waiting(listener.port());
  waiting.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_NE(waiting.receive_until("served").find("served"), std::string::npos);
  std::vector<std::unique_ptr<RawPeer>> crowd;  // connected by the kernel; this end's descriptors are taken first
  for (int i = 0; i < 20; ++i) crowd.push_back(std::make_unique<RawPeer>(listener.port()));
  ASSERT_TRUE(eventually([&] { return listener.stats().connections == 21; }));
  RawPeer late(listener.port());
  ASSERT_TRUE(eventually([&] { return listener.stats().connections == 22; }));
  // No descriptor above those in use may be opened from here on.
  rlimit none = before;
  none.rlim_cur = 3;
  std::vector<int> sockets;
  for (int i = 0; i < 5; ++i) sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (const int socket : sockets) {
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  const double cpu = cpu_seconds();
  ::poll(nullptr, 0, 500);  // the time over which the processor is watched
  EXPECT_LT(cpu_seconds() - cpu, 0.25) << "the accept loop spins";
  EXPECT_EQ(listener.stats().connections, 22u);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(eventually([&] { return listener.stats().connections == 27; })) << "those who waited are let in";
  for (const int socket : sockets) ::close(socket);
}

TEST(Load, MutatedRequestsNeitherCrashNorLeak) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Limits limits;
  limits.request = limits.idle = 1s;
  Listener listener({.threads = 2, .limits = limits}, [](Request&& request, const std::shared_ptr<Exchange>& exchange) {
    if (request.path.size() % 3 == 0) {
      const auto stream = exchange->stream(200, {});
      stream->push(std::make_shared<const std::string>(request.body + "!"));
      stream->close();
    } else {
      exchange->respond({200, {}, request.body});
    }
  });
  ASSERT_TRUE(listener.start());
  const std::vector<std::string> seeds = {
      "GET /ab?x=1 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
      "POST /abc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n",
      "PUT /abcd HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
      "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /x HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n",
  };
  const std::vector<std::string> pieces = {
      "\r\n", "\r\n\r\n", "0\r\n", "-1", "ffffffffffffffff", ": ", "chunked", "\0", "Content-Length: 3\r\n",
      ";",    "%",        " "};
  for (int i = 0; i < 4'000; ++i) {
    std::string text = seeds[random() % seeds.size()] + seeds[random() % seeds.size()];
    for (unsigned edits = random() % 6; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 8);
          break;
        case 2:
          text.insert(at, pieces[random() % pieces.size()]);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 20));
          break;
      }
      if (text.empty()) text = "x";
    }
    RawPeer peer(listener.port());
    const std::size_t cut = random() % text.size();
    peer.send(std::string_view(text).substr(0, cut));
    if (random() % 2) peer.receive(1ms);
    peer.send(std::string_view(text).substr(cut));
    peer.receive(1ms);
  }
  EXPECT_TRUE(eventually([&] { return listener.stats().connections == 0; }));
  EXPECT_EQ(listener.stats().streams, 0u);
}

TEST(Load, CancellingWhileDataArrivesIsSafe) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Stream>> streams;
  Listener listener({.threads = 1}, [&](Request&&, const std::shared_ptr<Exchange>& exchange) {
    auto stream = exchange->stream(200, {});
    const std::lock_guard lock(mutex);
    streams.push_back(std::move(stream));
  });
  ASSERT_TRUE(listener.start());
  std::jthread feeder([&](const std::stop_token& stop) {
    const auto bytes = std::make_shared<const std::string>(std::string(200, 'e') + "\n");
    while (!stop.stop_requested()) {
      const std::lock_guard lock(mutex);
      std::erase_if(streams, [&](const auto& stream) { return !stream->push(bytes); });
    }
  });
  auto made = make_client({.url = listener.url()});
  ASSERT_TRUE(made);
  const auto client = *std::move(made);
  std::atomic<int> cancelled = 0;
  std::vector<std::jthread> watchers;
  const auto until = std::chrono::steady_clock::now() + 5s;
  for (int i = 0; i < 4; ++i) {
    watchers.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      while (std::chrono::steady_clock::now() < until) {
        std::stop_source stop;
        int left = static_cast<int>(random() % 20);
        const auto result = client->lines(
            {.target = "/watch", .timeout = 10s},
            [&](std::string_view) {
              if (--left <= 0) stop.request_stop();
              return true;
            },
            stop.get_token());
        if (!result && result.error().code == Code::Cancelled) ++cancelled;
      }
    });
  }
  watchers.clear();
  feeder.request_stop();
  feeder.join();
  EXPECT_GT(cancelled, 100);
}

TEST(Load, StopsWhileRequestsPourIn) {
  for (int round = 0; round < 20; ++round) {
    auto listener =
        std::make_unique<Listener>(ListenerOptions{}, [](Request&&, const std::shared_ptr<Exchange>& exchange) {
          exchange->respond({200, {}, "served"});
        });
    ASSERT_TRUE(listener->start());
    const std::uint16_t port = listener->port();
    std::atomic<int> served = 0;
    std::vector<std::jthread> askers;
    for (int i = 0; i < 4; ++i) {
      askers.emplace_back([&] {
        RawPeer peer(port);
        while (peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")) {
          if (peer.receive_until("served").find("served") == std::string::npos) break;
          ++served;
        }
      });
    }
    ASSERT_TRUE(eventually([&] { return served > 100; }));
    listener->stop();
    askers.clear();
    listener.reset();
  }
}

// One TLS peer that keeps `depth` requests under way.
class TlsPeer {
 public:
  explicit TlsPeer(std::uint16_t port)
      : peer_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
    SSL_set_fd(ssl_, peer_.descriptor());
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  ~TlsPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  void ask(int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i)
      text += "GET /api/v1/namespaces/default HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n";
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    int answers = 0;
    char buffer[65536];
    std::string tail;
    while (answers < depth) {
      const int got = SSL_read(ssl_, buffer, sizeof buffer);
      ASSERT_GT(got, 0);
      tail.append(buffer, static_cast<std::size_t>(got));
      for (std::size_t at = tail.find("HTTP/1.1 200"); at != tail.npos; at = tail.find("HTTP/1.1 200")) {
        ++answers;
        tail.erase(0, at + 12);
      }
    }
  }

 private:
  RawPeer peer_;
  SSL_CTX* context_;
  SSL* ssl_;
};

TEST(Load, ServesSmallRequestsOverTlsFast) {
  const KeyPair ca = testing::a_ca();
  const KeyPair server = testing::a_server_certificate(ca);
  Listener listener({.tls = TlsOptions{server.certificate_pem, server.key_pem}, .threads = 1},
                    [](Request&&, const std::shared_ptr<Exchange>& exchange) {
                      exchange->respond({200, {{"Content-Type", "application/json"}}, std::string(200, 'j')});
                    });
  ASSERT_TRUE(listener.start());
  std::vector<std::unique_ptr<TlsPeer>> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(std::make_unique<TlsPeer>(listener.port()));
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  int requests = 0;
  while (std::chrono::steady_clock::now() - begin < 2s) {
    for (const auto& peer : peers) peer->ask(4);
    requests += 4 * static_cast<int>(peers.size());
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double rate = requests / seconds;
  std::printf("%.0f requests/s, %.1f us of processor each, both ends\n", rate, (cpu_seconds() - cpu) * 1e6 / requests);
  RecordProperty("requests_per_second", static_cast<int>(rate));
  EXPECT_GT(rate, 1'000) << "an unoptimised build on a busy machine still manages this";
}

}  // namespace
}  // namespace datamesh::http

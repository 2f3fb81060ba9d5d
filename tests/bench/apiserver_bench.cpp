// How fast the embedded API server is over TLS, with its clients in the same process on the same cores.
//   apiserver_bench [creates] [clients] [watchers]
// Prints one line for each measurement. A create is a POST of an object of about 2 KB, on disk when it is answered.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/server.hpp"
#include "crds/crds.hpp"

namespace {

using namespace datamesh;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

long resident_mib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  long kib = 0;
  while (status >> word) {
    if (word == "VmRSS:") status >> kib;
  }
  return kib / 1024;
}

// A blocking TLS connection that is kept.
class Connection {
 public:
  Connection(SSL_CTX* context, std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    good_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, socket_);
    good_ = good_ && SSL_connect(ssl_) == 1;
  }
  ~Connection() {
    SSL_free(ssl_);
    ::close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool good() const { return good_; }
  bool send(const std::string& text) { return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0; }
  // Reads until `text` has come; what came is kept for the next call.
  bool await(const std::string& text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!read_more()) return false;
    }
    buffer_.erase(0, buffer_.find(text) + text.size());
    return true;
  }
  // The status of one response with a Content-Length; 0: the connection broke.
  int response() {
    std::size_t head = 0;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return 0;
    }
    const std::size_t at = buffer_.find("Content-Length: ");
    const std::size_t size = at < head ? std::strtoul(buffer_.c_str() + at + 16, nullptr, 10) : 0;
    while (buffer_.size() < head + 4 + size) {
      if (!read_more()) return 0;
    }
    const int status = std::atoi(buffer_.c_str() + 9);
    buffer_.erase(0, head + 4 + size);
    return status;
  }

 private:
  bool read_more() {
    char bytes[16384];
    const int count = SSL_read(ssl_, bytes, sizeof bytes);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  int socket_;
  SSL* ssl_ = nullptr;
  bool good_ = false;
  std::string buffer_;
};

std::string request(const std::string& method, const std::string& path, const std::string& token,
                    const std::string& body = {}) {
  return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string product(const std::string& name) {
  std::string ports;
  for (int i = 0; i < 6; ++i) {
    ports +=
        std::string(i > 0 ? "," : "") + R"({"name":"port)" + std::to_string(i) +
        R"(","version":"1.2.0","type":"tables","contractId":"c2798941-1b7e-4b03-9e0d-955b1a872b32","description":")" +
        std::string(120, 'd') + R"(","provisioning":{"contractRef":{"name":"orders-v1"},"backend":"warehouse"}})";
  }
  return R"({"apiVersion":"datamesh.dev/v1alpha1","kind":"DataProduct","metadata":{"name":")" + name +
         R"(","labels":{"team":"x"}},"spec":{"name":"Customer Orders","version":"1.4.0","description":{"purpose":")" +
         std::string(300, 'p') + R"("},"outputPorts":[)" + ports + "]}}";
}

struct Totals {
  std::atomic<long> next{0}, errors{0};
};

void create_all(SSL_CTX* context, std::uint16_t port, const std::string& token, long count, Totals& totals,
                std::vector<double>& latencies) {
  Connection connection(context, port);
  if (!connection.good()) {
    ++totals.errors;
    return;
  }
  while (true) {
    const long i = totals.next++;
    if (i >= count) return;
    const auto start = Clock::now();
    connection.send(request("POST", "/apis/datamesh.dev/v1alpha1/namespaces/default/dataproducts?fieldManager=bench",
                            token, product("p" + std::to_string(i))));
    if (connection.response() != 201) ++totals.errors;
    latencies.push_back(seconds_since(start));
  }
}

void bench_creates(SSL_CTX* context, std::uint16_t port, const std::string& token, long count, int clients) {
  Totals totals;
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(clients));
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (auto& own : latencies) {
      threads.emplace_back([&] { create_all(context, port, token, count, totals, own); });
    }
  }
  const double took = seconds_since(start);
  std::vector<double> all;
  for (const auto& own : latencies) all.insert(all.end(), own.begin(), own.end());
  std::sort(all.begin(), all.end());
  if (all.empty()) all.push_back(0);
  std::printf("creates: %ld of %zu bytes, %d clients: %.0f/s, %ld errors, p50 %.1f ms, p99 %.1f ms, %ld MiB resident\n",
              count, product("p1").size(), clients, static_cast<double>(count) / took, totals.errors.load(),
              1e3 * all[all.size() / 2], 1e3 * all[all.size() * 99 / 100], resident_mib());
}

void bench_reads(SSL_CTX* context, std::uint16_t port, const std::string& token, long count) {
  Connection connection(context, port);
  auto start = Clock::now();
  for (long i = 0; i < 2000; ++i) {
    connection.send(request(
        "GET", "/apis/datamesh.dev/v1alpha1/namespaces/default/dataproducts/p" + std::to_string(i % count), token));
    if (connection.response() != 200) std::printf("a GET failed\n");
  }
  std::printf("gets: one client: %.0f/s\n", 2000 / seconds_since(start));
  start = Clock::now();
  connection.send(request("GET", "/apis/datamesh.dev/v1alpha1/dataproducts", token));
  if (connection.response() != 200) std::printf("the LIST failed\n");
  std::printf("list: all %ld objects: %.0f ms\n", count, 1e3 * seconds_since(start));
}

void bench_watchers(SSL_CTX* context, std::uint16_t port, const std::string& token, int count,
                    apiserver::Server& server) {
  std::vector<std::unique_ptr<Connection>> watchers;
  const long before = resident_mib();
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    watchers.push_back(std::make_unique<Connection>(context, port));
    watchers.back()->send(request("GET",
                                  "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=" +
                                      std::to_string(server.stats().resource_version),
                                  token));
    if (!watchers.back()->await("\r\n\r\n")) return void(std::printf("watch %d was refused\n", i));
  }
  std::printf("watches: %d opened in %.1f s, %ld MiB for both ends\n", count, seconds_since(start),
              resident_mib() - before);
  Connection writer(context, port);
  const auto sent = Clock::now();
  writer.send(request("POST", "/api/v1/namespaces/default/configmaps", token,
                      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"news"}})"));
  writer.response();
  int reached = 0;
  for (const auto& watcher : watchers) reached += watcher->await("\"news\"") ? 1 : 0;
  std::printf("watches: one event reached %d of %d in %.0f ms\n", reached, count, 1e3 * seconds_since(sent));
}

}  // namespace

int main(int argc, char** argv) {
  const long creates = argc > 1 ? std::atol(argv[1]) : 20'000;
  const int clients = argc > 2 ? std::atoi(argv[2]) : 64;
  const int watchers = argc > 3 ? std::atoi(argv[3]) : 0;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  char directory[] = "/tmp/datamesh-bench-XXXXXX";
  if (::mkdtemp(directory) == nullptr) return 1;
  apiserver::Server::Options options;
  options.data_dir = directory;
  for (const auto& [name, text] : crds()) options.crds.emplace_back(text);
  auto server = apiserver::Server::start(std::move(options));
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  const auto token = (*server)->mint_token("bench", {apiserver::kMasters}, std::chrono::hours(1));
  if (!token) return 1;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  std::printf("start: %ld MiB resident\n", resident_mib());
  bench_creates(context, (*server)->port(), token->reveal(), creates, clients);
  bench_reads(context, (*server)->port(), token->reveal(), creates);
  if (watchers > 0) bench_watchers(context, (*server)->port(), token->reveal(), watchers, **server);
  const auto stats = (*server)->stats();
  std::printf("store: %zu objects, %llu writes in %llu commits\n", stats.objects,
              static_cast<unsigned long long>(stats.writes), static_cast<unsigned long long>(stats.commits));
  (*server)->stop();
  SSL_CTX_free(context);
  std::filesystem::remove_all(directory);
  return 0;
}

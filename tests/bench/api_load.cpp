// Sends many requests to one API server over kept TLS connections and says how fast they were answered.
//
//   api_load --url https://127.0.0.1:6443 --ca ca.crt --token-file FILE [--connections 64] [--errors-max 5] <requests
//
// A line of the input is a request: METHOD, target, Content-Type and body, with tabs between them. One thread and
// epoll, so that the client takes little of a machine which the server needs. Each connection has one request under
// way. The output is one JSON object; exit 1 if a connection failed or a status was not 2xx.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Time = std::chrono::steady_clock;

double seconds_between(Time::time_point from, Time::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "api_load: " << why << '\n';
  std::exit(1);
}

struct Options {
  std::string host = "127.0.0.1", port, ca, token;
  std::size_t connections = 64, errors_max = 5;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--url") {
      const auto host = value.find("://") + 3, colon = value.rfind(':');
      if (!value.starts_with("https://") || colon < host) give_up("--url https://HOST:PORT");
      options.host = value.substr(host, colon - host);
      options.port = value.substr(colon + 1);
    } else if (name == "--ca") {
      options.ca = value;
    } else if (name == "--token-file") {
      std::ifstream(value) >> options.token;
    } else if (name == "--connections") {
      options.connections = std::strtoul(value.c_str(), nullptr, 10);
    } else if (name == "--errors-max") {
      options.errors_max = std::strtoul(value.c_str(), nullptr, 10);
    } else {
      give_up("unknown option " + name);
    }
  }
  if (options.port.empty() || options.ca.empty() || !options.connections) give_up("--url, --ca and --connections");
  return options;
}

// Where in `text` the answer ends that starts at 0; npos: not all of it is there. Needs a length or chunks.
std::size_t end_of_answer(std::string_view text) {
  const auto head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return head;
  std::string headers(text.substr(0, head));
  std::ranges::transform(headers, headers.begin(), [](unsigned char c) { return std::tolower(c); });
  std::size_t at = head + 4;
  if (const auto length = headers.find("content-length:"); length != std::string::npos) {
    const std::size_t end = at + std::strtoul(headers.c_str() + length + 15, nullptr, 10);
    return end <= text.size() ? end : std::string_view::npos;
  }
  for (;;) {
    const auto line = text.find("\r\n", at);
    if (line == std::string_view::npos) return line;
    const std::size_t size = std::strtoul(std::string(text.substr(at, line - at)).c_str(), nullptr, 16);
    at = line + 2 + size + 2;
    if (at > text.size()) return std::string_view::npos;
    if (size == 0) return at;
  }
}

struct Connection {
  int fd = -1;
  SSL* ssl = nullptr;
  std::string out, in;
  std::size_t sent = 0;
  Time::time_point began;
  bool shaken = false, busy = false, wants_write = true;
};

class Load {
 public:
  Load(const Options& options, std::vector<std::string> requests)
      : options_(options), requests_(std::move(requests)), connections_(options.connections) {
    context_ = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_load_verify_locations(context_, options.ca.c_str(), nullptr) != 1) give_up("cannot read " + options.ca);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    latencies_.reserve(requests_.size());
  }

  // All connections are made, and shaken hands on, before the clock starts.
  int run() {
    epoll_ = epoll_create1(0);
    for (auto& connection : connections_) open(connection);
    while (ready_ < connections_.size()) turn();
    began_ = Time::now();
    for (auto& connection : connections_) next(connection);
    while (answered_ < requests_.size()) turn();
    report(seconds_between(began_, Time::now()));
    return wrong_ ? 1 : 0;
  }

 private:
  void open(Connection& connection) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(options_.port)));
    if (inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1) give_up("--url needs an IPv4 address");
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      give_up(std::string("connect: ") + std::strerror(errno));
    }
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(connection.fd, F_SETFL, O_NONBLOCK);
    connection.ssl = SSL_new(context_);
    SSL_set_fd(connection.ssl, connection.fd);
    SSL_set_connect_state(connection.ssl);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  }

  void turn() {
    epoll_event events[128];
    const int count = epoll_wait(epoll_, events, std::size(events), 60'000);
    if (count == 0) give_up("no answer for a minute");
    for (int i = 0; i < count; ++i) work(*static_cast<Connection*>(events[i].data.ptr));
  }

  void work(Connection& connection) {
    if (!connection.shaken) {
      const int result = SSL_do_handshake(connection.ssl);
      if (result != 1) return want(connection, result);
      connection.shaken = true;
      ++ready_;
      listen_for(connection, false);
    }
    write(connection);
    read(connection);
  }

  void write(Connection& connection) {
    while (connection.sent < connection.out.size()) {
      const int wrote = SSL_write(connection.ssl, connection.out.data() + connection.sent,
                                  static_cast<int>(connection.out.size() - connection.sent));
      if (wrote <= 0) return want(connection, wrote);
      connection.sent += static_cast<std::size_t>(wrote);
    }
    if (connection.wants_write) listen_for(connection, false);
  }

  void read(Connection& connection) {
    char buffer[16384];
    for (;;) {
      const int got = SSL_read(connection.ssl, buffer, sizeof buffer);
      if (got <= 0) return want(connection, got);
      connection.in.append(buffer, static_cast<std::size_t>(got));
      const std::size_t end = end_of_answer(connection.in);
      if (end == std::string::npos || !connection.busy) continue;
      answered(connection, std::string_view(connection.in).substr(0, end));
      connection.in.erase(0, end);
      next(connection);
    }
  }

  // What the TLS layer waits for; anything else is the end.
  void want(Connection& connection, int result) {
    switch (SSL_get_error(connection.ssl, result)) {
      case SSL_ERROR_WANT_READ:
        return listen_for(connection, connection.sent < connection.out.size());
      case SSL_ERROR_WANT_WRITE:
        return listen_for(connection, true);
      default: {
        char text[256] = "the server closed it";
        if (const auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
        give_up(std::string("connection: ") + text);
      }
    }
  }

  void listen_for(Connection& connection, bool write_too) {
    if (connection.wants_write == write_too) return;
    connection.wants_write = write_too;
    epoll_event event{};
    event.events = write_too ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
  }

  void next(Connection& connection) {
    connection.busy = false;
    if (taken_ == requests_.size()) return;
    connection.out = std::move(requests_[taken_++]);
    connection.sent = 0;
    connection.busy = true;
    connection.began = Time::now();
    write(connection);
  }

  void answered(Connection& connection, std::string_view answer) {
    latencies_.push_back(seconds_between(connection.began, Time::now()) * 1e3);
    ++answered_;
    const int status = answer.size() > 12 ? std::atoi(answer.data() + 9) : 0;
    ++statuses_[status];
    if (status / 100 == 2) return;
    if (wrong_++ < options_.errors_max) std::cerr << "api_load: " << answer.substr(0, 2000) << '\n';
  }

  void report(double took) {
    std::ranges::sort(latencies_);
    const auto part = [&](std::size_t percent) {
      return latencies_.empty() ? 0 : latencies_[(latencies_.size() - 1) * percent / 100];
    };
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    std::printf("{\"requests\": %zu, \"seconds\": %.4f, \"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, ",
                answered_, took, static_cast<double>(answered_) / took, part(50), part(99));
    std::printf("\"max_ms\": %.3f, \"client_cpu_seconds\": %.3f, \"not_2xx\": %zu, \"statuses\": {", part(100), cpu,
                wrong_);
    const char* comma = "";
    for (const auto& [status, count] : statuses_) {
      std::printf("%s\"%d\": %zu", comma, status, count);
      comma = ", ";
    }
    std::printf("}}\n");
  }

  const Options options_;
  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  SSL_CTX* context_ = nullptr;
  int epoll_ = -1;
  std::size_t ready_ = 0, taken_ = 0, answered_ = 0, wrong_ = 0;
  std::vector<double> latencies_;
  std::map<int, std::size_t> statuses_;
  Time::time_point began_;
};

std::vector<std::string> read_requests(const Options& options) {
  std::vector<std::string> requests;
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    while (parts.size() < 3) {
      const auto tab = line.find('\t', at);
      if (tab == std::string::npos) give_up("a request has four parts");
      parts.push_back(line.substr(at, tab - at));
      at = tab + 1;
    }
    std::string request = parts[0] + " " + parts[1] + " HTTP/1.1\r\nHost: " + options.host + ":" + options.port;
    request += "\r\nAuthorization: Bearer " + options.token + "\r\nAccept: application/json";
    if (!parts[2].empty()) request += "\r\nContent-Type: " + parts[2];
    request += "\r\nContent-Length: " + std::to_string(line.size() - at) + "\r\n\r\n" + line.substr(at);
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  return Load(options, read_requests(options)).run();
}

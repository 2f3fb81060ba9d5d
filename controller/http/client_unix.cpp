// Requests over a unix socket, which cpprest cannot. One connection per call: they cost microseconds here.

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/core/clock.hpp"
#include "controller/http/client_engines.hpp"
#include "controller/http/parser.hpp"

namespace datamesh::http {
namespace {

struct Descriptor {
  int value = -1;
  explicit Descriptor(int from) : value(from) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

// A connection whose waits end at a deadline or when `stop` is asked.
class Connection {
 public:
  Connection(const std::string& path, const std::stop_token& stop)
      : path_(path),
        socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        stopped_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        on_stop_(stop, Wake{stopped_.value}) {}

  void expect_within(std::chrono::milliseconds time) { deadline_ = real_clock().steady() + time; }

  Result<void> connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return Error{Code::Invalid, "path too long: " + path_};
    std::memcpy(address.sun_path, path_.data(), path_.size());
    while (::connect(socket_.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      if (errno == EISCONN) break;
      if (errno == EAGAIN) {  // its backlog is full; there is nothing to wait on but time
        DATAMESH_CHECK(wait(0, std::chrono::milliseconds(10)));
      } else if (errno != EINTR) {
        return failed("cannot connect");
      }
    }
    return {};
  }

  Result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.value, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        DATAMESH_CHECK(wait(POLLOUT));
      } else if (errno != EINTR) {
        return failed("cannot send");
      }
    }
    return {};
  }

  // Empty: the peer closed.
  Result<std::string_view> receive() {
    for (;;) {
      const ssize_t got = ::recv(socket_.value, buffer_, sizeof buffer_, 0);
      if (got >= 0) return std::string_view(buffer_, static_cast<std::size_t>(got));
      if (errno == EAGAIN) {
        DATAMESH_CHECK(wait(POLLIN));
      } else if (errno != EINTR) {
        return failed("cannot receive");
      }
    }
  }

 private:
  struct Wake {
    int event;
    void operator()() const {
      const std::uint64_t one = 1;
      while (::write(event, &one, sizeof one) < 0 && errno == EINTR) {
      }
    }
  };

  Error failed(const char* what) const {
    return {Code::Unavailable, path_ + ": " + what + ": " + std::strerror(errno)};
  }

  // `pause` non-zero: also over, without an error, after that time.
  Result<void> wait(short events, std::chrono::milliseconds pause = {}) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - real_clock().steady());
    if (left.count() <= 0) return Error{Code::Unavailable, path_ + ": no answer in time"};
    const bool pausing = pause.count() > 0 && pause < left;
    pollfd watched[] = {{stopped_.value, POLLIN, 0}, {pausing ? -1 : socket_.value, events, 0}};
    const int ready = ::poll(watched, 2, static_cast<int>(pausing ? pause.count() : left.count()));
    if (watched[0].revents != 0) return Error{Code::Cancelled, path_ + ": cancelled"};
    if (ready == 0 && !pausing) return Error{Code::Unavailable, path_ + ": no answer in time"};
    return {};
  }

  const std::string path_;
  Descriptor socket_, stopped_;
  std::stop_callback<Wake> on_stop_;
  Steady deadline_;
  char buffer_[64 * 1024];
};

class UnixClient : public Client {
 public:
  explicit UnixClient(ClientOptions options) : options_(std::move(options)), path_(options_.url.substr(5)) {}

  Result<Response> request(const Call& call, std::stop_token stop) override {
    return exchange(call, stop, options_.response_bytes_max, nullptr);
  }

  Result<Response> lines(const Call& call, const std::function<bool(std::string_view)>& line,
                         std::stop_token stop) override {
    return exchange(call, stop, SIZE_MAX, &line);
  }

 private:
  Result<std::string> encode(const Call& call) const {
    DATAMESH_CHECK(check_call(call));
    std::string text = call.method + " " + call.target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    text += "User-Agent: " + options_.user_agent + "\r\n";
    if (options_.bearer_token) {
      if (const Secret token = options_.bearer_token(); !token.empty()) {
        text += "Authorization: Bearer " + token.reveal() + "\r\n";
      }
    }
    for (const auto& [name, value] : call.headers) text += name + ": " + value + "\r\n";
    if (!call.body.empty() || call.method == "POST" || call.method == "PUT" || call.method == "PATCH") {
      text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
    }
    return text + "\r\n" + call.body;
  }

  Result<Response> exchange(const Call& call, const std::stop_token& stop, std::size_t body_bytes_max,
                            const std::function<bool(std::string_view)>* line) {
    if (stop.stop_requested()) return Error{Code::Cancelled, path_ + ": cancelled"};
    DATAMESH_TRY(const std::string text, encode(call));
    auto connection = std::make_unique<Connection>(path_, stop);
    connection->expect_within(call.timeout);
    DATAMESH_CHECK(connection->connect());
    DATAMESH_CHECK(connection->send(text));
    auto parser = std::make_unique<ResponseParser>(call.method == "HEAD", body_bytes_max);
    LineSplitter splitter;
    std::string pending;
    for (;;) {
      DATAMESH_TRY(const std::string_view bytes, connection->receive());
      if (line) connection->expect_within(call.timeout);
      pending += bytes;
      ParseProgress progress = parser->put(pending);
      pending.erase(0, progress.consumed);
      if (progress.done && parser->response().status / 100 == 1) {  // an interim response
        parser = std::make_unique<ResponseParser>(call.method == "HEAD", body_bytes_max);
        progress = parser->put(pending);
        pending.erase(0, progress.consumed);
      }
      if (bytes.empty() && !progress.done && !progress.refused) progress = parser->put_eof();
      if (progress.refused) return Error{Code::Unavailable, path_ + ": " + std::string(progress.why)};
      Response& response = parser->response();
      if (line && parser->header_done() && response.ok()) {
        const bool more = splitter.feed(response.body, *line);
        response.body.clear();
        if (splitter.overflowed()) return Error{Code::Unavailable, path_ + ": a line is too long"};
        if (!more) return std::move(response);
        if (progress.done && !splitter.rest().empty()) (*line)(splitter.rest());
      }
      if (progress.done) return std::move(response);
    }
  }

  const ClientOptions options_;
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<Client>> make_unix_client(ClientOptions options) {
  return std::unique_ptr<Client>(std::make_unique<UnixClient>(std::move(options)));
}

}  // namespace datamesh::http

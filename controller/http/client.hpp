#pragma once
// HTTP requests to trusted servers: the Kubernetes API, a broker's or container engine's API.
//
// Calls block the calling thread, never another. Thread-safe; connections are kept and shared. No redirect is followed
// (credentials would go along). A POST or PATCH is sent at most once per call; GET, HEAD and PUT may be repeated when a
// kept connection turns out dead. A status of 4xx or 5xx is an answer, not an error. Errors: Unavailable (no
// connection, no answer in time, untrusted certificate), Cancelled, Invalid (unusable options).

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/http/message.hpp"

namespace datamesh::http {

struct Call {
  std::string method = "GET";
  std::string target;  // path and query, encoded: "/api/v1/pods?limit=500"
  Headers headers = {};
  std::string body = {};  // Content-Type belongs to headers
  // request(): for the whole call. lines(): the longest silence, so 2-3 times what the server's heartbeats are apart.
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
};

class Client {
 public:
  virtual ~Client() = default;

  virtual Result<Response> request(const Call& call, std::stop_token stop = {}) = 0;

  // Gives each line of an endless body, without its end of line, to `line` on the calling thread, as it arrives; until
  // the body ends (the result is the response with an empty body), `line` returns false (the same), the silence is too
  // long (Unavailable) or stop (Cancelled). A status other than 2xx: `line` is not called, the result has the body.
  // A line over 64 MiB: Unavailable.
  virtual Result<Response> lines(const Call& call, const std::function<bool(std::string_view)>& line,
                                 std::stop_token stop = {}) = 0;

  // Shorthands.
  Result<Response> get(std::string target, std::stop_token stop = {}) {
    return request({.method = "GET", .target = std::move(target)}, std::move(stop));
  }
};

struct ClientOptions {
  // "https://10.0.0.1:6443", "http://127.0.0.1:8222", "unix:/var/run/docker.sock". A path is put before every target.
  std::string url;
  std::string ca_pem = {};           // empty: the system's
  std::string certificate_pem = {};  // the client's own, if any
  Secret key_pem = {};
  bool verify_peer = true;
  // Asked before every request, so that a rotated token is picked up. Empty function or empty secret: none is sent.
  std::function<Secret()> bearer_token = {};
  std::string user_agent = "datamesh";
  std::size_t response_bytes_max = 256u << 20;  // of a request(); over it: Unavailable
};

Result<std::unique_ptr<Client>> make_client(ClientOptions options);

// Splits bytes into lines, however they are cut. "\r\n" counts as "\n".
class LineSplitter {
 public:
  // False: `line` returned false (the rest is dropped), or a line exceeds the limit.
  bool feed(std::string_view bytes, const std::function<bool(std::string_view)>& line);
  bool overflowed() const { return overflowed_; }
  // What came after the last end of line.
  const std::string& rest() const { return rest_; }

  explicit LineSplitter(std::size_t line_bytes_max = 64u << 20) : line_bytes_max_(line_bytes_max) {}

 private:
  std::string rest_;
  std::size_t line_bytes_max_;
  bool overflowed_ = false;
};

}  // namespace datamesh::http

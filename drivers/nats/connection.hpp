#pragma once
// One connection to a NATS server, as one user. The only door to nats.c.

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/core/nkeys.hpp"
#include "controller/core/result.hpp"

struct __natsConnection;  // NOLINT(bugprone-reserved-identifier): the library's own name

namespace datamesh::nats {

struct Request {
  std::string subject, payload;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// A server's own answers that tell no more than "nobody is there" come as NotFound.
struct ConnectOptions {
  std::string url;  // nats://host:port or tls://host:port
  nkeys::UserCredentials user;
  std::string inbox_prefix = "_INBOX";
  std::chrono::milliseconds timeout{5000};  // for the log-in, and for each answer
};

// Thread-safe. Does not reconnect: whoever finds it closed opens another. Errors: Unavailable (no connection, no answer
// in time), Denied (the server does not let the user in, or does not permit the subject), Cancelled.
class Connection {
 public:
  static Result<std::shared_ptr<Connection>> open(const ConnectOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const;

  Result<std::string> request(const Request& request, std::stop_token stop);
  // All requests, up to 64 or 128 KiB under way at once; the answers in the order of the requests.
  std::vector<Result<std::string>> request_all(std::span<const Request> requests, std::stop_token stop);
  // All answers to one request, in the order in which they come, until `last` says of one that it is the last. The last
  // one is included.
  Result<std::vector<std::string>> gather(const Request& request, const std::function<bool(std::string_view)>& last,
                                          std::stop_token stop);
  // Sends requests, of which some get no answer at all, and one more that is known to get one and is served after
  // them. An empty answer: there was none.
  Result<std::vector<std::string>> request_until(std::span<const Request> requests, const Request& sentinel,
                                                 std::stop_token stop);

  // Publishes a request that nobody should be able to send. The server's refusal, or nothing if it was let through.
  // The message says that it must not be stored.
  Result<std::string> refusal(const std::string& subject);

 private:
  struct Answer;
  class Inbox;
  explicit Connection(const ConnectOptions& options);
  Result<void> connect(const std::string& url);
  int give_signature(unsigned char** signature, int* size, const char* nonce);

  nkeys::UserCredentials user_;
  bool is_misencoded_ = false;
  std::string inbox_prefix_;
  std::chrono::milliseconds timeout_;
  __natsConnection* connection_ = nullptr;
};

}  // namespace datamesh::nats

#include "controller/kube/api_client.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <mutex>
#include <sstream>

#include "controller/core/log.hpp"
#include "controller/core/rest.hpp"
#include "controller/kube/token_bucket.hpp"

namespace datamesh::kube {
namespace {

constexpr int kAttempts = 10;  // as client-go
constexpr auto kRetryAfterMax = std::chrono::seconds(30);
constexpr auto kExpiryMargin = std::chrono::seconds(30);

std::string read_token(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  std::string token = text.str();
  while (!token.empty() && (token.back() == '\n' || token.back() == ' ' || token.back() == '\r')) token.pop_back();
  return token;
}

// How long to wait before trying again; nullopt: the server did not say that it would help.
std::optional<Duration> retry_after(const http::Response& response) {
  if (response.status != 429 && response.status < 500) return std::nullopt;
  const std::string_view text = response.headers.get("Retry-After");
  int seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::min<Duration>(std::chrono::seconds(seconds), kRetryAfterMax);
}

// The credential in force, and the connections that were opened with it. Thread-safe.
class Login {
 public:
  Login(const Cluster& cluster, const ApiClientOptions& options) : cluster_(cluster), options_(options) {}

  Result<std::shared_ptr<http::Client>> client() {
    const std::lock_guard lock(mutex_);
    if (cluster_.plugin && is_stale()) {
      DATAMESH_TRY(Credential fresh, run_plugin(*cluster_.plugin, cluster_.environment));
      if (client_ && fresh.certificate_pem != credential_.certificate_pem) client_.reset();
      credential_ = std::move(fresh);
      refused_ = false;
      known_ = true;
    }
    if (!client_) {
      DATAMESH_TRY(auto made, make());
      client_ = std::move(made);
    }
    return client_;
  }

  // The server refused the credential. True: another one can be had, so that it is worth trying again.
  bool refused() {
    const std::lock_guard lock(mutex_);
    refused_ = true;
    return cluster_.plugin.has_value();
  }

 private:
  bool is_stale() const {
    return !known_ || refused_ ||
           (credential_.expires && options_.clock->wall() + kExpiryMargin >= *credential_.expires);
  }

  Secret token() {
    if (!cluster_.token_file.empty()) {
      if (std::string text = read_token(cluster_.token_file); !text.empty()) return Secret(std::move(text));
    }
    if (!cluster_.plugin) return cluster_.token;
    const std::lock_guard lock(mutex_);
    return credential_.token;
  }

  Result<std::unique_ptr<http::Client>> make() {
    http::ClientOptions http{.url = cluster_.server,
                             .ca_pem = cluster_.ca_pem,
                             .certificate_pem = cluster_.certificate_pem,
                             .key_pem = cluster_.key_pem,
                             .verify_peer = cluster_.verify_peer,
                             .bearer_token = [this] { return token(); },
                             .user_agent = options_.user_agent};
    if (!credential_.certificate_pem.empty()) {
      http.certificate_pem = credential_.certificate_pem;
      http.key_pem = credential_.key_pem;
    }
    return http::make_client(std::move(http));
  }

  const Cluster cluster_;
  const ApiClientOptions& options_;
  std::mutex mutex_;
  std::shared_ptr<http::Client> client_;
  Credential credential_;
  bool known_ = false, refused_ = false;
};

class ApiClient : public http::Client {
 public:
  ApiClient(const Cluster& cluster, ApiClientOptions options)
      : options_(std::move(options)),
        login_(cluster, options_),
        host_(host_of(cluster)),
        host_header_(cluster.tls_server_name),
        bucket_(options_.requests_per_second, options_.burst) {}

  Result<void> check() {
    const auto client = login_.client();
    if (!client) return client.error();
    return {};
  }

  Result<http::Response> request(const http::Call& call, std::stop_token stop) override {
    http::Call bounded = prepared(call);
    bounded.timeout = std::min(call.timeout, options_.timeout);
    return repeat(bounded, false, stop, [&](http::Client& client) { return client.request(bounded, stop); });
  }

  Result<http::Response> lines(const http::Call& call, const std::function<bool(std::string_view)>& line,
                               std::stop_token stop) override {
    const http::Call whole = prepared(call);
    return repeat(whole, true, stop, [&](http::Client& client) { return client.lines(whole, line, stop); });
  }

 private:
  // The name in Host is also the one that the certificate is checked for.
  http::Call prepared(http::Call call) const {
    if (!host_header_.empty()) call.headers.set("Host", host_header_);
    return call;
  }

  template <class Send>
  Result<http::Response> repeat(const http::Call& call, bool stream, const std::stop_token& stop, const Send& send) {
    const Steady until = options_.clock->steady() + options_.patience;
    bool renewed = false;
    for (int attempt = 1;; ++attempt) {
      DATAMESH_CHECK(wait_for_turn(stop));
      DATAMESH_TRY(const auto client, login_.client());
      const Steady began = options_.clock->steady();
      Result<http::Response> result = send(*client);
      const Steady ended = options_.clock->steady();
      if (options_.on_request) {
        const std::string code = result ? std::to_string(result->status) : "<error>";
        options_.on_request({call.method, host_, code, stream ? std::nullopt : std::optional(ended - began)});
      }
      if (!result) return result;
      if (result->status == 401 && login_.refused() && !std::exchange(renewed, true)) continue;
      const auto delay = retry_after(*result);
      if (!delay || attempt == kAttempts || ended + *delay > until) {
        tell(call, *result);
        return result;
      }
      log_debug("the API server asks to wait", {{"seconds", std::to_string(whole_seconds(*delay))}});
      rest(*delay, stop);
      if (stop.stop_requested()) return Error{Code::Cancelled, call.method + " " + call.target + ": cancelled"};
    }
  }

  static std::int64_t whole_seconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  }

  Result<void> wait_for_turn(const std::stop_token& stop) {
    Duration wait;
    {
      const std::lock_guard lock(mutex_);
      wait = bucket_.take(options_.clock->steady());
    }
    if (wait > Duration::zero()) rest(wait, stop);
    if (stop.stop_requested()) return Error{Code::Cancelled, "cancelled"};
    return {};
  }

  // What is part of normal work (not found, conflict, gone) is told on request alone.
  static void tell(const http::Call& call, const http::Response& response) {
    if (response.status < 400) return;
    const bool usual = response.status == 404 || response.status == 409 || response.status == 410;
    log(usual ? LogLevel::Debug : LogLevel::Warn, "the API server refused a request",
        {{"method", call.method},
         {"path", call.target.substr(0, call.target.find('?'))},
         {"status", std::to_string(response.status)},
         {"audit_id", response.headers.get("Audit-Id")}});
  }

  const ApiClientOptions options_;
  Login login_;
  const std::string host_, host_header_;
  std::mutex mutex_;
  TokenBucket bucket_;
};

}  // namespace

Result<std::unique_ptr<http::Client>> make_client(const Cluster& cluster, ApiClientOptions options) {
  auto client = std::make_unique<ApiClient>(cluster, std::move(options));
  DATAMESH_CHECK(client->check());
  return std::unique_ptr<http::Client>(std::move(client));
}

std::string host_of(const Cluster& cluster) {
  const auto scheme = cluster.server.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  return cluster.server.substr(begin, cluster.server.find('/', begin) - begin);
}

}  // namespace datamesh::kube

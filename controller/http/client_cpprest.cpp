// The only file that touches cpprestsdk. Its rules (docs/architecture.md, HTTP), each for a fault seen in 2.10.18:
//   - its pool has one thread, cancels are posted to it: cancelling from elsewhere races with arriving data (SIGSEGV);
//   - it never times out by itself: its timer is one of silence, and zero fails at once;
//   - redirects are not followed: Authorization would go along to another host;
//   - bodies cannot be rewound: on a dead kept connection it would silently send a POST again;
//   - every chain ends in a continuation that takes the task: an exception nobody looked at ends the process;
//   - lines are split here: its read_line() manages 15 MB/s.

#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>

#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <pplx/threadpool.h>

#include "controller/core/clock.hpp"
#include "controller/http/client_engines.hpp"
#include "controller/http/openssl.hpp"

namespace datamesh::http {
namespace {

using ByteBuffer = concurrency::streams::producer_consumer_buffer<uint8_t>;
using StreamBuffer = concurrency::streams::streambuf<uint8_t>;

constexpr auto never = std::chrono::hours(24 * 365);
constexpr auto cancel_time = std::chrono::seconds(5);  // for a cancelled operation to come back

// What OpenSSL keeps for the pool's thread goes with it, before OpenSSL's own end.
void release_pool_thread() {
  auto released = std::make_shared<std::promise<void>>();
  crossplat::threadpool::shared_instance().service().post([released] {
    OPENSSL_thread_stop();
    released->set_value();
  });
  released->get_future().wait_for(std::chrono::seconds(1));
}

Result<void> start_pool() {
  static const Result<void> started = []() -> Result<void> {
    try {
      crossplat::threadpool::initialize_with_threads(1);
    } catch (const std::exception& error) {
      return Error{Code::Internal, std::string("the HTTP client's thread pool was started elsewhere: ") + error.what()};
    }
    OPENSSL_init_ssl(0, nullptr);  // first, so that it ends last
    std::atexit(release_pool_thread);
    return {};
  }();
  return started;
}

std::string reason_of(std::exception_ptr problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

// One call under way: waits for the library's tasks on the calling thread, within a deadline, until stopped.
class Flight {
 public:
  Flight(std::string where, std::stop_token stop) : where_(std::move(where)), stop_(std::move(stop)) {}
  ~Flight() { cancel(); }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  void expect_within(std::chrono::milliseconds time) { deadline_ = real_clock().steady() + time; }
  pplx::cancellation_token token() const { return source_.get_token(); }

  template <class T>
  Result<T> await(pplx::task<T> task) {
    struct State {
      std::mutex mutex;
      std::condition_variable_any changed;
      bool done = false;
      std::optional<T> value;
      std::exception_ptr problem;
    };
    auto state = std::make_shared<State>();
    task.then([state](pplx::task<T> finished) {
      std::optional<T> value;
      std::exception_ptr problem;
      try {
        value = finished.get();
      } catch (...) {
        problem = std::current_exception();
      }
      const std::lock_guard lock(state->mutex);
      state->value = std::move(value);
      state->problem = problem;
      state->done = true;
      state->changed.notify_all();
    });
    std::unique_lock lock(state->mutex);
    const auto done = [&] { return state->done; };
    if (!state->changed.wait_until(lock, stop_, deadline_, done)) {
      cancel();
      state->changed.wait_for(lock, cancel_time, done);
      if (stop_.stop_requested()) return Error{Code::Cancelled, where_ + ": cancelled"};
      return Error{Code::Unavailable, where_ + ": no answer in time"};
    }
    if (state->problem) return Error{Code::Unavailable, where_ + ": " + reason_of(state->problem)};
    return *std::move(state->value);
  }

  void landed() { landed_ = true; }

 private:
  void cancel() {
    if (std::exchange(landed_, true)) return;
    crossplat::threadpool::shared_instance().service().post([source = source_] { source.cancel(); });
  }

  const std::string where_;
  const std::stop_token stop_;
  pplx::cancellation_token_source source_;
  Steady deadline_;
  bool landed_ = false;  // nothing is left to cancel
};

web::http::client::http_client_config configure(const ClientOptions& options) {
  web::http::client::http_client_config config;
  config.set_max_redirects(0);
  config.set_timeout(std::chrono::duration_cast<std::chrono::seconds>(never));
  config.set_validate_certificates(options.verify_peer);
  config.set_proxy(web::web_proxy(web::web_proxy::disabled));
  config.set_ssl_context_callback([ca = options.ca_pem, certificate = options.certificate_pem,
                                   key = options.key_pem](boost::asio::ssl::context& context) {
    const auto bytes = [](const std::string& text) { return boost::asio::buffer(text.data(), text.size()); };
    if (!ca.empty()) {
      SSL_CTX_set_cert_store(context.native_handle(), X509_STORE_new());  // that authority alone
      // One call per certificate: the library reads but the first of a bundle.
      auto authorities = openssl::read_certificates(ca);
      for (std::size_t i = 0; authorities && i < authorities->size(); ++i) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.native_handle()), (*authorities)[i].get());
      }
    }
    if (!certificate.empty()) {
      context.use_certificate_chain(bytes(certificate));
      context.use_private_key(bytes(key.reveal()), boost::asio::ssl::context::pem);
    }
  });
  return config;
}

Headers headers_of(const web::http::http_headers& from) {
  Headers headers;
  for (const auto& [name, value] : from) headers.add(name, value);
  return headers;
}

class CpprestClient : public Client {
 public:
  explicit CpprestClient(ClientOptions options)
      : options_(std::move(options)), client_(web::uri(options_.url), configure(options_)) {}

  Result<Response> request(const Call& call, std::stop_token stop) override {
    Result<Response> result = request_once(call, stop);
    if (!result && may_repeat(call, result.error())) return request_once(call, stop);
    return result;
  }

  Result<Response> lines(const Call& call, const std::function<bool(std::string_view)>& line,
                         std::stop_token stop) override {
    Flight flight(where(call), std::move(stop));
    flight.expect_within(call.timeout);
    DATAMESH_TRY(const web::http::http_response answer, send(call, flight));
    Response response{answer.status_code(), headers_of(answer.headers()), {}};
    if (!response.ok()) {
      DATAMESH_CHECK(read_body(answer, call, flight, false, [&](std::string_view bytes) {
        response.body.append(bytes);
        return response.body.size() <= options_.response_bytes_max;
      }));
      return response;
    }
    LineSplitter splitter;
    bool wanted = true;
    const auto give = [&](std::string_view text) { return wanted = line(text); };
    DATAMESH_CHECK(
        read_body(answer, call, flight, true, [&](std::string_view bytes) { return splitter.feed(bytes, give); }));
    if (splitter.overflowed()) return Error{Code::Unavailable, where(call) + ": a line is too long"};
    if (wanted && !splitter.rest().empty()) line(splitter.rest());
    return response;
  }

 private:
  std::string where(const Call& call) const {
    return call.method + " " + options_.url + call.target.substr(0, call.target.find('?'));
  }

  // Reads repeat safely. So does what failed before its headers were out: nothing can have been carried out. The latter
  // happens once to the request after one that met a dead kept connection.
  static bool may_repeat(const Call& call, const Error& error) {
    if (error.code != Code::Unavailable || error.message.ends_with("no answer in time")) return false;
    return error.message.ends_with("Failed to write request headers") ||
           ((call.method == "GET" || call.method == "HEAD") &&
            error.message.find("Failed to read HTTP status line") != std::string::npos);
  }

  Result<Response> request_once(const Call& call, const std::stop_token& stop) {
    Flight flight(where(call), stop);
    flight.expect_within(call.timeout);
    DATAMESH_TRY(const web::http::http_response answer, send(call, flight));
    Response response{answer.status_code(), headers_of(answer.headers()), {}};
    if (call.method == "HEAD") {
      flight.landed();
      return response;
    }
    bool fits = true;
    DATAMESH_CHECK(read_body(answer, call, flight, false, [&](std::string_view bytes) {
      response.body.append(bytes);
      return fits = response.body.size() <= options_.response_bytes_max;
    }));
    if (!fits) return Error{Code::Unavailable, where(call) + ": the response is too large"};
    return response;
  }

  Result<web::http::http_response> send(const Call& call, Flight& flight) {
    DATAMESH_CHECK(check_call(call));
    try {
      web::http::http_request request(call.method);
      request.set_request_uri(web::uri(call.target));
      if (!call.body.empty() || (call.method != "GET" && call.method != "HEAD")) {
        ByteBuffer body;
        if (!call.body.empty()) {
          body.putn_nocopy(reinterpret_cast<const uint8_t*>(call.body.data()), call.body.size()).get();
        }
        body.close(std::ios_base::out).get();
        request.set_body(body.create_istream(), call.body.size(), std::string(call.headers.get("Content-Type")));
        if (!call.headers.has("Content-Type")) request.headers().remove("Content-Type");
      }
      request.headers()["User-Agent"] = options_.user_agent;
      if (options_.bearer_token) {
        if (const Secret token = options_.bearer_token(); !token.empty()) {
          request.headers()["Authorization"] = "Bearer " + token.reveal();
        }
      }
      for (const auto& [name, value] : call.headers) request.headers()[name] = value;
      return flight.await(client_.request(request, flight.token()));
    } catch (const std::exception& error) {
      return Error{Code::Invalid, where(call) + ": " + error.what()};
    }
  }

  // Gives the body as it comes to `take`, until it ends or `take` wants no more.
  template <class Take>
  Result<void> read_body(const web::http::http_response& answer, const Call& call, Flight& flight, bool endless,
                         const Take& take) {
    try {
      StreamBuffer stream = answer.body().streambuf();
      std::vector<char> piece(64 * 1024);
      for (;;) {
        if (stream.in_avail() == 0) {
          if (endless) flight.expect_within(call.timeout);
          DATAMESH_TRY(const int next, flight.await(stream.getc()));  // looks without taking
          if (next == StreamBuffer::traits::eof()) break;
        }
        const std::size_t available = std::min(stream.in_avail(), piece.size());
        DATAMESH_TRY(const std::size_t got,
                     flight.await(stream.getn(reinterpret_cast<uint8_t*>(piece.data()), available)));
        if (got == 0) break;
        if (!take(std::string_view(piece.data(), got))) return {};
      }
      // The end of the buffer is also how a broken connection shows; this task tells which.
      DATAMESH_TRY(const auto whole, flight.await(answer.content_ready()));
      flight.landed();
    } catch (const std::exception& error) {
      return Error{Code::Unavailable, where(call) + ": " + error.what()};
    }
    return {};
  }

  const ClientOptions options_;
  web::http::client::http_client client_;
};

Result<void> check(const ClientOptions& options) {
  if (!options.ca_pem.empty()) {
    DATAMESH_TRY(const auto authorities, openssl::read_certificates(options.ca_pem));
  }
  if (!options.certificate_pem.empty()) {
    DATAMESH_TRY(const auto own, openssl::read_certificates(options.certificate_pem));
    DATAMESH_TRY(const auto key, openssl::read_key(options.key_pem.reveal()));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Client>> make_cpprest_client(ClientOptions options) {
  DATAMESH_CHECK(start_pool());
  DATAMESH_CHECK(check(options));
  try {
    return std::unique_ptr<Client>(std::make_unique<CpprestClient>(std::move(options)));
  } catch (const std::exception& error) {
    return Error{Code::Invalid, std::string("unusable HTTP client options: ") + error.what()};
  }
}

}  // namespace datamesh::http

#pragma once
// An HTTP/1.1 server: TCP or unix socket, plain or TLS, with client certificates.
//
//   http::Listener listener(options, [](http::Request&& request, std::shared_ptr<http::Exchange> exchange) {
//     exchange->respond({.status = 200, .body = "ok\n"});
//   });
//   DATAMESH_CHECK(listener.start());
//
// The handler is called on an I/O thread and must not block: it answers at once, or hands the exchange to another
// thread, which may answer whenever it is ready. Requests of one connection are handled one after the other, also when
// they were sent ahead (pipelining). Everything a peer may send or hold is limited; see Limits.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/http/message.hpp"

namespace datamesh::http {

// A response without an end: a watch. Thread-safe. Sent in chunks (to an HTTP/1.0 peer: as is, until the connection
// ends).
class Stream {
 public:
  virtual ~Stream() = default;
  // Queues bytes, shared and not copied, and returns at once. False: the stream is closed, nothing was queued. A peer
  // whose queue is over Limits::stream_queue_{count,bytes} is disconnected.
  virtual bool push(std::shared_ptr<const std::string> bytes) = 0;
  // Sends what is queued and ends the body; the connection lives on. Later pushes return false.
  virtual void close() = 0;
  virtual bool closed() const = 0;
  // Calls `callback` once when the stream has ended for whatever reason: the peer went, was too slow, close(), stop().
  // On an I/O thread; right here if it has ended already. One callback; a second one replaces it. Must not block.
  virtual void on_closed(std::function<void()> callback) = 0;
};

// One request waiting for its answer. Thread-safe. Answered exactly once: a second answer is ignored, and one dropped
// without an answer is answered with 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void respond(Response response) = 0;
  // Sends status and headers at once. Never null; already closed when the peer is gone.
  virtual std::shared_ptr<Stream> stream(int status, Headers headers) = 0;
};

using Handler = std::function<void(Request&& request, std::shared_ptr<Exchange> exchange)>;

struct TlsOptions {
  std::string certificate_pem;  // the server's certificate first, then intermediates
  Secret key_pem;
  std::string client_ca_pem = {};            // empty: no client certificate is asked for
  bool client_certificate_required = false;  // false: a peer without one is served, with Peer::certificate empty
};

struct Limits {
  std::size_t header_bytes = 32 * 1024;       // over it: 431
  std::size_t body_bytes = 3u << 20;          // over it: 413
  std::chrono::milliseconds request{30'000};  // first byte to last byte of a request, TLS handshake included: 408
  std::chrono::milliseconds idle{180'000};    // between requests of a kept connection
  std::chrono::milliseconds write{30'000};    // without any progress of a write
  std::size_t connections = 20'000;           // over it: closed at once
  std::size_t stream_queue_count = 1'000;     // messages that wait to be written, per stream
  std::size_t stream_queue_bytes = 8u << 20;  // ... bytes; one message alone may be larger
  std::size_t gzip_from_bytes = 128 * 1024;   // bodies from here on are compressed for those who accept it; 0: never
};

struct ListenerOptions {
  std::string address =
      "127.0.0.1";         // or "0.0.0.0", "::"; "unix:/path" for a unix socket (mode 0600, replaced if stale)
  std::uint16_t port = 0;  // 0: any free one, see Listener::port()
  std::optional<TlsOptions> tls = {};
  int threads = 2;
  Limits limits = {};
};

struct ListenerStats {
  std::size_t connections = 0, streams = 0;                                 // now
  std::uint64_t accepted = 0, requests = 0, refused = 0, slow_dropped = 0;  // ever
};

class Listener {
 public:
  Listener(ListenerOptions options, Handler handler);
  ~Listener();  // stop()
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Binds and begins to serve. Unavailable: address in use; Invalid: unusable certificate, key or address.
  Result<void> start();
  std::uint16_t port() const;  // the bound one; 0 for a unix socket
  std::string url() const;     // "https://127.0.0.1:40123", "unix:/path"
  // For connections made from now on. Invalid: nothing changes.
  Result<void> set_tls(const TlsOptions& tls);
  // Accepts no more, ends streams, waits up to `drain` for exchanges to be answered, closes the rest, joins the
  // threads. Not from a handler. Exchanges and streams that are still held stay safe to use (and do nothing).
  void stop(std::chrono::milliseconds drain = std::chrono::seconds(5));
  ListenerStats stats() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace datamesh::http

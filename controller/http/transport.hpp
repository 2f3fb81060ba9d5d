#pragma once
// The bytes of one accepted connection, plain or TLS, over a non-blocking socket. Every call does what can be done now
// and says what to wait for; nothing is buffered here, so that an idle connection costs little. Internal.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include <sys/uio.h>

#include "controller/http/listener.hpp"
#include "controller/http/openssl.hpp"

namespace datamesh::http {

using TlsContext = std::shared_ptr<SSL_CTX>;

// Invalid: certificate, key or client authority are unusable.
Result<TlsContext> make_server_context(const TlsOptions& options);

enum class Next { Go, Readable, Writable, Closed };  // done; wait for the socket; there is nothing more

struct Moved {
  std::size_t bytes = 0;
  Next next = Next::Go;
};

class Transport {
 public:
  // `context` null: plain. The descriptor stays the caller's.
  Transport(int descriptor, const TlsContext& context);

  Next handshake();
  Moved read(std::span<char> into);  // Closed: end of data, or an error
  Moved write(std::span<const iovec> from);
  // Ends our direction; the peer may go on sending, which discard() reads over.
  void finish();
  Moved discard(std::span<char> scratch);
  bool tls() const { return ssl_ != nullptr; }
  // Of a verified client certificate, after the handshake.
  std::optional<Subject> subject() const;

 private:
  Next next_of(int result);

  int descriptor_;
  openssl::Connection ssl_;
};

}  // namespace datamesh::http

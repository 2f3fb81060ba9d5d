#include "controller/http/transport.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace datamesh::http {
namespace {

using namespace openssl;

// A BIO over a socket that, unlike OpenSSL's own, never raises SIGPIPE.
int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(descriptor_of(bio), data, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, ours, sizeof ours - 1, offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// Where a certificate is welcome but not required, a bad one is as good as none: the request is then judged by its
// other credentials (401, not a broken connection). The failure is marked: later steps of the verification may
// overwrite its result.
int tolerate(int good, X509_STORE_CTX* context) {
  if (good != 1) {
    static char mark;
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    SSL_set_ex_data(ssl, 0, &mark);
  }
  return 1;
}

Result<void> trust_clients(SSL_CTX* context, const TlsOptions& options) {
  DATAMESH_TRY(const auto authorities, read_certificates(options.client_ca_pem));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& authority : authorities) {
    X509_STORE_add_cert(store, authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
  }
  if (options.client_certificate_required) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tolerate);
  }
  return {};
}

}  // namespace

Result<TlsContext> make_server_context(const TlsOptions& options) {
  TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return Error{Code::Internal, last_error()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // No resumption: a certificate is judged anew for every connection.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);

  DATAMESH_TRY(auto certificates, read_certificates(options.certificate_pem));
  DATAMESH_TRY(const Key key, read_key(options.key_pem.reveal()));
  if (SSL_CTX_use_certificate(context.get(), certificates.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
    return Error{Code::Invalid, "certificate and key: " + last_error()};
  }
  for (std::size_t i = 1; i < certificates.size(); ++i) SSL_CTX_add1_chain_cert(context.get(), certificates[i].get());
  if (!options.client_ca_pem.empty()) DATAMESH_CHECK(trust_clients(context.get(), options));
  return context;
}

Transport::Transport(int descriptor, const TlsContext& context) : descriptor_(descriptor) {
  if (!context) return;
  ssl_.reset(SSL_new(context.get()));
  BIO* bio = BIO_new(socket_method());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

Next Transport::next_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Next::Go;
    case SSL_ERROR_WANT_READ:
      return Next::Readable;
    case SSL_ERROR_WANT_WRITE:
      return Next::Writable;
    default:
      ERR_clear_error();
      return Next::Closed;
  }
}

Next Transport::handshake() {
  if (!ssl_) return Next::Go;
  ERR_clear_error();
  return next_of(SSL_do_handshake(ssl_.get()));
}

Moved Transport::read(std::span<char> into) {
  if (!ssl_) return discard(into);
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return result == 1 ? Moved{got, Next::Go} : Moved{0, next_of(result)};
}

Moved Transport::write(std::span<const iovec> from) {
  if (ssl_) {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result = SSL_write_ex(ssl_.get(), from.front().iov_base, from.front().iov_len, &sent);
    return result == 1 ? Moved{sent, Next::Go} : Moved{0, next_of(result)};
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());
  message.msg_iovlen = from.size();
  const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  if (sent >= 0) return {static_cast<std::size_t>(sent), Next::Go};
  if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return {0, Next::Writable};
  return {0, Next::Closed};
}

void Transport::finish() {
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // close_notify; the peer's own is not waited for
    ERR_clear_error();
  }
  ::shutdown(descriptor_, SHUT_WR);
}

Moved Transport::discard(std::span<char> scratch) {
  const ssize_t got = ::recv(descriptor_, scratch.data(), scratch.size(), 0);
  if (got > 0) return {static_cast<std::size_t>(got), Next::Go};
  if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return {0, Next::Readable};
  return {0, Next::Closed};
}

std::optional<Subject> Transport::subject() const {
  if (!ssl_ || SSL_get_ex_data(ssl_.get(), 0) || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return std::nullopt;
  const Certificate certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (!certificate) return std::nullopt;
  return subject_of(certificate.get());
}

}  // namespace datamesh::http

#include "controller/http/listener.hpp"

#include <cerrno>
#include <cstring>

#include <boost/asio/post.hpp>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/http/connection.hpp"

namespace datamesh::http {
namespace {

constexpr std::chrono::milliseconds sweep_period{100};
constexpr std::chrono::milliseconds accept_back_off{100};  // when descriptors or memory have run out
constexpr std::string_view unix_prefix = "unix:";

// A descriptor until somebody else owns it.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

Error system_error(const std::string& what) {
  return {Code::Unavailable, what + ": " + std::strerror(errno)};
}

void set_option(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);  // a hint; the connection works without
}

Result<Descriptor> bind_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return Error{Code::Invalid, "unusable path: " + path};
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* raw = reinterpret_cast<const sockaddr*>(&address);
  Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), raw, sizeof address) == 0 || errno == EAGAIN) {
    return Error{Code::Unavailable, path + ": another process listens there"};
  }
  if (errno == ECONNREFUSED) ::unlink(path.c_str());  // left behind by a process that is gone
  Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::fchmod(listening.get(), 0600);  // before bind: the file is never open to others
  if (::bind(listening.get(), raw, sizeof address) != 0) return system_error("cannot bind " + path);
  if (::listen(listening.get(), SOMAXCONN) != 0) return system_error("cannot listen on " + path);
  return listening;
}

Result<Descriptor> bind_tcp(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw); error != 0) {
    return Error{Code::Invalid, "cannot listen on " + host + ": " + gai_strerror(error)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(raw, &::freeaddrinfo);
  Descriptor listening(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listening.get() < 0) return system_error("cannot make a socket");
  set_option(listening.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (found->ai_family == AF_INET6) set_option(listening.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  const std::string where = host + " port " + std::to_string(port);
  if (::bind(listening.get(), found->ai_addr, found->ai_addrlen) != 0) return system_error("cannot bind " + where);
  if (::listen(listening.get(), SOMAXCONN) != 0) return system_error("cannot listen on " + where);
  return listening;
}

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

Peer peer_of(int descriptor, const sockaddr_storage& address, socklen_t size) {
  Peer peer;
  if (address.ss_family == AF_UNIX) {
    peer.address = "unix";
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) peer.uid = credentials.uid;
    return peer;
  }
  char text[NI_MAXHOST] = "";
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  peer.address = text;
  peer.port = port_of(address);
  return peer;
}

// A peer that vanished without a word is noticed within two minutes.
void tune(int descriptor) {
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

class Listener::Core {
 public:
  Core(ListenerOptions options, Handler handler) : options_(std::move(options)) {
    shared_->limits = options_.limits;
    shared_->handler = std::move(handler);
  }

  Result<void> start() {
    if (acceptor_) return Error{Code::Invalid, "it listens already"};
    if (options_.tls) DATAMESH_CHECK(set_tls(*options_.tls));
    const bool is_unix = options_.address.starts_with(unix_prefix);
    DATAMESH_TRY(Descriptor listening, is_unix ? bind_unix(options_.address.substr(unix_prefix.size()))
                                               : bind_tcp(options_.address, options_.port));
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = port_of(bound);
    for (int i = 0; i < std::max(1, options_.threads); ++i) {
      Worker& worker = shared_->workers.emplace_back();
      worker.work.emplace(worker.context.get_executor());
      worker.thread = std::thread([&worker] { worker.context.run(); });
    }
    Worker& first = shared_->workers.front();
    acceptor_.emplace(first.context, listening.release());
    back_off_.emplace(first.context);
    boost::asio::post(first.context, [this] { wait_for_peers(); });
    return {};
  }

  Result<void> set_tls(const TlsOptions& tls) {
    DATAMESH_TRY(TlsContext context, make_server_context(tls));
    const std::lock_guard lock(mutex_);
    tls_ = std::move(context);
    return {};
  }

  void stop(std::chrono::milliseconds drain) {
    {
      const std::lock_guard lock(mutex_);
      if (!acceptor_ || stopped_) return;
      stopped_ = true;
    }
    shared_->draining = true;
    boost::asio::post(shared_->workers.front().context, [this] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      back_off_->cancel();
    });
    if (options_.address.starts_with(unix_prefix)) ::unlink(options_.address.c_str() + unix_prefix.size());
    on_every_connection([](Connection& connection) { connection.drain(); });
    {
      std::unique_lock lock(shared_->mutex);
      shared_->all_gone.wait_for(lock, drain, [this] { return shared_->connections == 0; });
    }
    on_every_connection([](Connection& connection) { connection.close(); });
    for (auto& worker : shared_->workers) {
      boost::asio::post(worker.context, [&worker] {
        worker.sweep.cancel();
        worker.work.reset();
      });
    }
    for (auto& worker : shared_->workers) worker.thread.join();
  }

  std::uint16_t port() const { return port_; }
  const ListenerOptions& options() const { return options_; }

  ListenerStats stats() const {
    return {shared_->connections, shared_->streams, shared_->accepted,
            shared_->requests,    shared_->refused, shared_->slow_dropped};
  }

 private:
  void on_every_connection(void (*act)(Connection&)) {
    for (auto& worker : shared_->workers) {
      boost::asio::post(worker.context, [&worker, act] {
        const auto connections = worker.connections;  // a copy: closing removes
        for (const auto& connection : connections) act(*connection);
      });
    }
  }

  void wait_for_peers() {
    acceptor_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [this](const boost::system::error_code& error) {
                            if (!error) accept_all();
                          });
  }

  void accept_all() {
    constexpr int turn = 64;
    for (int i = 0; i < turn; ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      Descriptor descriptor(::accept4(acceptor_->native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                                      SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (descriptor.get() >= 0) {
        admit(std::move(descriptor), address, size);
      } else if (out_of_resources(errno)) {
        return rest();
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      }  // else that one peer has gone already
    }
    wait_for_peers();
  }

  void rest() {
    if (!std::exchange(resting_, true)) log_warn("no descriptors or memory left for new connections");
    back_off_->expires_after(accept_back_off);
    back_off_->async_wait([this](const boost::system::error_code& error) {
      if (!error) accept_all();
    });
  }

  void admit(Descriptor descriptor, const sockaddr_storage& address, socklen_t size) {
    resting_ = false;
    ++shared_->accepted;
    if (shared_->connections >= shared_->limits.connections) {
      ++shared_->refused;
      return;
    }
    Peer peer = peer_of(descriptor.get(), address, size);
    if (address.ss_family != AF_UNIX) tune(descriptor.get());
    TlsContext tls;
    {
      const std::lock_guard lock(mutex_);
      tls = tls_;
    }
    Worker& worker = shared_->workers[next_worker_++ % shared_->workers.size()];
    auto connection =
        std::make_shared<Connection>(shared_, worker, descriptor.release(), std::move(tls), std::move(peer));
    ++shared_->connections;
    boost::asio::post(worker.context, [&worker, connection = std::move(connection)] {
      if (!worker.sweeping) sweep(worker);
      worker.connections.insert(connection);
      connection->start();
      if (connection->shared().draining) connection->drain();
    });
  }

  // One timer for all deadlines of a worker; none while it has no connections.
  static void sweep(Worker& worker) {
    worker.sweeping = true;
    worker.now = real_clock().steady();
    worker.sweep.expires_after(sweep_period);
    worker.sweep.async_wait([&worker](const boost::system::error_code& error) {
      worker.sweeping = false;
      if (error || worker.connections.empty()) return;
      sweep(worker);
      std::vector<std::shared_ptr<Connection>> late;
      for (const auto& connection : worker.connections) {
        if (connection->is_late(worker.now)) late.push_back(connection);
      }
      for (const auto& connection : late) connection->check_deadline(worker.now);
    });
  }

  const ListenerOptions options_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::mutex mutex_;
  TlsContext tls_;
  bool stopped_ = false;
  std::uint16_t port_ = 0;
  std::optional<boost::asio::posix::stream_descriptor> acceptor_;
  std::optional<boost::asio::steady_timer> back_off_;
  bool resting_ = false;
  std::size_t next_worker_ = 0;
};

Listener::Listener(ListenerOptions options, Handler handler)
    : core_(std::make_shared<Core>(std::move(options), std::move(handler))) {}

Listener::~Listener() {
  stop();
}

Result<void> Listener::start() {
  return core_->start();
}
std::uint16_t Listener::port() const {
  return core_->port();
}
Result<void> Listener::set_tls(const TlsOptions& tls) {
  return core_->set_tls(tls);
}
void Listener::stop(std::chrono::milliseconds drain) {
  core_->stop(drain);
}
ListenerStats Listener::stats() const {
  return core_->stats();
}

std::string Listener::url() const {
  const ListenerOptions& options = core_->options();
  if (options.address.starts_with(unix_prefix)) return options.address;
  std::string host = options.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != host.npos) host = "[" + host + "]";
  return (options.tls ? "https://" : "http://") + host + ":" + std::to_string(core_->port());
}

}  // namespace datamesh::http

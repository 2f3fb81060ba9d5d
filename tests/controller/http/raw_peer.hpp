#pragma once
// A peer that sends exactly the bytes it is told to, for testing listeners.

#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace datamesh::http::testing {

// Until `holds` or the deadline; whether it holds.
inline bool eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds within = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  RawPeer(RawPeer&& other) noexcept : socket_(other.socket_), connected_(other.connected_) { other.socket_ = -1; }
  RawPeer& operator=(RawPeer&&) = delete;
  ~RawPeer() { close(); }

  bool connected() const { return connected_; }
  int descriptor() const { return socket_; }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  // False: the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // One piece as it comes; empty at the end or after `within`.
  std::string receive(std::chrono::milliseconds within = std::chrono::seconds(10)) {
    pollfd watched{socket_, POLLIN, 0};
    if (::poll(&watched, 1, static_cast<int>(within.count())) <= 0) return {};
    char buffer[65536];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string{};
  }

  // Everything until `wanted` is in it, or the end.
  std::string receive_until(std::string_view wanted, std::chrono::milliseconds within = std::chrono::seconds(10)) {
    std::string all;
    while (all.find(wanted) == all.npos) {
      const std::string piece = receive(within);
      if (piece.empty()) break;
      all += piece;
    }
    return all;
  }

  std::string receive_all(std::chrono::milliseconds within = std::chrono::seconds(10)) {
    std::string all;
    for (std::string piece = receive(within); !piece.empty(); piece = receive(within)) all += piece;
    return all;
  }

  // Whether the other side closes within that time (what it still sends is read over).
  bool closes(std::chrono::milliseconds within = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd watched{socket_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&watched, 1, static_cast<int>(left.count())) <= 0) return false;
      char buffer[65536];
      if (::recv(socket_, buffer, sizeof buffer, 0) <= 0) return true;
    }
  }

 private:
  int socket_;
  bool connected_ = false;
};

}  // namespace datamesh::http::testing

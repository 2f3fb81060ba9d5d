#pragma once
// A server that sends exactly the bytes a script tells it to, for testing clients. One request per connection.

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace datamesh::kube::test {

// One connection whose request has been read.
class Peer {
 public:
  Peer(int socket, const std::atomic<bool>& stopping) : socket_(socket), stopping_(stopping) {}

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void answer(int status, const std::string& body, const std::string& headers = "") const {
    send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\nConnection: close\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  void begin_stream() const {
    send(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  void chunk(const std::string& text) const {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    send(size + text + "\r\n");
  }
  void end_stream() const { send("0\r\n\r\n"); }
  // Until the other side closes, or the server stops.
  void hold() const {
    while (!stopping_) {
      pollfd watched{socket_, POLLIN, 0};
      if (::poll(&watched, 1, 10) <= 0) continue;
      char byte = 0;
      if (::recv(socket_, &byte, 1, 0) <= 0) return;
    }
  }

 private:
  int socket_;
  const std::atomic<bool>& stopping_;
};

class ScriptedServer {
 public:
  // Called for each request with its number (from 0), its target and all of its head.
  using Script = std::function<void(int number, const std::string& target, const std::string& head, const Peer& peer)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket_, 64) != 0) std::abort();
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~ScriptedServer() {
    stopping_ = true;
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    ::close(socket_);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> targets() const {
    const std::lock_guard lock(mutex_);
    return targets_;
  }
  std::size_t count() const { return targets().size(); }

 private:
  void accept() {
    while (!stopping_) {
      pollfd watched{socket_, POLLIN, 0};
      if (::poll(&watched, 1, 10) <= 0) continue;
      const int peer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer >= 0) threads_.emplace_back([this, peer] { serve(peer); });
    }
  }
  void serve(int socket) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      head.append(buffer, static_cast<std::size_t>(got));
    }
    const auto begin = head.find(' ');
    if (begin != std::string::npos) {
      const std::string target = head.substr(begin + 1, head.find(' ', begin + 1) - begin - 1);
      int number = 0;
      {
        const std::lock_guard lock(mutex_);
        number = static_cast<int>(targets_.size());
        targets_.push_back(target);
      }
      script_(number, target, head, Peer(socket, stopping_));
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
  }

  Script script_;
  int socket_ = -1, port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> targets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace datamesh::kube::test

#pragma once
// An embedded Kubernetes-compatible API server: one process, one data directory, HTTPS for stock clients and a
// kube::Store without HTTP for this process.
//
// The data directory holds the store, its own CA, the key that signs tokens, the port, and `kubeconfig` (mode 0600) for
// an administrator.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/types.hpp"
#include "apiserver/auth/user.hpp"
#include "controller/core/clock.hpp"
#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/kube/store.hpp"

namespace datamesh::apiserver {

struct RequestRecord {
  std::string verb, group, version, resource, subresource, scope;  // scope: cluster | namespace | resource
  int code = 0;
  std::chrono::nanoseconds took{};
};

struct ServerStats {
  std::size_t connections = 0, watches = 0, objects = 0, queued_writes = 0;
  std::uint64_t writes = 0, commits = 0, failed_commits = 0, resource_version = 0;
};

class Server {
 public:
  struct Options {
    std::string data_dir;
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;          // 0: the one used last, else any free one
    std::vector<std::string> names;  // more DNS names and IP addresses for the server's certificate
    std::vector<std::string> crds;   // YAML or JSON documents, installed and kept up to date
    // The product's own rules; see apiserver/prepare.hpp. Called from many threads; must not block.
    std::function<std::vector<api::Problem>(const nlohmann::json* before, const nlohmann::json* after,
                                            const User& user)>
        admission;
    std::function<void(const RequestRecord&)> on_request;  // for metrics; called from many threads
    const Clock* clock = nullptr;                          // nullptr: the machine's
    std::size_t object_bytes_max = 1'572'864;
    std::size_t body_bytes_max = 3u << 20;
    std::size_t watches_max = 20'000;
    int in_flight_max = 600;
    int threads = 2;
    std::chrono::milliseconds bookmark_interval = std::chrono::minutes(1);
    std::chrono::milliseconds history_age = std::chrono::minutes(5);
  };

  // Invalid: the data directory is not ours or damaged. Unavailable: the address is taken, the directory is in use.
  static Result<std::unique_ptr<Server>> start(Options options);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Ends watches, finishes writes that wait.
  void stop();

  std::string url() const;  // "https://127.0.0.1:40123"
  std::uint16_t port() const;
  std::string kubeconfig_path() const;
  const std::string& ca_pem() const;
  // As the user system:datamesh, who may do everything; the same checks as over HTTP. Must not outlive the server.
  std::shared_ptr<kube::Store> store();
  // A bearer token for anybody.
  Result<Secret> mint_token(const std::string& user, const std::vector<std::string>& groups,
                            std::chrono::seconds ttl) const;
  // The text of a kubeconfig with that token.
  std::string kubeconfig(const Secret& token, const std::string& user = "admin") const;
  ServerStats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace datamesh::apiserver

#pragma once
// The HTTP client for an API server: enters it as the kubeconfig says, and behaves as API servers expect clients to.
//
//  - credentials: token files are read for each request; a plugin is run when its credential is about to expire, and
//  once
//    when the server says 401;
//  - a limit on requests per second, so that a fault of ours is not a load for others;
//  - 429 and 5xx with Retry-After are repeated after that time: the server has not carried them out. Bounded, see
//  below;
//  - what the server refused is logged with its Audit-Id, by which its own logs can be searched.
//
// Everything else is as http/client.hpp says.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/core/clock.hpp"
#include "controller/http/client.hpp"
#include "controller/kube/kubeconfig.hpp"

namespace datamesh::kube {

// One attempt of one request: for metrics.
struct ApiAttempt {
  std::string_view method, host, code;  // code: the status, or "<error>" when there was no answer
  std::optional<Duration> took;         // of a stream there is none
};

struct ApiClientOptions {
  std::string user_agent = "datamesh/" DATAMESH_VERSION;
  double requests_per_second = 50;  // 0: no limit. A watch is one request.
  double burst = 100;
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  // of one attempt, at most
  Duration patience = std::chrono::seconds(30);                  // for all that Retry-After asks for in one call
  std::function<void(const ApiAttempt&)> on_request = {};
  const Clock* clock = &real_clock();
};

Result<std::unique_ptr<http::Client>> make_client(const Cluster& cluster, ApiClientOptions options = {});

// "host:port" of the server: the label of metrics.
std::string host_of(const Cluster& cluster);

}  // namespace datamesh::kube

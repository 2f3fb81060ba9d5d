#pragma once
// The endpoints that platforms and Prometheus ask, on a plain listener of their own:
//   /livez, /healthz   is this process able to go on; if not, restart it
//   /readyz            may it be sent work; the same, and caches filled, backends known, ...
//   /metrics           Metrics::expose()
// Of the health endpoints, "?verbose" lists every check, "?exclude=name" leaves one out, "/readyz/name" asks one alone;
// 200 or 503, as Kubernetes answers. Why a check failed is told to the log, not to the asker.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "controller/core/result.hpp"
#include "controller/http/listener.hpp"
#include "controller/telemetry/metrics.hpp"

namespace datamesh::telemetry {

// Named checks. Thread-safe. A check must answer at once, from what is known.
class Health {
 public:
  using Check = std::function<Result<void>()>;
  enum class Matters { ToLiveness, ToReadiness };  // what matters to the former matters to the latter

  // Replaces one of the same name.
  void add(std::string name, Matters matters, Check check);
  void remove(const std::string& name);

  struct Outcome {
    bool good = true;
    std::map<std::string, bool> checks;
  };
  Outcome ask(Matters about, const std::set<std::string>& excluded = {}) const;

 private:
  struct Entry {
    Matters matters;
    Check check;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

// What /readyz and its like answer. `name` is "readyz", ...
http::Response health_response(std::string_view name, const Health::Outcome& outcome, bool verbose);

class HealthServer {
 public:
  // Both must outlive it.
  HealthServer(Health& health, Metrics& metrics, std::string address = "127.0.0.1", std::uint16_t port = 0);
  Result<void> start();
  void stop();
  std::string url() const;
  std::uint16_t port() const;

 private:
  http::Response answer(const http::Request& request) const;

  Health& health_;
  Metrics& metrics_;
  http::Listener listener_;
};

}  // namespace datamesh::telemetry

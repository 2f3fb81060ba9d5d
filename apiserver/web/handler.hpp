#pragma once
// The API over HTTP: who asks, may they, what do they ask, in which form is the answer. Thread-safe.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "apiserver/auth/authenticate.hpp"
#include "apiserver/engine.hpp"
#include "apiserver/request.hpp"
#include "apiserver/web/watches.hpp"
#include "controller/http/listener.hpp"

namespace datamesh::apiserver {

// One answered request. A watch counts when it has begun.
struct Served {
  std::string verb, group, version, resource, subresource, scope;  // scope: cluster | namespace | resource
  int code = 0;
  std::chrono::nanoseconds took{};
};
using OnServed = std::function<void(const Served&)>;

class Handler {
 public:
  struct Limits {
    int in_flight_max = 600;  // requests that are neither answered nor watches; over it: 429
  };

  Handler(Engine& engine, Authenticator& authenticator, Watches& watches, Limits limits, OnServed on_served);

  void handle(http::Request&& request, std::shared_ptr<http::Exchange> exchange);
  // /readyz says so from now on.
  void set_ready(bool ready) { ready_ = ready; }

 private:
  struct Call;
  using CallPtr = std::shared_ptr<Call>;

  std::optional<Failure> authorize(const Call& call) const;
  void dispatch(const CallPtr& call);
  void serve_path(const CallPtr& call);
  void serve_resource(const CallPtr& call);
  void serve_review(const CallPtr& call);
  void read(const CallPtr& call);
  void list(const CallPtr& call);
  void watch(const CallPtr& call);
  void write(const CallPtr& call);
  void remove(const CallPtr& call);
  void respond(const CallPtr& call, Outcome<Answer> answer);
  void send(const CallPtr& call, int status, std::string type, std::string body,
            const std::vector<std::string>& warnings = {}, int retry_after = 0);
  void fail(const CallPtr& call, const Failure& failure);

  Engine& engine_;
  Authenticator& authenticator_;
  Watches& watches_;
  const Limits limits_;
  OnServed on_served_;
  std::atomic<int> in_flight_{0};
  std::atomic<bool> ready_{false};
};

}  // namespace datamesh::apiserver

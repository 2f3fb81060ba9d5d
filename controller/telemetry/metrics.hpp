#pragma once
// Every number this program tells about itself, by its name in Prometheus. Thread-safe and cheap (below a microsecond):
// call it from anywhere. The names of the loops, queues, clients, leader election and API server are those of
// controller-runtime, client-go and kube-apiserver, so that their dashboards work; ours begin with datamesh_.
//
// Never label by the name of an object. A family that grows over series_max gives every further combination of labels
// the value "other".

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/http/client.hpp"
#include "controller/plan/driver.hpp"

namespace datamesh::telemetry {

struct ApiRequest {
  std::string verb;  // "get", "list", "watch", "create", "update", "patch", "delete", ... in any case
  std::string group, version, resource, subresource;
  std::string scope;  // cluster | namespace | resource
  bool dry_run = false;
  int code = 0;
  Duration took{};
};

class Metrics {
 public:
  static constexpr std::size_t series_max = 2'000;  // per family

  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Loops. A queue is labelled with the name of its controller. result: success | error | requeue | requeue_after.
  void reconciled(std::string_view controller, std::string_view result, Duration took);
  void workers(std::string_view controller, std::size_t active, std::size_t most);
  void queue_added(std::string_view queue);
  void queue_retried(std::string_view queue);
  void queue_depth(std::string_view queue, std::size_t ready);
  void queue_waited(std::string_view queue, Duration waited);
  void queue_worked(std::string_view queue, Duration worked);
  // Of what is being worked on now: the sum of the times so far, and the longest.
  void queue_unfinished(std::string_view queue, Duration sum, Duration longest);

  void client_request(std::string_view code, std::string_view method, std::string_view host);
  void client_took(std::string_view verb, std::string_view host, Duration took);
  void leader(std::string_view name, bool leads);

  // The embedded API server.
  void api_request(const ApiRequest& request);
  void api_in_flight(std::size_t read_only, std::size_t mutating);
  void api_long_running(std::string_view resource, std::size_t watches);
  void api_watch_events(std::string_view group, std::string_view version, std::string_view resource, std::size_t sent);
  void api_objects(std::string_view group, std::string_view resource, std::size_t stored);

  // Data mesh.
  // One look at one backend. Counters and times of every pass; what is, as against what happened (resources, drift,
  // holds), from passes over everything alone, as others know but a part. `drift`: what differed by kind although
  // nothing had been declared anew.
  void observe(const std::string& backend, const Pass& pass, const std::map<std::string, std::size_t>& drift = {});
  // The backend is no longer declared: its numbers are no longer shown.
  void forget_backend(const std::string& backend);
  void proved(const std::string& backend, std::string_view claim, bool holds);  // claim: granted | revoked
  void became_ready(std::string_view kind, Duration since_creation);
  void subscriptions(const std::map<std::string, std::size_t>& by_phase);  // a phase left out has none

  // Everything in the text format 0.0.4 of Prometheus, the process's own numbers as of now.
  std::string expose();

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

// The same client, counted in rest_client_requests_total under its host. `metrics` must outlive it.
std::unique_ptr<http::Client> counted(std::unique_ptr<http::Client> client, std::string host, Metrics& metrics);

}  // namespace datamesh::telemetry

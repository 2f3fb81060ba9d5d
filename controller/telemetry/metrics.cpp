#include "controller/telemetry/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "controller/telemetry/process.hpp"

namespace datamesh::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// As controller-runtime's reconcile time.
Buckets reconcile_buckets() {
  return {0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
          1.75,  2.0,  2.5,   3.0,  3.5, 4.0,  4.5, 5,    6,   7,    8,   9,    10,  15,  20,  25,  30,  40,  50,   60};
}

// As client-go's work queue: 10 ns to 1,000 s.
Buckets queue_buckets() {
  Buckets buckets;
  for (int exponent = -8; exponent <= 3; ++exponent) buckets.push_back(std::pow(10.0, exponent));
  return buckets;
}

// As kube-apiserver's request duration.
Buckets request_buckets() {
  return {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60};
}
// As client-go's request latency.
Buckets client_buckets() {
  return {0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60};
}
Buckets pass_buckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
}
Buckets ready_buckets() {
  return {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600};
}

// One metric of some label names. Remembers its series, so that an update costs one look-up, and bounds them.
template <class Metric>
class Series {
 public:
  Series(prometheus::Family<Metric>& family, std::vector<std::string> labels, Buckets buckets = {})
      : family_(family), labels_(std::move(labels)), buckets_(std::move(buckets)) {}

  // Updates under the lock, as the series may be forgotten by another thread.
  void add(std::initializer_list<std::string_view> values, double amount = 1) {
    const std::lock_guard lock(mutex_);
    at(values).Increment(amount);
  }
  void set(std::initializer_list<std::string_view> values, double value) {
    const std::lock_guard lock(mutex_);
    at(values).Set(value);
  }
  void observe(std::initializer_list<std::string_view> values, Duration took) {
    const std::lock_guard lock(mutex_);
    at(values).Observe(seconds(took));
  }

  // Sets those whose first label is `first` as told, and all its others to zero.
  void replace(std::string_view first, const std::map<std::string, std::size_t>& values) {
    const std::lock_guard lock(mutex_);
    for (auto& [key, entry] : series_) {
      if (entry.first == first) entry.metric->Set(0);
    }
    for (const auto& [second, value] : values) at({first, second}).Set(static_cast<double>(value));
  }

  // Removes those whose first label is `first`.
  void forget(std::string_view first) {
    const std::lock_guard lock(mutex_);
    std::erase_if(series_, [&](const auto& known) {
      if (known.second.first != first) return false;
      family_.Remove(known.second.metric);
      return true;
    });
  }

 private:
  struct Entry {
    Metric* metric;
    std::string first;
  };

  Metric& at(std::initializer_list<std::string_view> values) {
    std::string key;
    for (const std::string_view value : values) key.append(value).push_back('\0');
    if (const auto known = series_.find(key); known != series_.end()) return *known->second.metric;
    const bool full = series_.size() >= Metrics::series_max;
    prometheus::Labels labels;
    auto name = labels_.begin();
    for (const std::string_view value : values) labels.emplace(*name++, full ? "other" : std::string(value));
    Metric& metric = make(labels);
    const std::string first(values.size() ? *values.begin() : std::string_view{});
    if (!full) series_.emplace(std::move(key), Entry{&metric, first});
    return metric;
  }

  Metric& make(const prometheus::Labels& labels) {
    if constexpr (std::same_as<Metric, Histogram>) {
      return family_.Add(labels, buckets_);
    } else {
      return family_.Add(labels);
    }
  }

  prometheus::Family<Metric>& family_;
  const std::vector<std::string> labels_;
  const Buckets buckets_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> series_;
};

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;

  using Names = std::vector<std::string>;
  Series<Counter> counter(const char* name, const char* help, Names labels = {}) {
    return {prometheus::BuildCounter().Name(name).Help(help).Register(registry), std::move(labels)};
  }
  Series<Gauge> gauge(const char* name, const char* help, Names labels = {}) {
    return {prometheus::BuildGauge().Name(name).Help(help).Register(registry), std::move(labels)};
  }
  Series<Histogram> histogram(const char* name, const char* help, Names labels, Buckets buckets) {
    return {prometheus::BuildHistogram().Name(name).Help(help).Register(registry), std::move(labels),
            std::move(buckets)};
  }

  // Loops (controller-runtime, client-go).
  Series<Counter> reconciles =
      counter("controller_runtime_reconcile_total", "Reconciliations per controller.", {"controller", "result"});
  Series<Counter> reconcile_errors =
      counter("controller_runtime_reconcile_errors_total", "Reconciliation errors per controller.", {"controller"});
  Series<Histogram> reconcile_seconds =
      histogram("controller_runtime_reconcile_time_seconds", "Length of time per reconciliation per controller.",
                {"controller"}, reconcile_buckets());
  Series<Gauge> workers_active =
      gauge("controller_runtime_active_workers", "Number of currently used workers per controller.", {"controller"});
  Series<Gauge> workers_most = gauge("controller_runtime_max_concurrent_reconciles",
                                     "Maximum number of concurrent reconciles per controller.", {"controller"});
  Series<Gauge> depth = gauge("workqueue_depth", "Current depth of the work queue.", {"name", "controller"});
  Series<Counter> adds = counter("workqueue_adds_total", "Adds handled by the work queue.", {"name", "controller"});
  Series<Counter> retries =
      counter("workqueue_retries_total", "Retries handled by the work queue.", {"name", "controller"});
  Series<Histogram> queue_seconds =
      histogram("workqueue_queue_duration_seconds", "How long an item stays in the work queue before being requested.",
                {"name", "controller"}, queue_buckets());
  Series<Histogram> work_seconds =
      histogram("workqueue_work_duration_seconds", "How long processing an item from the work queue takes.",
                {"name", "controller"}, queue_buckets());
  Series<Gauge> unfinished =
      gauge("workqueue_unfinished_work_seconds", "Seconds of work in progress that work_duration has not observed yet.",
            {"name", "controller"});
  Series<Gauge> longest = gauge("workqueue_longest_running_processor_seconds",
                                "Seconds that the longest running processor has been running.", {"name", "controller"});
  Series<Counter> client_requests =
      counter("rest_client_requests_total", "HTTP requests by status code, method and host; code <error>: no answer.",
              {"code", "method", "host"});
  Series<Histogram> client_durations =
      histogram("rest_client_request_duration_seconds", "Time until the answer to an HTTP request, by verb and host.",
                {"verb", "host"}, client_buckets());
  Series<Gauge> leads = gauge("leader_election_master_status", "1: this instance leads; 0: it stands by.", {"name"});

  // The embedded API server (kube-apiserver).
  Series<Counter> api_requests =
      counter("apiserver_request_total", "API requests by verb, resource and status code.",
              {"verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code"});
  Series<Histogram> api_seconds = histogram(
      "apiserver_request_duration_seconds", "Response latency of API requests, without watches.",
      {"verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component"}, request_buckets());
  Series<Gauge> api_in_flight = gauge("apiserver_current_inflight_requests",
                                      "API requests under way, by kind (readOnly, mutating).", {"request_kind"});
  Series<Gauge> api_long_running =
      gauge("apiserver_longrunning_requests", "Watches open now.", {"verb", "resource", "component"});
  Series<Counter> api_watch_events =
      counter("apiserver_watch_events_total", "Events sent in watches.", {"group", "version", "resource"});
  Series<Gauge> api_objects = gauge("apiserver_resource_objects", "Objects stored.", {"group", "resource"});

  // The data mesh.
  Series<Gauge> drift =
      gauge("datamesh_drift", "Things that differ from their declaration after the last pass over everything.",
            {"backend", "kind"});
  Series<Counter> drift_found =
      counter("datamesh_drift_found_total",
              "Things found changed by somebody else, whether or not they were put right.", {"backend", "kind"});
  Series<Histogram> pass_seconds = histogram("datamesh_pass_seconds", "Time of the stages of a pass over a backend.",
                                             {"backend", "stage"}, pass_buckets());
  Series<Counter> pass_errors =
      counter("datamesh_pass_errors_total", "Passes that could not look at their backend.", {"backend"});
  Series<Counter> changes = counter("datamesh_pass_changes_total", "Changes carried out.", {"backend", "verb"});
  Series<Counter> change_errors = counter("datamesh_change_errors_total", "Changes that failed.", {"backend", "verb"});
  Series<Gauge> holds =
      gauge("datamesh_holds", "Changes held back, by reason, in the last pass over everything.", {"backend", "reason"});
  Series<Gauge> resources = gauge("datamesh_resources", "Things of ours in a backend, by kind.", {"backend", "kind"});
  Series<Histogram> ready_seconds =
      histogram("datamesh_time_to_ready_seconds", "From the creation of an object to its being Ready.", {"kind"},
                ready_buckets());
  Series<Gauge> by_phase = gauge("datamesh_subscriptions", "Subscriptions by phase.", {"phase"});
  Series<Counter> proofs =
      counter("datamesh_proofs_total", "Attempts with a consumer's own credential to read what was granted or revoked.",
              {"backend", "result"});
  Series<Gauge> build = gauge("datamesh_build_info", "1, with the version as a label.", {"version"});

  // The process.
  Series<Counter> cpu = counter("process_cpu_seconds_total", "User and system processor time spent in seconds.");
  Series<Gauge> resident = gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  Series<Gauge> virtual_memory = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
  Series<Gauge> descriptors = gauge("process_open_fds", "Number of open file descriptors.");
  Series<Gauge> descriptors_max = gauge("process_max_fds", "Maximum number of open file descriptors.");
  Series<Gauge> started = gauge("process_start_time_seconds", "Start time of the process since 1970 in seconds.");

  std::mutex process_mutex;
  double cpu_seconds = 0;  // as of the last look
  std::mutex phases_mutex;
  std::set<std::string> phases = {"Pending", "Approved", "Active", "Rejected", "Expired", "Revoked"};
};

Metrics::Metrics(std::string_view version) : families_(std::make_unique<Families>()) {
  families_->build.set({version}, 1);
  subscriptions({});
}
Metrics::~Metrics() = default;

void Metrics::reconciled(std::string_view controller, std::string_view result, Duration took) {
  families_->reconciles.add({controller, result});
  families_->reconcile_errors.add({controller}, result == "error" ? 1 : 0);  // shown from the start
  families_->reconcile_seconds.observe({controller}, took);
}

void Metrics::workers(std::string_view controller, std::size_t active, std::size_t most) {
  families_->workers_active.set({controller}, static_cast<double>(active));
  families_->workers_most.set({controller}, static_cast<double>(most));
}

void Metrics::queue_added(std::string_view queue) {
  families_->adds.add({queue, queue});
}
void Metrics::queue_retried(std::string_view queue) {
  families_->retries.add({queue, queue});
}
void Metrics::queue_depth(std::string_view queue, std::size_t ready) {
  families_->depth.set({queue, queue}, static_cast<double>(ready));
}
void Metrics::queue_waited(std::string_view queue, Duration waited) {
  families_->queue_seconds.observe({queue, queue}, waited);
}
void Metrics::queue_worked(std::string_view queue, Duration worked) {
  families_->work_seconds.observe({queue, queue}, worked);
}
void Metrics::queue_unfinished(std::string_view queue, Duration sum, Duration longest) {
  families_->unfinished.set({queue, queue}, seconds(sum));
  families_->longest.set({queue, queue}, seconds(longest));
}

void Metrics::client_request(std::string_view code, std::string_view method, std::string_view host) {
  families_->client_requests.add({code, method, host});
}
void Metrics::client_took(std::string_view verb, std::string_view host, Duration took) {
  families_->client_durations.observe({verb, host}, took);
}
void Metrics::leader(std::string_view name, bool leads) {
  families_->leads.set({name}, leads ? 1 : 0);
}

void Metrics::api_request(const ApiRequest& request) {
  std::string verb = upper(request.verb);
  if (verb == "CREATE") verb = "POST";
  if (verb == "UPDATE") verb = "PUT";
  const std::string_view dry_run = request.dry_run ? "All" : "";
  const std::string code = std::to_string(request.code);
  families_->api_requests.add({verb, dry_run, request.group, request.version, request.resource, request.subresource,
                               request.scope, "apiserver", code});
  if (verb == "WATCH") return;  // its length says nothing of how fast it was
  families_->api_seconds.observe({verb, dry_run, request.group, request.version, request.resource, request.subresource,
                                  request.scope, "apiserver"},
                                 request.took);
}

void Metrics::api_in_flight(std::size_t read_only, std::size_t mutating) {
  families_->api_in_flight.set({"readOnly"}, static_cast<double>(read_only));
  families_->api_in_flight.set({"mutating"}, static_cast<double>(mutating));
}
void Metrics::api_long_running(std::string_view resource, std::size_t watches) {
  families_->api_long_running.set({"WATCH", resource, "apiserver"}, static_cast<double>(watches));
}
void Metrics::api_watch_events(std::string_view group, std::string_view version, std::string_view resource,
                               std::size_t sent) {
  families_->api_watch_events.add({group, version, resource}, static_cast<double>(sent));
}
void Metrics::api_objects(std::string_view group, std::string_view resource, std::size_t stored) {
  families_->api_objects.set({group, resource}, static_cast<double>(stored));
}

void Metrics::observe(const std::string& backend, const Pass& pass, const std::map<std::string, std::size_t>& drift) {
  Families& to = *families_;
  to.pass_errors.add({backend}, pass.error ? 1 : 0);
  to.pass_seconds.observe({backend, "observe"}, pass.observe);
  if (pass.error) return;  // nothing is known
  to.pass_seconds.observe({backend, "plan"}, pass.plan);
  if (pass.wrote()) {
    to.pass_seconds.observe({backend, "apply"}, pass.apply);
    to.pass_seconds.observe({backend, "verify"}, pass.verify);
  }
  for (const Step& step : pass.steps) {
    if (step.verb == Verb::Hold) continue;
    (step.error ? to.change_errors : to.changes).add({backend, to_string(step.verb)});
  }
  for (const auto& [kind, count] : drift) to.drift_found.add({backend, kind}, static_cast<double>(count));
  if (!pass.scope.all) return;

  // After writes, `remaining` is the later and so the truer look.
  const auto& open = pass.wrote() ? pass.remaining : pass.steps;
  std::map<std::string, std::size_t> differing, held;
  for (const auto& [kind, count] : pass.resources) differing[kind] = 0;
  for (const Step& step : open) {
    ++differing[step.id.kind];
    if (step.verb == Verb::Hold) ++held[std::string(to_string(step.hold_reason))];
  }
  to.resources.replace(backend, pass.resources);
  to.drift.replace(backend, differing);
  to.holds.replace(backend, held);
}

void Metrics::forget_backend(const std::string& backend) {
  Families& to = *families_;
  to.drift.forget(backend);
  to.drift_found.forget(backend);
  to.pass_seconds.forget(backend);
  to.pass_errors.forget(backend);
  to.changes.forget(backend);
  to.change_errors.forget(backend);
  to.holds.forget(backend);
  to.resources.forget(backend);
  to.proofs.forget(backend);
}

void Metrics::proved(const std::string& backend, std::string_view claim, bool holds) {
  families_->proofs.add({backend, std::string(claim) + (holds ? "" : "_failed")});
}
void Metrics::became_ready(std::string_view kind, Duration since_creation) {
  families_->ready_seconds.observe({kind}, since_creation);
}

void Metrics::subscriptions(const std::map<std::string, std::size_t>& by_phase) {
  const std::lock_guard lock(families_->phases_mutex);
  for (const auto& [phase, count] : by_phase) families_->phases.insert(phase);
  for (const auto& phase : families_->phases) {
    const auto found = by_phase.find(phase);
    families_->by_phase.set({phase}, found == by_phase.end() ? 0 : static_cast<double>(found->second));
  }
}

std::string Metrics::expose() {
  Families& to = *families_;
  {
    const ProcessFacts facts = read_process();
    const std::lock_guard lock(to.process_mutex);
    to.cpu.add({}, std::max(0.0, facts.cpu_seconds - to.cpu_seconds));
    to.cpu_seconds = std::max(to.cpu_seconds, facts.cpu_seconds);
    to.resident.set({}, static_cast<double>(facts.resident_bytes));
    to.virtual_memory.set({}, static_cast<double>(facts.virtual_bytes));
    to.descriptors.set({}, static_cast<double>(facts.open_descriptors));
    to.descriptors_max.set({}, static_cast<double>(facts.descriptors_max));
    to.started.set({}, facts.start_seconds);
  }
  return prometheus::TextSerializer().Serialize(to.registry.Collect());
}

namespace {

class CountedClient : public http::Client {
 public:
  CountedClient(std::unique_ptr<http::Client> client, std::string host, Metrics& metrics)
      : client_(std::move(client)), host_(std::move(host)), metrics_(metrics) {}

  Result<http::Response> request(const http::Call& call, std::stop_token stop) override {
    return count(call, client_->request(call, std::move(stop)));
  }
  Result<http::Response> lines(const http::Call& call, const std::function<bool(std::string_view)>& line,
                               std::stop_token stop) override {
    return count(call, client_->lines(call, line, std::move(stop)));
  }

 private:
  Result<http::Response> count(const http::Call& call, Result<http::Response> result) {
    metrics_.client_request(result ? std::to_string(result->status) : "<error>", call.method, host_);
    return result;
  }

  const std::unique_ptr<http::Client> client_;
  const std::string host_;
  Metrics& metrics_;
};

}  // namespace

std::unique_ptr<http::Client> counted(std::unique_ptr<http::Client> client, std::string host, Metrics& metrics) {
  return std::make_unique<CountedClient>(std::move(client), std::move(host), metrics);
}

}  // namespace datamesh::telemetry

// `datamesh controller`: the loops against the API server of a Kubernetes cluster.

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <thread>

#include "controller/app/cli.hpp"
#include "controller/app/plane.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/log.hpp"
#include "controller/runtime/leader.hpp"
#include "reconcilers/backend/loop.hpp"

namespace datamesh::app {
namespace {

constexpr const char* kLease = "datamesh";
constexpr auto kLookAgain = std::chrono::seconds(1);
constexpr auto kLeaseAnswer = std::chrono::seconds(4);  // there is time for a second attempt before the renew deadline

void rest(Duration time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, time, [] { return false; });
}

// The kinds of ours that the server does not serve, as "backends, domains"; empty: none.
Result<std::string> missing_kinds(kube::RemoteStore& store) {
  const auto served = store.discover(std::string(api::kApiVersion));
  if (!served && served.error().code != Code::NotFound) return served.error();
  std::string missing;
  for (const auto& type : kube::mesh_types()) {
    if (served && std::ranges::find(*served, type) != served->end()) continue;
    missing += (missing.empty() ? "" : ", ") + type.plural;
  }
  return missing;
}

std::string variable(const std::string& name) {
  const auto found = environment().find(name);
  return found == environment().end() ? "" : found->second;
}

class Controller {
 public:
  explicit Controller(const ControllerOptions& options)
      : options_(options), plane_(resolve(options.plane), home_namespace()) {}

  Result<void> run() {
    DATAMESH_TRY(store_, connect(options_.server, nullptr, {.on_request = counting()}));
    plane_.health().add("caches", telemetry::Health::Matters::ToReadiness, [this]() -> Result<void> {
      if (standing_by_ || plane_.synced()) return {};
      return Error{Code::Unavailable, "the caches are not filled yet"};
    });
    plane_.metrics().leader(kLease, false);
    DATAMESH_CHECK(plane_.open());
    plane_.publish("", options_.server.kubeconfig);
    std::cout << "telemetry   " << plane_.telemetry_url() << "/metrics\n" << std::flush;
    Result<void> served;
    {
      const std::jthread serving([&](const std::stop_token& stop) {
        served = serve(stop);
        if (!served) end_process();
      });
      wait_for_end();
    }
    plane_.close();
    return served;
  }

 private:
  static std::string home_namespace() {
    const std::string own = variable("POD_NAMESPACE");
    return own.empty() ? std::string(kSystemNamespace) : own;
  }
  static PlaneOptions resolve(PlaneOptions options) {
    if (options.data_dir.empty()) options.data_dir = variable("DATAMESH_HOME");
    if (!options.data_dir.empty()) options.data_dir = std::filesystem::absolute(options.data_dir);
    return options;
  }

  std::function<void(const kube::ApiAttempt&)> counting() {
    return [this](const kube::ApiAttempt& attempt) {
      plane_.metrics().client_request(attempt.code, attempt.method, attempt.host);
      if (attempt.took) plane_.metrics().client_took(attempt.method, attempt.host, *attempt.took);
    };
  }

  // Until stopped. An error ends the process.
  Result<void> serve(const std::stop_token& stop) {
    wait_for_kinds(stop);
    if (stop.stop_requested()) return {};
    if (options_.leader_elect) return serve_a_term(stop);
    plane_.start_loops(store_);
    plane_.metrics().leader(kLease, true);
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait(lock, stop, [] { return false; });
    plane_.stop_loops();
    return {};
  }

  // Leads once. After the loss of the lease only a new process surely has nothing of the old term under way.
  Result<void> serve_a_term(const std::stop_token& stop) {
    // Connections of its own: what the loops wait for must not hold up a renewal.
    DATAMESH_TRY(const auto leases,
                 connect(options_.server, nullptr,
                         {.timeout = kLeaseAnswer, .patience = kLeaseAnswer, .on_request = counting()}));
    LeaderOptions election;
    election.ns = options_.lease_namespace.empty() ? home_namespace() : options_.lease_namespace;
    election.name = kLease;
    election.election.identity = variable("POD_NAME");
    if (election.election.identity.empty()) election.election.identity = "datamesh";
    election.election.identity += "_" + random_uuid();
    election.on_change = [this](bool leads) { plane_.metrics().leader(kLease, leads); };
    DATAMESH_TRY(const auto leader, Leader::create(*leases, std::move(election), plane_.clock()));

    standing_by_ = true;
    const auto term = leader->acquire(stop);
    standing_by_ = false;
    if (!term) return stop.stop_requested() ? Result<void>{} : term.error();
    plane_.start_loops(store_, *leader);
    auto held = leader->hold(stop);
    plane_.stop_loops();
    if (held) leader->release();
    return held;
  }

  // People install the CustomResourceDefinitions, perhaps after us.
  void wait_for_kinds(const std::stop_token& stop) {
    std::string said;
    while (!stop.stop_requested()) {
      const auto missing = missing_kinds(*store_);
      if (missing && missing->empty()) return;
      const std::string why = missing ? "the cluster does not serve " + *missing + " of " +
                                            std::string(api::kApiVersion) + ": apply the CustomResourceDefinitions"
                                      : missing.error().message;
      if (said != why) log_warn("waiting", {{"for", why}});
      said = why;
      rest(kLookAgain, stop);
    }
  }

  const ControllerOptions options_;
  Plane plane_;
  std::atomic<bool> standing_by_ = false;
  std::shared_ptr<kube::RemoteStore> store_;
};

}  // namespace

int run_controller(const ControllerOptions& options) {
  begin_process(options.plane);
  if (auto done = Controller(options).run(); !done) {
    std::cerr << "error: " << done.error().message << '\n';
    return kFailed;
  }
  return kDone;
}

}  // namespace datamesh::app

#pragma once
// What `up` and `controller` have in common: a process that keeps a mesh, from its first log line to its end.

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/types.hpp"
#include "controller/app/cli.hpp"
#include "controller/app/instruments.hpp"
#include "controller/core/fence.hpp"
#include "controller/telemetry/health.hpp"
#include "reconcilers/mesh_controller.hpp"

namespace datamesh::app {

// For the main thread, before there is any other: configures the log, and keeps the signals that end the process for
// wait_for_end().
void begin_process(const PlaneOptions& options);
// Blocks until the process is told to end, by a signal or by end_process(). The signal's number.
int wait_for_end();
// From any thread: has wait_for_end() return.
void end_process();

// The loops over a Store, their metrics and health endpoints, and the servers that are run for managed backends.
//
//   open() -> start_loops() -> stop_loops() -> close()
class Plane {
 public:
  // `home_namespace`: of a control plane in a cluster; see MeshControllerOptions.
  explicit Plane(PlaneOptions options, std::string home_namespace = {});
  ~Plane();

  // Makes the data directory (if there is one) and answers /metrics and the health endpoints.
  Result<void> open();
  // `fence` outlives the loops.
  void start_loops(std::shared_ptr<kube::Store> store, const Fence& fence = unfenced());
  // Ends what decides, then what is decided about: servers of managed backends stop here. Not an error if nothing runs.
  void stop_loops();
  void close();

  // What scripts need to find us: written to endpoints.json in the data directory, once everything answers.
  void publish(const std::string& api, const std::string& kubeconfig);

  // What is wrong with a write, from the declarations known now; nothing while the loops do not run. Thread-safe.
  std::vector<api::Problem> admit(const nlohmann::json* before, const nlohmann::json* after) const;
  // Every watch has delivered what exists. Thread-safe.
  bool synced() const;

  const Clock& clock() const { return clock_; }
  telemetry::Metrics& metrics() { return metrics_; }
  telemetry::Health& health() { return health_; }
  const std::string& data_dir() const { return options_.data_dir; }
  std::string telemetry_url() const { return telemetry_->url(); }

 private:
  std::shared_ptr<MeshController> controller() const;
  std::filesystem::path endpoints_file() const;
  void forget_the_dead() const;

  const PlaneOptions options_;
  const std::string home_namespace_;
  const Clock& clock_;
  telemetry::Metrics metrics_;
  telemetry::Health health_;
  EngineRegistry engines_;
  bool published_ = false;
  std::unique_ptr<telemetry::HealthServer> telemetry_;
  std::shared_ptr<kube::Store> store_;
  std::unique_ptr<AppInstruments> instruments_;
  std::unique_ptr<ManagedServers> managed_;
  mutable std::mutex mutex_;  // guards controller_
  std::shared_ptr<MeshController> controller_;
};

}  // namespace datamesh::app

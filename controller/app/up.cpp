// `datamesh up`: the embedded API server, the loops and the managed servers in one process.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "apiserver/server.hpp"
#include "controller/app/cli.hpp"
#include "controller/app/engines.hpp"
#include "controller/app/instruments.hpp"
#include "controller/app/managed_servers.hpp"
#include "controller/app/manifests.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"
#include "controller/telemetry/health.hpp"
#include "crds/crds.hpp"
#include "reconcilers/mesh_controller.hpp"

namespace datamesh::app {
namespace {

namespace fs = std::filesystem;

// Signals that end the process are waited for by the main thread alone.
sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

std::string data_dir_of(const UpOptions& options) {
  if (!options.data_dir.empty()) return fs::absolute(options.data_dir);
  const auto& variables = environment();
  if (const auto given = variables.find("DATAMESH_HOME"); given != variables.end()) return fs::absolute(given->second);
  // Managed servers run as somebody else, who could not enter root's home.
  if (geteuid() == 0) return "/var/lib/datamesh";
  const auto home = variables.find("HOME");
  return (home == variables.end() ? fs::current_path() : fs::path(home->second)) / ".datamesh";
}

LogLevel level_of(const std::string& word) {
  if (word == "debug") return LogLevel::Debug;
  if (word == "warn") return LogLevel::Warn;
  return word == "error" ? LogLevel::Error : LogLevel::Info;
}

class ControlPlane {
 public:
  Result<void> start(const UpOptions& options, const std::string& data_dir) {
    apiserver::Server::Options server{.data_dir = data_dir + "/api", .address = options.address};
    server.port = static_cast<std::uint16_t>(options.port);
    for (const auto& [name, text] : crds()) server.crds.emplace_back(text);
    server.admission = [this](const Json* before, const Json* after, const apiserver::User&) {
      const auto controller = std::atomic_load(&controller_);
      // The mesh has nothing to say about other kinds.
      if (!is_ours(after ? *after : *before)) return std::vector<api::Problem>{};
      return controller ? controller->admit(before, after) : std::vector<api::Problem>{};
    };
    server.on_request = [this](const apiserver::RequestRecord& record) {
      metrics_.api_request({record.verb, record.group, record.version, record.resource, record.subresource,
                            record.scope, false, record.code, record.took});
    };
    auto started = apiserver::Server::start(std::move(server));
    if (!started) return started.error();
    server_ = *std::move(started);
    store_ = server_->store();

    instruments_ = std::make_unique<AppInstruments>(metrics_, *store_, clock_);
    managed_ = std::make_unique<ProcessServers>(*store_, fs::path(data_dir) / "backends", clock_);
    auto controller = std::make_shared<MeshController>(*store_, engines_, *managed_, clock_, *instruments_);
    std::atomic_store(&controller_, controller);
    controller->start();
    metrics_.leader("datamesh", true);  // the only one there is

    health_.add("caches", telemetry::Health::Matters::ToReadiness, [this]() -> Result<void> {
      if (controller_->synced()) return {};
      return Error{Code::Unavailable, "the caches are not filled yet"};
    });
    telemetry_ = std::make_unique<telemetry::HealthServer>(health_, metrics_, "127.0.0.1",
                                                           static_cast<std::uint16_t>(options.telemetry_port));
    return telemetry_->start();
  }

  // Ends what decides first, then what is decided about, then what remembers.
  void stop() {
    if (controller_) controller_->stop();
    if (telemetry_) telemetry_->stop();
    instruments_.reset();
    managed_.reset();
    std::atomic_store(&controller_, std::shared_ptr<MeshController>());
    store_.reset();
    if (server_) server_->stop();
  }

  const apiserver::Server& server() const { return *server_; }
  std::string telemetry_url() const { return telemetry_->url(); }

 private:
  const Clock& clock_ = real_clock();
  telemetry::Metrics metrics_{DATAMESH_VERSION};
  telemetry::Health health_;
  const EngineRegistry engines_ = engines(clock_);
  std::unique_ptr<apiserver::Server> server_;
  std::shared_ptr<kube::Store> store_;
  std::unique_ptr<AppInstruments> instruments_;
  std::unique_ptr<ProcessServers> managed_;
  std::shared_ptr<MeshController> controller_;
  std::unique_ptr<telemetry::HealthServer> telemetry_;
};

// What scripts need to find us; written once everything answers.
void write_endpoints(const ControlPlane& plane, const std::string& data_dir) {
  const Json endpoints = {{"api", plane.server().url()},
                          {"telemetry", plane.telemetry_url()},
                          {"kubeconfig", plane.server().kubeconfig_path()},
                          {"pid", getpid()}};
  const fs::path file = fs::path(data_dir) / "endpoints.json", fresh = fs::path(data_dir) / "endpoints.json.new";
  std::ofstream(fresh) << endpoints.dump(2) << '\n';
  std::error_code error;
  fs::rename(fresh, file, error);
}

// What a process that was killed left behind would be taken for ours.
void forget_the_dead(const std::string& data_dir) {
  const fs::path file = fs::path(data_dir) / "endpoints.json";
  std::ifstream in(file);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto endpoints = parse_json(text);
  const Json* pid = endpoints ? find(*endpoints, {"pid"}) : nullptr;
  const bool alive = pid && pid->is_number_integer() && kill(pid->get<pid_t>(), 0) == 0;
  std::error_code error;
  if (!alive) fs::remove(file, error);
}

}  // namespace

int run_up(const UpOptions& options) {
  configure_log(level_of(options.log_level), options.log_format == "json" ? LogFormat::Json : LogFormat::Text);
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread from here on
  std::signal(SIGPIPE, SIG_IGN);

  const std::string data_dir = data_dir_of(options);
  std::error_code error;
  fs::create_directories(data_dir, error);
  if (error) {
    std::cerr << "error: " << data_dir << ": " << error.message() << '\n';
    return kFailed;
  }
  forget_the_dead(data_dir);
  ControlPlane plane;
  if (auto started = plane.start(options, data_dir); !started) {
    std::cerr << "error: " << started.error().message << '\n';
    plane.stop();
    return kFailed;
  }
  write_endpoints(plane, data_dir);
  std::cout << "API         " << plane.server().url() << "\ntelemetry   " << plane.telemetry_url()
            << "/metrics\nkubeconfig  " << plane.server().kubeconfig_path()
            << "\n\n  export KUBECONFIG=" << plane.server().kubeconfig_path() << "\n  kubectl get datamesh -A\n"
            << std::flush;

  int code = kDone;
  if (!options.apply.empty()) {
    ApplyOptions apply{.server = {.kubeconfig = plane.server().kubeconfig_path()}, .files = options.apply};
    code = run_apply(apply);
  }
  int number = 0;
  if (code == kDone) sigwait(&signals, &number);
  log_info("stopping", {{"signal", std::to_string(number)}});
  plane.stop();
  fs::remove(fs::path(data_dir) / "endpoints.json", error);
  return code;
}

}  // namespace datamesh::app

#include "controller/app/plane.hpp"

#include <csignal>
#include <fstream>

#include <unistd.h>

#include "controller/app/engines.hpp"
#include "controller/app/managed_servers.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"
#include "controller/kube/fenced_store.hpp"

namespace datamesh::app {
namespace {

namespace fs = std::filesystem;

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

LogLevel level_of(const std::string& word) {
  if (word == "debug") return LogLevel::Debug;
  if (word == "warn") return LogLevel::Warn;
  return word == "error" ? LogLevel::Error : LogLevel::Info;
}

}  // namespace

void begin_process(const PlaneOptions& options) {
  configure_log(level_of(options.log_level), options.log_format == "json" ? LogFormat::Json : LogFormat::Text);
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread from here on
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_end() {
  const sigset_t signals = ending_signals();
  int number = 0;
  sigwait(&signals, &number);
  log_info("stopping", {{"signal", std::to_string(number)}});
  return number;
}

void end_process() {
  kill(getpid(), SIGTERM);
}

Plane::Plane(PlaneOptions options, std::string home_namespace)
    : options_(std::move(options)),
      home_namespace_(std::move(home_namespace)),
      clock_(real_clock()),
      metrics_(DATAMESH_VERSION) {}

Plane::~Plane() {
  close();
}

Result<void> Plane::open() {
  if (!options_.data_dir.empty()) {
    std::error_code error;
    fs::create_directories(options_.data_dir, error);
    if (error) return Error{Code::Invalid, options_.data_dir + ": " + error.message()};
    forget_the_dead();
  }
  telemetry_ = std::make_unique<telemetry::HealthServer>(health_, metrics_, options_.telemetry_address,
                                                         static_cast<std::uint16_t>(options_.telemetry_port));
  return telemetry_->start();
}

void Plane::start_loops(std::shared_ptr<kube::Store> store, const Fence& fence) {
  store_ = std::make_shared<kube::FencedStore>(std::move(store), fence);
  engines_ = engines(clock_, fence);
  instruments_ = std::make_unique<AppInstruments>(metrics_, *store_, clock_);
  if (options_.data_dir.empty()) {
    managed_ = std::make_unique<OtherServers>(*store_);
  } else {
    managed_ = std::make_unique<ProcessServers>(*store_, fs::path(options_.data_dir) / "backends", clock_);
  }
  MeshControllerOptions loops;
  loops.home_namespace = home_namespace_;
  auto controller =
      std::make_shared<MeshController>(*store_, engines_, *managed_, clock_, *instruments_, std::move(loops));
  {
    const std::lock_guard lock(mutex_);
    controller_ = controller;
  }
  controller->start();
}

void Plane::stop_loops() {
  if (const auto running = controller()) running->stop();
  instruments_.reset();
  {
    const std::lock_guard lock(mutex_);
    controller_.reset();
  }
  managed_.reset();
  store_.reset();
}

void Plane::close() {
  stop_loops();
  if (telemetry_) telemetry_->stop();
  std::error_code error;
  if (std::exchange(published_, false)) fs::remove(endpoints_file(), error);
}

void Plane::publish(const std::string& api, const std::string& kubeconfig) {
  if (options_.data_dir.empty()) return;
  const Json endpoints = {{"api", api}, {"telemetry", telemetry_url()}, {"kubeconfig", kubeconfig}, {"pid", getpid()}};
  fs::path fresh = endpoints_file();
  fresh += ".new";
  std::ofstream(fresh) << endpoints.dump(2) << '\n';
  std::error_code error;
  fs::rename(fresh, endpoints_file(), error);
  published_ = !error;
}

std::vector<api::Problem> Plane::admit(const Json* before, const Json* after) const {
  const auto running = controller();
  return running ? running->admit(before, after) : std::vector<api::Problem>{};
}

bool Plane::synced() const {
  const auto running = controller();
  return running && running->synced();
}

std::shared_ptr<MeshController> Plane::controller() const {
  const std::lock_guard lock(mutex_);
  return controller_;
}

fs::path Plane::endpoints_file() const {
  return fs::path(options_.data_dir) / "endpoints.json";
}

// What a process that was killed left behind would be taken for ours.
void Plane::forget_the_dead() const {
  std::ifstream in(endpoints_file());
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto endpoints = parse_json(text);
  const Json* pid = endpoints ? find(*endpoints, {"pid"}) : nullptr;
  const bool alive = pid && pid->is_number_integer() && kill(pid->get<pid_t>(), 0) == 0;
  std::error_code error;
  if (!alive) fs::remove(endpoints_file(), error);
}

}  // namespace datamesh::app

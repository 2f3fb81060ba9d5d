// `datamesh up`: the embedded API server, the loops and the managed servers in one process.

#include <filesystem>
#include <iostream>

#include <unistd.h>

#include "apiserver/server.hpp"
#include "controller/app/cli.hpp"
#include "controller/app/manifests.hpp"
#include "controller/app/plane.hpp"
#include "controller/core/json.hpp"
#include "crds/crds.hpp"

namespace datamesh::app {
namespace {

namespace fs = std::filesystem;

std::string data_dir_of(const PlaneOptions& options) {
  if (!options.data_dir.empty()) return fs::absolute(options.data_dir);
  const auto& variables = environment();
  if (const auto given = variables.find("DATAMESH_HOME"); given != variables.end()) return fs::absolute(given->second);
  // Managed servers run as somebody else, who could not enter root's home.
  if (geteuid() == 0) return "/var/lib/datamesh";
  const auto home = variables.find("HOME");
  return (home == variables.end() ? fs::current_path() : fs::path(home->second)) / ".datamesh";
}

// The API server of this process, whose rules and metrics are the plane's.
Result<std::unique_ptr<apiserver::Server>> serve_api(const UpOptions& options, Plane& plane) {
  apiserver::Server::Options server;
  server.data_dir = plane.data_dir() + "/api";
  server.address = options.address;
  server.port = static_cast<std::uint16_t>(options.port);
  for (const auto& [name, text] : crds()) server.crds.emplace_back(text);
  server.admission = [&plane](const Json* before, const Json* after, const apiserver::User&) {
    // The mesh has nothing to say about other kinds.
    return is_ours(after ? *after : *before) ? plane.admit(before, after) : std::vector<api::Problem>{};
  };
  server.on_request = [&plane](const apiserver::RequestRecord& record) {
    plane.metrics().api_request({record.verb, record.group, record.version, record.resource, record.subresource,
                                 record.scope, false, record.code, record.took});
  };
  return apiserver::Server::start(std::move(server));
}

int fail(const Error& error) {
  std::cerr << "error: " << error.message << '\n';
  return kFailed;
}

}  // namespace

int run_up(const UpOptions& options) {
  begin_process(options.plane);
  PlaneOptions resolved = options.plane;
  resolved.data_dir = data_dir_of(options.plane);
  Plane plane(resolved);
  plane.health().add("caches", telemetry::Health::Matters::ToReadiness, [&plane]() -> Result<void> {
    if (plane.synced()) return {};
    return Error{Code::Unavailable, "the caches are not filled yet"};
  });
  if (auto opened = plane.open(); !opened) return fail(opened.error());
  auto server = serve_api(options, plane);
  if (!server) return fail(server.error());
  plane.start_loops((*server)->store());
  plane.metrics().leader("datamesh", true);  // the only one there is
  const std::string kubeconfig = (*server)->kubeconfig_path();
  plane.publish((*server)->url(), kubeconfig);
  std::cout << "API         " << (*server)->url() << "\ntelemetry   " << plane.telemetry_url()
            << "/metrics\nkubeconfig  " << kubeconfig << "\n\n  export KUBECONFIG=" << kubeconfig
            << "\n  kubectl get datamesh -A\n"
            << std::flush;

  int code = kDone;
  if (!options.apply.empty()) {
    ApplyOptions apply;
    apply.server.kubeconfig = kubeconfig;
    apply.files = options.apply;
    code = run_apply(apply);
  }
  if (code == kDone) wait_for_end();
  // What decides ends first, then what is decided about, then what remembers.
  plane.stop_loops();
  (*server)->stop();
  plane.close();
  return code;
}

}  // namespace datamesh::app

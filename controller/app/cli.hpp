#pragma once
// The commands and their options. Exit codes: 0 done, 1 failed, 2 `plan` found changes (or a wrong command line).

#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/core/result.hpp"
#include "controller/kube/api_client.hpp"
#include "controller/kube/remote_store.hpp"

namespace datamesh::app {

inline constexpr int kDone = 0, kFailed = 1, kChanges = 2;

// How to reach an API server; as kubectl's flags of the same names.
struct ServerOptions {
  std::string kubeconfig, context, ns;
  bool all_namespaces = false;
  bool insecure_skip_tls_verify = false;
};
Result<std::unique_ptr<kube::RemoteStore>> connect(const ServerOptions& options,
                                                   std::string* default_namespace = nullptr,
                                                   kube::ApiClientOptions client = {});

struct ApplyOptions {
  ServerOptions server;
  std::vector<std::string> files;
  bool dry_run = false;
};
int run_apply(const ApplyOptions& options);

struct GetOptions {
  ServerOptions server;
  std::vector<std::string> what;  // kind [name...]
  std::string output;             // "", wide, yaml, json, name
  std::string selector;
};
int run_get(const GetOptions& options);

struct PlanOptions {
  ServerOptions server;
  std::vector<std::string> files;
  std::string output;    // "" or json
  bool offline = false;  // the files are all there is; no API server is asked
  bool statements = true;
};
int run_plan(const PlanOptions& options);

struct LintOptions {
  std::vector<std::string> files;
  std::string output;  // "" or json
};
int run_lint(const LintOptions& options);

// Of a process that keeps a mesh.
struct PlaneOptions {
  std::string data_dir;
  std::string telemetry_address = "127.0.0.1";
  int telemetry_port = 8080;  // /metrics, /healthz, /readyz; 0: any free one
  std::string log_format = "text", log_level = "info";
};

struct UpOptions {
  PlaneOptions plane;  // data_dir empty: $DATAMESH_HOME; else /var/lib/datamesh for root, ~/.datamesh for others
  std::string address = "127.0.0.1";
  int port = 6443;                 // of the API; 0: any free one
  std::vector<std::string> apply;  // files to apply once it runs
};
int run_up(const UpOptions& options);

struct ControllerOptions {
  PlaneOptions plane;  // data_dir empty: $DATAMESH_HOME; else no servers are run
  ServerOptions server;
  bool leader_elect = false;
  std::string lease_namespace;  // empty: $POD_NAMESPACE; else datamesh-system
};
int run_controller(const ControllerOptions& options);

int run_version(const std::string& output);
int run_completion(const std::string& shell);

// The environment of this process.
const std::map<std::string, std::string>& environment();

}  // namespace datamesh::app

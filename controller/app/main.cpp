// datamesh: the command line. Parsing only; each command has a file of its own.

#include <CLI/CLI.hpp>

#include "controller/app/cli.hpp"
#include "controller/core/log.hpp"
#include "controller/core/memory.hpp"

namespace {

using namespace datamesh;       // NOLINT(google-build-using-namespace): the composition root
using namespace datamesh::app;  // NOLINT(google-build-using-namespace)

void add_server_options(CLI::App& command, ServerOptions& options) {
  command.add_option("--kubeconfig", options.kubeconfig,
                     "Path to the kubeconfig file (default: $KUBECONFIG, ~/.kube/config)");
  command.add_option("--context", options.context, "Name of the kubeconfig context to use");
  command.add_option("-n,--namespace", options.ns, "Namespace of objects that name none");
  command.add_flag("--insecure-skip-tls-verify", options.insecure_skip_tls_verify,
                   "Accept that the kubeconfig turns the verification of the server's certificate off");
}

void add_files(CLI::App& command, std::vector<std::string>& files) {
  command.add_option("-f,--filename", files, "File or directory with manifests; - is standard input")->required();
}

void add_plane_options(CLI::App& command, PlaneOptions& options) {
  command.add_option("--telemetry-address", options.telemetry_address, "Address of /metrics, /healthz and /readyz");
  command.add_option("--telemetry-port", options.telemetry_port,
                     "Port of /metrics, /healthz and /readyz; 0 takes a free one");
  command.add_option("--log-format", options.log_format, "Log lines as text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command.add_option("--log-level", options.log_level, "Least level logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
}

}  // namespace

int main(int argc, char** argv) {
  share_heaps();
  CLI::App app{"A control plane for data meshes"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all commands");
  int code = kDone;

  UpOptions up;
  auto* up_command = app.add_subcommand("up", "Run the control plane with its embedded API server");
  up_command->add_option(
      "--data-dir", up.plane.data_dir,
      "Where everything is kept (default: $DATAMESH_HOME; /var/lib/datamesh for root, ~/.datamesh for others)");
  up_command->add_option("--bind-address", up.address, "Address that the API is served on");
  up_command->add_option("--port", up.port, "Port of the API; 0 takes a free one");
  add_plane_options(*up_command, up.plane);
  up_command->add_option("--apply", up.apply, "Manifests to apply once the API answers");
  up_command->callback([&] { code = run_up(up); });

  ControllerOptions controller;
  auto* controller_command = app.add_subcommand("controller", "Run the control plane against a Kubernetes cluster");
  add_server_options(*controller_command, controller.server);
  controller_command->add_option("--data-dir", controller.plane.data_dir,
                                 "Where servers of managed backends keep their data (default: $DATAMESH_HOME); "
                                 "without one, no servers are run");
  add_plane_options(*controller_command, controller.plane);
  controller_command->add_flag("--leader-elect", controller.leader_elect,
                               "Do nothing before this process leads, of several that run");
  controller_command->add_option("--leader-elect-resource-namespace", controller.lease_namespace,
                                 "Namespace of the Lease (default: $POD_NAMESPACE, datamesh-system)");
  controller_command->callback([&] { code = run_controller(controller); });

  ApplyOptions apply;
  auto* apply_command = app.add_subcommand("apply", "Apply manifests to the API server");
  add_server_options(*apply_command, apply.server);
  add_files(*apply_command, apply.files);
  apply_command->add_flag("--dry-run", apply.dry_run, "Let the server check, but store nothing");
  apply_command->callback([&] { code = run_apply(apply); });

  GetOptions get;
  auto* get_command = app.add_subcommand("get", "Show objects");
  add_server_options(*get_command, get.server);
  get_command->add_option("what", get.what, "KIND [NAME...]; \"datamesh\" stands for all kinds of the mesh")
      ->required();
  get_command->add_flag("-A,--all-namespaces", get.server.all_namespaces, "Of all namespaces");
  get_command->add_option("-o,--output", get.output, "wide, yaml, json or name")
      ->check(CLI::IsMember({"wide", "yaml", "json", "name"}));
  get_command->add_option("-l,--selector", get.selector, "Label selector");
  get_command->callback([&] { code = run_get(get); });

  PlanOptions plan;
  auto* plan_command = app.add_subcommand(
      "plan", "Show what applying manifests would change in the backends; exit code 2 if anything would");
  add_server_options(*plan_command, plan.server);
  add_files(*plan_command, plan.files);
  plan_command->add_option("-o,--output", plan.output, "json")->check(CLI::IsMember({"json", "text"}));
  plan_command->add_flag("--offline", plan.offline, "The files are all there is; no API server is asked");
  plan_command->add_flag("!--no-statements", plan.statements, "Leave the statements out");
  plan_command->callback([&] { code = run_plan(plan); });

  LintOptions lint;
  auto* lint_command = app.add_subcommand("lint", "Check manifests without any server");
  add_files(*lint_command, lint.files);
  lint_command->add_option("-o,--output", lint.output, "json")->check(CLI::IsMember({"json", "text"}));
  lint_command->callback([&] { code = run_lint(lint); });

  std::string version_output;
  auto* version_command = app.add_subcommand("version", "Show the version");
  version_command->add_option("-o,--output", version_output, "json")->check(CLI::IsMember({"json", "text"}));
  version_command->callback([&] { code = run_version(version_output); });

  std::string shell;
  auto* completion_command = app.add_subcommand("completion", "Print a completion script");
  completion_command->add_option("shell", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion_command->callback([&] { code = run_completion(shell); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kChanges;
  }
  return code;
}

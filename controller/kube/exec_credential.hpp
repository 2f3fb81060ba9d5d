#pragma once
// Credential plugins of a kubeconfig: programs that print a token or a client certificate (client.authentication.k8s.io
// v1 and v1beta1). https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/log.hpp"
#include "controller/core/result.hpp"

namespace datamesh::kube {

struct ExecPlugin {
  std::string api_version;  // client.authentication.k8s.io/v1 or .../v1beta1
  std::string command;      // a path, or a name that PATH is searched for
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // on top of the process's own
  std::string install_hint;
  std::string info;  // KUBERNETES_EXEC_INFO: JSON
};

struct Credential {
  Secret token;
  std::string certificate_pem;
  Secret key_pem;
  std::optional<WallTime> expires;
};

// Runs the program without a terminal; its standard error is ours. Errors name the program, never its output:
// Unavailable (failed, took too long, printed more than 1 MiB), Invalid (cannot be read, another version).
Result<Credential> run_plugin(const ExecPlugin& plugin, const std::map<std::string, std::string>& environment,
                              std::chrono::milliseconds at_most = std::chrono::seconds(60));

// What such a program prints.
Result<Credential> parse_exec_credential(std::string_view text, std::string_view api_version);

}  // namespace datamesh::kube

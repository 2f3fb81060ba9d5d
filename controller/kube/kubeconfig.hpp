#pragma once
// Where an API server is and how to enter it, as kubectl's configuration files say it.
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/

#include <map>
#include <optional>
#include <string>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/kube/exec_credential.hpp"

namespace datamesh::kube {

struct Cluster {
  std::string server;           // https://host:port
  std::string ca_pem;           // empty: the system's
  std::string tls_server_name;  // whom the server's certificate must name; empty: the host of `server`
  std::string ns;               // of the context; empty: "default"
  std::string context;          // its name
  Secret token;
  std::string token_file;  // read before each use: a projected token is replaced while we run
  std::string certificate_pem;
  Secret key_pem;
  std::optional<ExecPlugin> plugin;                // gives token or certificate instead
  std::map<std::string, std::string> environment;  // that the plugin runs in
  bool verify_peer = true;
};

enum class Insecure { Refused, Allowed };

// `path` empty: the files of $KUBECONFIG put together as kubectl does (of two values the first counts), or
// ~/.kube/config. `context` empty: current-context. Invalid names the file and the field: also for what is not done
// here and would change whom we talk to or as whom (proxy-url, act-as, auth-provider, a password, a plugin that needs a
// terminal), and for insecure-skip-tls-verify unless it is allowed.
Result<Cluster> load_kubeconfig(const std::string& path, const std::string& context,
                                const std::map<std::string, std::string>& environment,
                                Insecure insecure = Insecure::Refused);

// Of the cluster this process runs in (ServiceAccount token and KUBERNETES_SERVICE_HOST). NotFound outside of one.
// `folder`: where the token, ca.crt and namespace are.
Result<Cluster> in_cluster(const std::map<std::string, std::string>& environment,
                           const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace datamesh::kube

#include <unistd.h>

#include "controller/app/cli.hpp"
#include "controller/kube/api_client.hpp"

namespace datamesh::app {

const std::map<std::string, std::string>& environment() {
  static const std::map<std::string, std::string> variables = [] {
    std::map<std::string, std::string> found;
    for (char** entry = environ; entry && *entry; ++entry) {
      const std::string text = *entry;
      if (const auto at = text.find('='); at != std::string::npos) found[text.substr(0, at)] = text.substr(at + 1);
    }
    return found;
  }();
  return variables;
}

Result<std::unique_ptr<kube::RemoteStore>> connect(const ServerOptions& options, std::string* default_namespace,
                                                   kube::ApiClientOptions client_options) {
  auto cluster =
      kube::load_kubeconfig(options.kubeconfig, options.context, environment(),
                            options.insecure_skip_tls_verify ? kube::Insecure::Allowed : kube::Insecure::Refused);
  if (!cluster && cluster.error().code == Code::NotFound && options.kubeconfig.empty()) {
    if (auto inside = kube::in_cluster(environment())) cluster = std::move(inside);
  }
  if (!cluster) return cluster.error();
  if (default_namespace) {
    *default_namespace = !options.ns.empty() ? options.ns : !cluster->ns.empty() ? cluster->ns : "default";
  }
  DATAMESH_TRY(auto client, kube::make_client(*cluster, std::move(client_options)));
  return std::make_unique<kube::RemoteStore>(std::move(client));
}

}  // namespace datamesh::app

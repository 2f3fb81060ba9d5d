#pragma once
// Where an API server is and how to enter it, as kubectl's configuration files say it.
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/

#include <map>
#include <memory>
#include <string>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/http/client.hpp"

namespace datamesh::kube {

struct Cluster {
  std::string server;   // https://host:port
  std::string ca_pem;   // empty: the system's
  std::string ns;       // of the context; empty: "default"
  std::string context;  // its name
  Secret token;
  std::string token_file;  // read before each use: a projected token is replaced while we run
  std::string certificate_pem;
  Secret key_pem;
  bool verify_peer = true;
};

// `path` empty: $KUBECONFIG (its first existing file), then ~/.kube/config. `context` empty: current-context. Invalid
// names the file and the field. Credential plugins are not run: Invalid says so.
Result<Cluster> load_kubeconfig(const std::string& path, const std::string& context,
                                const std::map<std::string, std::string>& environment);

// Of the cluster this process runs in (ServiceAccount token and KUBERNETES_SERVICE_HOST). NotFound outside of one.
Result<Cluster> in_cluster(const std::map<std::string, std::string>& environment);

Result<std::unique_ptr<http::Client>> make_client(const Cluster& cluster);

}  // namespace datamesh::kube

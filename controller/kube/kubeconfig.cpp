#include "controller/kube/kubeconfig.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::kube {
namespace {

constexpr std::string_view kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return Error{Code::NotFound, path.string() + ": cannot be read"};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string variable(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

Result<std::string> find_file(const std::string& path, const std::map<std::string, std::string>& environment) {
  if (!path.empty()) return path;
  std::istringstream listed(variable(environment, "KUBECONFIG"));
  for (std::string part; std::getline(listed, part, ':');) {
    if (!part.empty() && std::filesystem::exists(part)) return part;
  }
  const std::string home = variable(environment, "HOME") + "/.kube/config";
  if (std::filesystem::exists(home)) return home;
  return Error{Code::NotFound, "no kubeconfig: give --kubeconfig or set KUBECONFIG"};
}

// The entry called `name` of a list of {name, <member>: {...}}.
const Json* named(const Json& config, std::string_view list, std::string_view member, const std::string& name) {
  const Json* entries = find(config, {list});
  if (!entries || !entries->is_array()) return nullptr;
  for (const auto& entry : *entries) {
    if (string_at(entry, {"name"}) == name) return find(entry, {member});
  }
  return nullptr;
}

// "<field>-data" in base64, or the file that "<field>" names, relative to the configuration.
Result<std::string> data_or_file(const Json& entry, const std::string& field, const std::filesystem::path& directory) {
  if (const std::string data = string_at(entry, {field + "-data"}); !data.empty()) return base64_decode(data);
  const std::string file = string_at(entry, {field});
  if (file.empty()) return std::string();
  return read_file(std::filesystem::path(file).is_absolute() ? std::filesystem::path(file) : directory / file);
}

Result<void> read_user(Cluster& cluster, const Json& user, const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path();
  if (find(user, {"exec"}) || find(user, {"auth-provider"})) {
    return Error{Code::Invalid,
                 path + ": the user of context " + cluster.context + " needs a credential plugin, which is not run"};
  }
  cluster.token = Secret(string_at(user, {"token"}));
  if (const std::string file = string_at(user, {"tokenFile"}); !file.empty()) {
    cluster.token_file = std::filesystem::path(file).is_absolute() ? file : (directory / file).string();
  }
  DATAMESH_TRY(cluster.certificate_pem, data_or_file(user, "client-certificate", directory));
  DATAMESH_TRY(std::string key, data_or_file(user, "client-key", directory));
  cluster.key_pem = Secret(std::move(key));
  return {};
}

}  // namespace

Result<Cluster> load_kubeconfig(const std::string& wanted, const std::string& context,
                                const std::map<std::string, std::string>& environment) {
  DATAMESH_TRY(const std::string path, find_file(wanted, environment));
  DATAMESH_TRY(const std::string text, read_file(path));
  auto documents = parse_yaml(text);
  if (!documents) return with_context(path, documents.error());
  if (documents->size() != 1) return Error{Code::Invalid, path + ": one document is expected"};
  const Json& config = documents->front();

  Cluster cluster;
  cluster.context = context.empty() ? string_at(config, {"current-context"}) : context;
  const Json* chosen = named(config, "contexts", "context", cluster.context);
  if (!chosen) return Error{Code::Invalid, path + ": no context \"" + cluster.context + "\""};
  cluster.ns = string_at(*chosen, {"namespace"});
  const Json* server = named(config, "clusters", "cluster", string_at(*chosen, {"cluster"}));
  if (!server) return Error{Code::Invalid, path + ": no cluster \"" + string_at(*chosen, {"cluster"}) + "\""};
  cluster.server = string_at(*server, {"server"});
  const Json* insecure = find(*server, {"insecure-skip-tls-verify"});
  cluster.verify_peer = !(insecure && *insecure == true);
  DATAMESH_TRY(cluster.ca_pem,
               data_or_file(*server, "certificate-authority", std::filesystem::path(path).parent_path()));
  if (const Json* user = named(config, "users", "user", string_at(*chosen, {"user"}))) {
    DATAMESH_CHECK(read_user(cluster, *user, path));
  }
  return cluster;
}

Result<Cluster> in_cluster(const std::map<std::string, std::string>& environment) {
  const std::string host = variable(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = variable(environment, "KUBERNETES_SERVICE_PORT");
  if (host.empty()) return Error{Code::NotFound, "not inside a cluster: KUBERNETES_SERVICE_HOST is not set"};
  const std::string folder(kServiceAccount);
  Cluster cluster;
  cluster.context = "in-cluster";
  const bool ipv6 = host.find(':') != std::string::npos;
  cluster.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + (port.empty() ? "443" : port);
  DATAMESH_TRY(cluster.ca_pem, read_file(folder + "ca.crt"));
  cluster.token_file = folder + "token";
  if (auto ns = read_file(folder + "namespace")) cluster.ns = *ns;
  return cluster;
}

Result<std::unique_ptr<http::Client>> make_client(const Cluster& cluster) {
  http::ClientOptions options{.url = cluster.server,
                              .ca_pem = cluster.ca_pem,
                              .certificate_pem = cluster.certificate_pem,
                              .key_pem = cluster.key_pem,
                              .verify_peer = cluster.verify_peer,
                              .bearer_token = {}};
  options.bearer_token = [token = cluster.token, file = cluster.token_file] {
    if (file.empty()) return token;
    auto text = read_file(file);
    if (!text) return token;
    while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
    return Secret(*text);
  };
  return http::make_client(std::move(options));
}

}  // namespace datamesh::kube

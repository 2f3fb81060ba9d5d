#include "controller/kube/kubeconfig.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::kube {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExecGroup = "client.authentication.k8s.io/";

Result<std::string> read_file(const fs::path& path) {
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

bool is_true(const Json& object, std::string_view field) {
  const Json* value = find(object, {field});
  return value && *value == true;
}

struct File {
  fs::path path;
  Json config;
};

// An entry, and the file it stands in.
struct Entry {
  const Json* value = nullptr;
  const File* file = nullptr;

  std::string where(std::string_view field) const { return file->path.string() + ": " + std::string(field); }
  // Paths are relative to their file.
  std::string resolve(const std::string& path) const {
    return fs::path(path).is_absolute() ? path : (file->path.parent_path() / path).string();
  }
  // "<field>-data" in base64, or the file that "<field>" names.
  Result<std::string> data_or_file(const std::string& field) const {
    if (const std::string data = string_at(*value, {field + "-data"}); !data.empty()) {
      std::string decoded = base64_decode(data);
      if (decoded.empty()) return Error{Code::Invalid, where(field + "-data is not base64")};
      return decoded;
    }
    const std::string path = string_at(*value, {field});
    return path.empty() ? Result<std::string>(std::string()) : read_file(resolve(path));
  }
};

Result<std::vector<File>> read_files(const std::string& given, const std::map<std::string, std::string>& environment) {
  std::vector<fs::path> paths;
  if (!given.empty()) paths.emplace_back(given);
  std::istringstream listed(given.empty() ? variable(environment, "KUBECONFIG") : "");
  for (std::string part; std::getline(listed, part, ':');) {
    if (!part.empty() && fs::exists(part)) paths.emplace_back(part);
  }
  const fs::path home = variable(environment, "HOME") + "/.kube/config";
  if (paths.empty() && variable(environment, "KUBECONFIG").empty() && fs::exists(home)) paths.push_back(home);
  if (paths.empty()) return Error{Code::NotFound, "no kubeconfig: give --kubeconfig or set KUBECONFIG"};
  std::vector<File> files;
  for (const auto& path : paths) {
    DATAMESH_TRY(const std::string text, read_file(path));
    auto documents = parse_yaml(text);
    if (!documents) return with_context(path.string(), documents.error());
    if (documents->size() != 1) return Error{Code::Invalid, path.string() + ": one document is expected"};
    files.push_back({path, std::move(documents->front())});
  }
  return files;
}

// The first entry called `name` of the lists of {name, <member>: {...}}.
Entry named(const std::vector<File>& files, std::string_view list, std::string_view member, const std::string& name) {
  for (const auto& file : files) {
    const Json* entries = find(file.config, {list});
    if (!entries || !entries->is_array()) continue;
    for (const auto& entry : *entries) {
      const Json* value = find(entry, {member});
      if (value && string_at(entry, {"name"}) == name) return {value, &file};
    }
  }
  return {};
}

// What KUBERNETES_EXEC_INFO says.
std::string exec_info(const std::string& api_version, const Entry& server, const std::string& ca_pem,
                      bool with_cluster) {
  Json spec = {{"interactive", false}};
  if (with_cluster) {
    Json cluster = {{"server", string_at(*server.value, {"server"})}};
    if (!ca_pem.empty()) cluster["certificate-authority-data"] = base64_encode(ca_pem);
    if (const auto name = string_at(*server.value, {"tls-server-name"}); !name.empty())
      cluster["tls-server-name"] = name;
    if (is_true(*server.value, "insecure-skip-tls-verify")) cluster["insecure-skip-tls-verify"] = true;
    if (const Json* extensions = find(*server.value, {"extensions"}); extensions && extensions->is_array()) {
      for (const auto& extension : *extensions) {
        const Json* config = find(extension, {"extension"});
        if (config && string_at(extension, {"name"}) == "client.authentication.k8s.io/exec")
          cluster["config"] = *config;
      }
    }
    spec["cluster"] = std::move(cluster);
  }
  return Json{{"apiVersion", api_version}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}}.dump();
}

Result<ExecPlugin> read_plugin(const Entry& user, const Json& exec, const Entry& server, const std::string& ca_pem) {
  ExecPlugin plugin;
  plugin.api_version = string_at(exec, {"apiVersion"});
  plugin.command = string_at(exec, {"command"});
  if (plugin.api_version != std::string(kExecGroup) + "v1" &&
      plugin.api_version != std::string(kExecGroup) + "v1beta1") {
    return Error{Code::Invalid, user.where("exec.apiVersion \"" + plugin.api_version + "\" is not " +
                                           std::string(kExecGroup) + "v1 or v1beta1")};
  }
  if (plugin.command.empty()) return Error{Code::Invalid, user.where("exec.command is missing")};
  // A name without a slash is looked for in PATH; a relative path is relative to the file.
  if (plugin.command.find('/') != std::string::npos) plugin.command = user.resolve(plugin.command);
  const std::string mode = string_at(exec, {"interactiveMode"});
  if (mode == "Always") {
    return Error{Code::Invalid,
                 user.where("exec.interactiveMode Always: the plugin needs a terminal, which is not given")};
  }
  if (mode.empty() && plugin.api_version.ends_with("/v1")) {
    return Error{Code::Invalid, user.where("exec.interactiveMode is missing")};
  }
  if (!mode.empty() && mode != "Never" && mode != "IfAvailable") {
    return Error{Code::Invalid, user.where("exec.interactiveMode \"" + mode + "\" is not known")};
  }
  if (const Json* arguments = find(exec, {"args"}); arguments && arguments->is_array()) {
    for (const auto& argument : *arguments) {
      if (argument.is_string()) plugin.arguments.push_back(argument.get<std::string>());
    }
  }
  if (const Json* variables = find(exec, {"env"}); variables && variables->is_array()) {
    for (const auto& entry : *variables) plugin.environment[string_at(entry, {"name"})] = string_at(entry, {"value"});
  }
  plugin.install_hint = string_at(exec, {"installHint"});
  plugin.info = exec_info(plugin.api_version, server, ca_pem, is_true(exec, "provideClusterInfo"));
  return plugin;
}

Result<void> read_user(Cluster& cluster, const Entry& user, const Entry& server) {
  for (const char* field : {"auth-provider", "as", "as-uid", "as-groups", "as-user-extra", "username", "password"}) {
    if (find(*user.value, {field})) return Error{Code::Invalid, user.where(std::string(field) + " is not supported")};
  }
  cluster.token = Secret(string_at(*user.value, {"token"}));
  if (const std::string file = string_at(*user.value, {"tokenFile"}); !file.empty()) {
    cluster.token_file = user.resolve(file);
  }
  DATAMESH_TRY(cluster.certificate_pem, user.data_or_file("client-certificate"));
  DATAMESH_TRY(std::string key, user.data_or_file("client-key"));
  cluster.key_pem = Secret(std::move(key));
  if (cluster.certificate_pem.empty() != cluster.key_pem.empty()) {
    return Error{Code::Invalid, user.where("client-certificate and client-key belong together")};
  }
  if (const Json* exec = find(*user.value, {"exec"}); exec && !exec->is_null()) {
    DATAMESH_TRY(cluster.plugin, read_plugin(user, *exec, server, cluster.ca_pem));
  }
  return {};
}

Result<void> read_server(Cluster& cluster, const Entry& server, Insecure insecure) {
  cluster.server = string_at(*server.value, {"server"});
  if (cluster.server.empty()) return Error{Code::Invalid, server.where("cluster.server is missing")};
  if (find(*server.value, {"proxy-url"})) return Error{Code::Invalid, server.where("proxy-url is not supported")};
  cluster.tls_server_name = string_at(*server.value, {"tls-server-name"});
  if (is_true(*server.value, "insecure-skip-tls-verify")) {
    if (insecure == Insecure::Refused) {
      return Error{Code::Invalid, server.where("insecure-skip-tls-verify: anybody could be at the other end; give "
                                               "--insecure-skip-tls-verify if that is meant")};
    }
    cluster.verify_peer = false;
  }
  DATAMESH_TRY(cluster.ca_pem, server.data_or_file("certificate-authority"));
  return {};
}

}  // namespace

Result<Cluster> load_kubeconfig(const std::string& path, const std::string& context,
                                const std::map<std::string, std::string>& environment, Insecure insecure) {
  DATAMESH_TRY(const auto files, read_files(path, environment));
  const std::string& first = files.front().path;
  Cluster cluster;
  cluster.environment = environment;
  cluster.context = context;
  for (const auto& file : files) {
    if (cluster.context.empty()) cluster.context = string_at(file.config, {"current-context"});
  }
  const Entry chosen = named(files, "contexts", "context", cluster.context);
  if (!chosen.value) return Error{Code::Invalid, first + ": no context \"" + cluster.context + "\""};
  cluster.ns = string_at(*chosen.value, {"namespace"});
  const std::string server_name = string_at(*chosen.value, {"cluster"}), user_name = string_at(*chosen.value, {"user"});
  const Entry server = named(files, "clusters", "cluster", server_name);
  if (!server.value) return Error{Code::Invalid, first + ": no cluster \"" + server_name + "\""};
  DATAMESH_CHECK(read_server(cluster, server, insecure));
  if (user_name.empty()) return cluster;
  const Entry user = named(files, "users", "user", user_name);
  if (!user.value) return Error{Code::Invalid, first + ": no user \"" + user_name + "\""};
  DATAMESH_CHECK(read_user(cluster, user, server));
  return cluster;
}

Result<Cluster> in_cluster(const std::map<std::string, std::string>& environment, const std::string& folder) {
  const std::string host = variable(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = variable(environment, "KUBERNETES_SERVICE_PORT");
  if (host.empty()) return Error{Code::NotFound, "not inside a cluster: KUBERNETES_SERVICE_HOST is not set"};
  Cluster cluster;
  cluster.context = "in-cluster";
  const bool ipv6 = host.find(':') != std::string::npos;
  cluster.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + (port.empty() ? "443" : port);
  DATAMESH_TRY(cluster.ca_pem, read_file(folder + "/ca.crt"));
  cluster.token_file = folder + "/token";
  if (auto ns = read_file(folder + "/namespace")) cluster.ns = *ns;
  return cluster;
}

}  // namespace datamesh::kube

#include "controller/app/managed_servers.hpp"

#include "controller/core/json.hpp"
#include "reconcilers/backend/loop.hpp"

namespace datamesh::app {

Result<Connection> ProcessServers::ensure(const std::string& backend, const std::string& engine, std::stop_token stop) {
  Connection connection{.backend = backend, .engine = engine, .endpoint = {}, .credentials = {}};
  if (engine == "memory") return connection;  // it is in this process already
  DATAMESH_TRY(const auto server, platform_.ensure(backend, engine, data_dir_ / backend, stop));
  connection.endpoint = server.endpoint;
  connection.credentials = server.credentials;
  DATAMESH_CHECK(write_down(connection));
  return connection;
}

Result<void> ProcessServers::release(const std::string& backend) {
  platform_.stop(backend);
  return store_.remove(kube::secrets(), std::string(kSystemNamespace), managed_secret_name(backend));
}

Result<void> ProcessServers::write_down(const Connection& connection) {
  const std::string ns(kSystemNamespace), name = managed_secret_name(connection.backend);
  const auto made = store_.create(kube::namespaces(),
                                  Json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns}}}});
  if (!made && made.error().code != Code::Conflict) return made.error();

  Json data = {{"endpoint", base64_encode(connection.endpoint)}};
  for (const auto& [field, value] : connection.credentials) data[field] = base64_encode(value.reveal());
  Json secret = {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"type", "datamesh.dev/" + connection.engine + "-admin"},
      {"metadata", {{"name", name}, {"namespace", ns}, {"labels", {{"app.kubernetes.io/managed-by", "datamesh"}}}}},
      {"data", data}};
  const auto live = store_.get(kube::secrets(), ns, name);
  if (live && live->value("data", Json()) == data) return {};
  if (live) secret["metadata"]["resourceVersion"] = string_at(*live, {"metadata", "resourceVersion"});
  const auto written = live ? store_.update(kube::secrets(), secret) : store_.create(kube::secrets(), secret);
  if (!written) return with_context("Secret " + ns + "/" + name, written.error());
  return {};
}

Result<Connection> OtherServers::ensure(const std::string& backend, const std::string& engine, std::stop_token stop) {
  api::Backend known;
  known.metadata.name = backend;
  known.engine = engine;
  known.managed.emplace();
  if (engine == "memory") return Connection{.backend = backend, .engine = engine, .endpoint = {}, .credentials = {}};
  return resolve_connection(store_, nullptr, known, stop);
}

}  // namespace datamesh::app

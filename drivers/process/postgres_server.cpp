#include "drivers/process/postgres_server.hpp"

#include <algorithm>
#include <csignal>
#include <sstream>

#include <openssl/evp.h>
#include <pwd.h>
#include <unistd.h>

#include "controller/core/ids.hpp"

namespace datamesh::process {
namespace {

constexpr std::size_t socket_path_max = 100;  // of 107, with the name of the socket itself
constexpr std::chrono::minutes command_deadline{2};

struct Cluster {
  std::filesystem::path directory, programs, sockets;
  std::optional<Identity> run_as;
  int port = 0;

  std::filesystem::path data() const { return directory / "data"; }
  std::map<std::string, std::string> env() const {
    return {{"PATH", "/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"TZ", "UTC"}, {"HOME", directory.string()}};
  }
};

std::string own_user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : std::to_string(::geteuid());
}

// RFC 5802 as PostgreSQL stores it, so that the password itself never travels.
std::string scram_verifier(const Secret& password) {
  constexpr int iterations = 4096;
  const std::string salt = random_bytes(16);
  std::string salted(32, '\0'), stored(32, '\0');
  const auto bytes = [](std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); };
  PKCS5_PBKDF2_HMAC(password.reveal().data(), static_cast<int>(password.reveal().size()),
                    reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()), iterations,
                    EVP_sha256(), static_cast<int>(salted.size()), bytes(salted));
  const std::string client = hmac_sha256(salted, "Client Key"), server = hmac_sha256(salted, "Server Key");
  unsigned size = 32;
  EVP_Digest(client.data(), client.size(), bytes(stored), &size, EVP_sha256(), nullptr);
  return "SCRAM-SHA-256$" + std::to_string(iterations) + ":" + base64_encode(salt) + "$" + base64_encode(stored) + ":" +
         base64_encode(server);
}

// A long path does not fit into a socket address.
std::filesystem::path socket_directory(const std::filesystem::path& directory) {
  auto inside = directory / "run";
  if (inside.string().size() + std::string("/.s.PGSQL.65535.lock").size() <= socket_path_max) return inside;
  return "/tmp/datamesh-" + sha256_hex(directory.string()).substr(0, 16);
}

// Beside the place, then moved there: a cluster is complete or absent.
Result<void> make_cluster(const Cluster& cluster, const Clock& clock, std::stop_token stop) {
  if (std::filesystem::exists(cluster.data() / "PG_VERSION")) return {};
  const auto draft = cluster.directory / "data.new";
  std::error_code error;
  std::filesystem::remove_all(draft, error);
  DATAMESH_CHECK(make_private_directory(draft, cluster.run_as));
  DATAMESH_TRY(const std::string ignored,
               run({.argv = {(cluster.programs / "initdb").string(), "--pgdata=" + draft.string(),
                             "--username=postgres", "--auth-local=peer", "--auth-host=scram-sha-256",
                             "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"},
                    .env = cluster.env(),
                    .working_dir = cluster.directory,
                    .run_as = cluster.run_as,
                    .input = ""},
                   command_deadline, clock, stop));
  std::filesystem::rename(draft, cluster.data(), error);
  if (error) return Error{Code::Unavailable, cluster.data().string() + ": " + error.message()};
  return {};
}

// Who gets in: the superuser over the socket if the operating system vouches for him, everybody else with a password.
Result<void> write_access_rules(const Cluster& cluster) {
  std::string map;
  for (const auto& user : {own_user_name(), cluster.run_as ? cluster.run_as->name : own_user_name()}) {
    map += "supervisor \"" + user + "\" postgres\n";
  }
  DATAMESH_CHECK(write_file(cluster.data() / "pg_ident.conf", map, 0600, cluster.run_as));
  return write_file(cluster.data() / "pg_hba.conf",
                    "local all postgres peer map=supervisor\n"
                    "local all all reject\n"
                    "host all postgres all reject\n"
                    "host all all 127.0.0.1/32 scram-sha-256\n",
                    0600, cluster.run_as);
}

// The server says so itself, in the last line of its lock file.
bool is_ready(const std::filesystem::path& data, pid_t pid) {
  std::istringstream lines(read_file(data / "postmaster.pid"));
  std::string first, line, last;
  std::getline(lines, first);
  while (std::getline(lines, line)) last = line;
  return first == std::to_string(pid) && last.starts_with("ready");
}

// A killed server leaves its lock file, and perhaps itself. One whose number belongs to a stranger by now would keep
// the next from starting.
void clear_lock(const std::filesystem::path& data) {
  const auto file = data / "postmaster.pid";
  const auto old = read_pid(file);
  if (!old || !end_survivor(*old, data, SIGINT, std::chrono::seconds(20))) return;
  std::error_code error;
  std::filesystem::remove(file, error);
}

ProcessSpec server_spec(const Cluster& cluster, const std::string& name) {
  ProcessSpec spec;
  spec.name = name;
  const auto set = [&](const std::string& setting) {
    spec.argv.emplace_back("-c");
    spec.argv.push_back(setting);
  };
  spec.argv = {(cluster.programs / "postgres").string(), "-D", cluster.data().string()};
  set("listen_addresses=127.0.0.1");
  set("port=" + std::to_string(cluster.port));
  set("unix_socket_directories=" + cluster.sockets.string());
  set("unix_socket_permissions=0700");
  set("max_connections=200");
  set("password_encryption=scram-sha-256");
  set("fsync=on");
  set("logging_collector=off");
  set("log_timezone=UTC");
  spec.env = cluster.env();
  spec.working_dir = cluster.directory;
  spec.log_file = cluster.directory / "log";
  spec.pid_file = cluster.directory / "pid";
  spec.run_as = cluster.run_as;
  spec.stop_signal = SIGINT;  // fast shutdown: sessions are ended, data are written
  const auto data = cluster.data();
  spec.ready = [data](pid_t pid) { return is_ready(data, pid); };
  spec.before_start = [data] { clear_lock(data); };
  return spec;
}

Result<std::string> psql(const Cluster& cluster, const Clock& clock, const std::string& database,
                         const std::string& script, std::stop_token stop) {
  return run({.argv = {(cluster.programs / "psql").string(), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
                       "--set=ON_ERROR_STOP=1", "--host=" + cluster.sockets.string(),
                       "--port=" + std::to_string(cluster.port), "--username=postgres", "--dbname=" + database},
              .env = cluster.env(),
              .working_dir = cluster.directory,
              .run_as = cluster.run_as,
              .input = script},
             command_deadline, clock, stop);
}

// For the mesh: its role, its database, nothing open to everybody.
Result<void> bootstrap(const Cluster& cluster, const Clock& clock, const Secret& password, std::stop_token stop) {
  const std::string script =
      "SELECT 'CREATE ROLE mesh_cp LOGIN CREATEROLE' WHERE NOT EXISTS "
      "(SELECT FROM pg_roles WHERE rolname = 'mesh_cp') \\gexec\n"
      "ALTER ROLE mesh_cp LOGIN CREATEROLE PASSWORD '" +
      scram_verifier(password) +
      "';\n"
      "GRANT pg_signal_backend TO mesh_cp;\n"
      "SELECT 'CREATE DATABASE mesh OWNER mesh_cp TEMPLATE template0 ENCODING ''UTF8''' WHERE NOT EXISTS "
      "(SELECT FROM pg_database WHERE datname = 'mesh') \\gexec\n"
      "REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;\n"
      "REVOKE TEMPORARY ON DATABASE mesh FROM PUBLIC;\n"
      "\\connect mesh\n"
      "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n";
  DATAMESH_TRY(const std::string ignored, psql(cluster, clock, "postgres", script, stop));
  return {};
}

}  // namespace

Result<ManagedServer> ensure_postgres(Supervisor& supervisor, const Clock& clock, const std::string& name,
                                      const std::filesystem::path& directory, std::stop_token stop) {
  DATAMESH_TRY(const auto program, find_program("postgres", {"/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin"}));
  Cluster cluster{directory, program.parent_path(), socket_directory(directory), unprivileged()};
  DATAMESH_CHECK(make_private_directory(directory, cluster.run_as));
  DATAMESH_CHECK(make_private_directory(cluster.sockets, cluster.run_as));
  DATAMESH_TRY(cluster.port, stable_port(directory / "port"));
  DATAMESH_TRY(
      auto secrets, stable_secrets(directory / "secrets", [] {
        return std::map<std::string, Secret>{{"username", Secret("mesh_cp")}, {"password", Secret(random_token(32))}};
      }));
  const auto running = supervisor.status(name);
  const bool is_running = running && running->state == State::Running;
  if (!is_running) {
    DATAMESH_CHECK(make_cluster(cluster, clock, stop));
    DATAMESH_CHECK(write_access_rules(cluster));
  }
  DATAMESH_CHECK(supervisor.start(server_spec(cluster, name), stop));
  if (!is_running) DATAMESH_CHECK(bootstrap(cluster, clock, secrets["password"], stop));
  DATAMESH_TRY(std::string version, psql(cluster, clock, "postgres", "SHOW server_version;\n", stop));
  version = version.substr(0, version.find_first_of(" \n"));
  return ManagedServer{"postgres://127.0.0.1:" + std::to_string(cluster.port) + "/mesh", std::move(secrets),
                       std::move(version)};
}

}  // namespace datamesh::process

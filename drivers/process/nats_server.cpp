#include "drivers/process/nats_server.hpp"

#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/core/json.hpp"
#include "controller/core/nkeys.hpp"

namespace datamesh::process {
namespace {

using nkeys::Key;
using nkeys::KeyType;

// All keys of an installation. The operator's own key signs the list of signing keys and nothing else.
struct Keys {
  Key master, signing, system;

  static Result<Keys> from(const std::map<std::string, Secret>& secrets) {
    const auto key = [&](const char* name) -> Result<Key> {
      const auto found = secrets.find(name);
      if (found == secrets.end()) return Error{Code::Unavailable, std::string("the secrets have no ") + name};
      return Key::from_seed(found->second);
    };
    DATAMESH_TRY(Key master, key("operatorKey"));
    DATAMESH_TRY(Key signing, key("operatorSigningKey"));
    DATAMESH_TRY(Key system, key("systemAccountKey"));
    return Keys{std::move(master), std::move(signing), std::move(system)};
  }
};

std::int64_t seconds(const Clock& clock) {
  return clock.wall().time_since_epoch().count() / 1000;
}

std::map<std::string, Secret> make_secrets(std::int64_t now) {
  const Key system = Key::generate(KeyType::Account);
  Key user = Key::generate(KeyType::User);
  const std::string jwt = nkeys::sign_jwt(
      system, {{"sub", user.id()},
               {"name", "datamesh"},
               {"iat", now},
               {"nats", {{"type", "user"}, {"version", 2}, {"subs", -1}, {"data", -1}, {"payload", -1}}}});
  return {{"operatorKey", Key::generate(KeyType::Operator).seed()},
          {"operatorSigningKey", Key::generate(KeyType::Operator).seed()},
          {"systemAccountKey", system.seed()},
          {"systemCredentials", nkeys::to_text({jwt, std::move(user)})}};
}

std::string operator_jwt(const Keys& keys, std::int64_t now) {
  return nkeys::sign_jwt(keys.master, {{"sub", keys.master.id()},
                                       {"name", "datamesh"},
                                       {"iat", now},
                                       {"nats",
                                        {{"type", "operator"},
                                         {"version", 2},
                                         {"system_account", keys.system.id()},
                                         {"signing_keys", Json::array({keys.signing.id()})}}}});
}

std::string system_jwt(const Keys& keys, std::int64_t now) {
  Json limits{{"wildcards", true}};
  for (const char* name : {"subs", "data", "payload", "imports", "exports", "conn", "leaf"}) limits[name] = -1;
  return nkeys::sign_jwt(keys.signing,
                         {{"sub", keys.system.id()},
                          {"name", "SYS"},
                          {"iat", now},
                          {"nats", {{"type", "account"}, {"version", 2}, {"limits", std::move(limits)}}}});
}

std::string quoted(const std::filesystem::path& path) {
  return Json(path.string()).dump();
}

std::string config(const std::filesystem::path& directory, const std::string& name, int port, const Keys& keys,
                   std::int64_t now) {
  return "listen: \"127.0.0.1:" + std::to_string(port) + "\"\nserver_name: " + Json(name).dump() +
         "\n"
         // An account's claims travel in one message and grow with its subscriptions.
         "max_payload: 4MB\n"
         // The first log-in to an account makes it, with all that it imports from; by default that must take 2 s.
         "authorization { timeout: 30 }\n"
         "jetstream { store_dir: " +
         quoted(directory / "js") + " }\noperator: " + quoted(directory / "operator.jwt") +
         "\nsystem_account: " + keys.system.id() + "\nresolver: { type: full, dir: " + quoted(directory / "jwt") +
         ", allow_delete: true, interval: \"2m\", limit: 100000 }\nresolver_preload: { " + keys.system.id() + ": " +
         system_jwt(keys, now) + " }\n";
}

// Clients are let in when JetStream has recovered; the server greets them with its INFO line.
std::string greeting(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string text;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    pollfd entry{fd, POLLIN, 0};
    char buffer[4096];
    while (text.find('\n') == std::string::npos && text.size() < sizeof buffer && ::poll(&entry, 1, 200) > 0) {
      const auto count = ::recv(fd, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }
  ::close(fd);
  return text.starts_with("INFO {") ? text.substr(5, text.find('\n') - 5) : std::string();
}

}  // namespace

Result<ManagedServer> ensure_nats(Supervisor& supervisor, const Clock& clock, const std::string& name,
                                  const std::filesystem::path& directory, std::stop_token stop) {
  DATAMESH_TRY(const auto program, find_program("nats-server", {"/usr/sbin", "/usr/local/bin"}));
  const auto run_as = unprivileged();
  DATAMESH_CHECK(make_private_directory(directory, run_as));
  DATAMESH_TRY(const int port, stable_port(directory / "port"));
  const std::int64_t now = seconds(clock);
  DATAMESH_TRY(auto secrets, stable_secrets(directory / "secrets", [&] { return make_secrets(now); }));
  DATAMESH_TRY(const Keys keys, Keys::from(secrets));

  const auto running = supervisor.status(name);
  if (!running || running->state == State::Stopped) {
    for (const char* part : {"jwt", "js"}) DATAMESH_CHECK(make_private_directory(directory / part, run_as));
    DATAMESH_CHECK(write_file(directory / "operator.jwt", operator_jwt(keys, now), 0600, run_as));
    DATAMESH_CHECK(write_file(directory / "nats.conf", config(directory, name, port, keys, now), 0600, run_as));
  }
  ProcessSpec spec;
  spec.name = name;
  spec.argv = {program.string(), "--config", (directory / "nats.conf").string()};
  spec.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", directory.string()}};
  spec.working_dir = directory;
  spec.log_file = directory / "log";
  spec.pid_file = directory / "pid";
  spec.run_as = run_as;
  spec.stop_signal = SIGINT;  // on SIGTERM it stops as cleanly, and says that it failed
  spec.ready = [port](pid_t) { return !greeting(port).empty(); };
  DATAMESH_CHECK(supervisor.start(std::move(spec), stop));

  const auto hello = parse_json(greeting(port));
  secrets.erase("operatorKey");
  secrets.erase("systemAccountKey");
  return ManagedServer{"nats://127.0.0.1:" + std::to_string(port), std::move(secrets),
                       hello ? string_at(*hello, {"version"}) : std::string()};
}

}  // namespace datamesh::process

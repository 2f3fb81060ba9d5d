#pragma once
// A real PostgreSQL server of the test's own, on a free port, in a temporary directory. PostgreSQL refuses to run as
// root, so it then runs as `postgres` or `nobody`.

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <pwd.h>
#include <unistd.h>

#include "drivers/postgres/bootstrap.hpp"
#include "drivers/postgres/connection.hpp"
#include "tests/testing/child.hpp"
#include "tests/testing/free_port.hpp"
#include "tests/testing/temp_dir.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::postgres::test {

inline const std::string kBin = "/usr/lib/postgresql/15/bin/";

inline const passwd* unprivileged() {
  if (getuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  return user ? user : getpwnam("nobody");
}

// The command, run as somebody who is not root, ending with the test.
inline std::vector<std::string> as_unprivileged(std::vector<std::string> command) {
  const passwd* user = unprivileged();
  if (!user) return command;
  std::vector<std::string> whole = {"setpriv",
                                    "--reuid",
                                    std::to_string(user->pw_uid),
                                    "--regid",
                                    std::to_string(user->pw_gid),
                                    "--clear-groups",
                                    "--pdeathsig",
                                    "SIGQUIT",
                                    "--"};
  whole.insert(whole.end(), command.begin(), command.end());
  return whole;
}

class Server {
 public:
  // Fsync is off unless `durable`: a test has to survive no power cut. The data are in a directory of its own, or in
  // `data`, which exists and is empty.
  explicit Server(bool durable = false, const std::string& data = {})
      : port_(datamesh::test::free_port()), durable_(durable), data_(data.empty() ? (dir_ / "data").string() : data) {
    if (const passwd* user = unprivileged()) {
      for (const std::string& path : {dir_.path().string(), data}) {
        if (!path.empty() && chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) std::perror("chown");
      }
    }
    dir_.write("password", kSuperPassword);
    std::filesystem::permissions(dir_ / "password", std::filesystem::perms(0644));
    std::vector<std::string> initdb = {kBin + "initdb",
                                       "-D",
                                       data_,
                                       "-U",
                                       "postgres",
                                       "-A",
                                       "scram-sha-256",
                                       "--pwfile=" + (dir_ / "password").string(),
                                       "-E",
                                       "UTF8",
                                       "--locale=C.UTF-8",
                                       "--no-sync"};
    if (!data.empty()) initdb.emplace_back("--wal-segsize=1");  // it may be a small one
    const auto made = datamesh::test::run(as_unprivileged(initdb));
    if (made.exit_code != 0) std::fprintf(stderr, "initdb: %s%s", made.output.c_str(), made.errors.c_str());
    start();
  }
  ~Server() { kill(SIGINT); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> command = {kBin + "postgres",
                                        "-D",
                                        data_,
                                        "-k",
                                        dir_.path().string(),
                                        "-p",
                                        std::to_string(port_),
                                        "-c",
                                        "listen_addresses=127.0.0.1",
                                        "-c",
                                        durable_ ? "fsync=on" : "fsync=off",
                                        "-c",
                                        "max_connections=60"};
    for (const auto& setting : settings) command.insert(command.end(), {"-c", setting});
    process_ = std::make_unique<datamesh::test::Child>(as_unprivileged(command));
    const bool up = datamesh::test::wait_until(
        [&] { return static_cast<bool>(Session::open(endpoint("postgres"), superuser(), "test", {})); },
        std::chrono::seconds(120));
    if (!up) std::fprintf(stderr, "the server did not start: %s\n", process_->errors().c_str());
  }
  // SIGINT: fast shutdown; SIGQUIT: at once, as in a crash.
  void kill(int signal) {
    if (!process_) return;
    process_->signal(signal);
    process_->wait();
    log_ = process_->errors();
    process_.reset();
  }
  bool is_running() { return process_ && process_->is_running(); }
  // What the server last killed had written to its log.
  const std::string& log() const { return log_; }

  Endpoint endpoint(const std::string& database) const {
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = std::to_string(port_);
    endpoint.database = database;
    endpoint.sslmode = "disable";
    return endpoint;
  }
  static Login superuser() { return {"postgres", Secret(kSuperPassword)}; }

 private:
  static constexpr const char* kSuperPassword = "of-the-test";
  datamesh::test::TempDir dir_;
  int port_;
  bool durable_;
  const std::string data_;
  std::string log_;
  std::unique_ptr<datamesh::test::Child> process_;
};

}  // namespace datamesh::postgres::test

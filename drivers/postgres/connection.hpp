#pragma once
// The door to libpq: where a server is, one session, its errors as ours. Nothing of libpq leaves this folder.

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"

struct pg_conn;
struct pg_result;

namespace datamesh::postgres {

// postgres://host:port/database, without credentials. `host` may be a directory (a Unix socket) by
// postgres:///database?host=/run/postgresql. Of the parameters sslmode, sslrootcert and port are known.
struct Endpoint {
  std::string host = "localhost", port = "5432", database = "mesh";
  std::string sslmode = "prefer", sslrootcert = {};
};
// Invalid when it is not such a URL, or holds credentials (they belong in the Secret).
Result<Endpoint> parse_endpoint(std::string_view url);

struct Login {
  std::string user;
  Secret password;
};

// The rows of one answer. A view into libpq's memory, valid as long as this lives.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) : result_(result) {}
  int size() const;
  // Empty for NULL.
  std::string_view at(int row, int column) const;
  bool is_null(int row, int column) const;
  const pg_result* raw() const { return result_.get(); }

 private:
  struct Free {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Free> result_;
};

// PostgreSQL's code of an error (Appendix A of its documentation) besides our own.
struct Failure {
  Error error;
  std::string sqlstate;  // empty: the connection itself failed
  bool is_connection_lost() const { return sqlstate.empty() || sqlstate.starts_with("57P"); }
};

// What the caller should do about an SQLSTATE.
Code code_of(std::string_view sqlstate);

// One session of one role. Not thread-safe. Blocking calls watch the stop token and a deadline; a session whose call
// was cut short is broken() and must be thrown away.
class Session {
 public:
  // Connects, with search_path pinned to pg_catalog (pg_temp last), JIT off and limits on waiting. Messages begin with
  // `who`
  // ("postgresql/warehouse") and hold no password. Denied when the server refuses the login, Unavailable when it cannot
  // be reached.
  static Result<Session> open(const Endpoint& endpoint, const Login& login, std::string who, std::stop_token stop,
                              const std::string& application_name = "datamesh");
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;

  // One statement, parameters as text ($1, ...); one round trip.
  Result<Rows> query(const std::string& sql, std::span<const std::string> parameters, std::stop_token stop);
  Result<Rows> query(const std::string& sql, std::initializer_list<std::string> parameters, std::stop_token stop) {
    return query(sql, std::span(parameters.begin(), parameters.size()), stop);
  }
  Result<Rows> query(const std::string& sql, std::stop_token stop) {
    return query(sql, std::span<const std::string>(), stop);
  }

  // The same, planned once for the session: for what is asked over and over.
  Result<Rows> query_prepared(const std::string& name, const std::string& sql, std::span<const std::string> parameters,
                              std::stop_token stop);

  bool broken() const;
  int server_version() const;  // 150020
  int backend_pid() const;
  const std::string& who() const { return who_; }

  // For the pipeline (see pipeline.hpp).
  pg_conn* raw() const { return conn_.get(); }
  Failure failure_of(const pg_result* result) const;
  Failure connection_failure() const;
  void mark_broken() { broken_ = true; }

 private:
  struct Close {
    void operator()(pg_conn* conn) const;
  };
  Session(pg_conn* conn, std::string who) : conn_(conn), who_(std::move(who)) {}

  Result<Rows> collect(const std::stop_token& stop);

  std::unique_ptr<pg_conn, Close> conn_;
  std::string who_;
  bool broken_ = false;
  std::set<std::string> prepared_;
};

// {"a","b\"c"}: an array parameter (text[]).
std::string array_text(std::span<const std::string> values);

}  // namespace datamesh::postgres

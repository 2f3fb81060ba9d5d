#include "drivers/postgres/connection.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <libpq-fe.h>
#include <poll.h>

namespace datamesh::postgres {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kConnectWithin{5000};
constexpr milliseconds kAnswerWithin{120000};
constexpr milliseconds kStopCheck{50};  // how late a stop may be noticed

std::string percent_decode(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Error bad_endpoint(std::string_view why) {
  return {Code::Invalid, "endpoint: " + std::string(why) + "; it must be postgres://host:port/database"};
}

Result<void> set_parameter(Endpoint& endpoint, std::string_view name, std::string value) {
  if (name == "host") {
    endpoint.host = std::move(value);
  } else if (name == "port" && is_port(value)) {
    endpoint.port = std::move(value);
  } else if (name == "sslmode") {
    constexpr std::array<std::string_view, 6> modes = {"disable", "allow",     "prefer",
                                                       "require", "verify-ca", "verify-full"};
    if (std::ranges::find(modes, value) == modes.end()) return bad_endpoint("unknown sslmode");
    endpoint.sslmode = std::move(value);
  } else if (name == "sslrootcert") {
    endpoint.sslrootcert = std::move(value);
  } else {
    return bad_endpoint("parameter " + std::string(name) + " is not known");
  }
  return {};
}

std::string first_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return std::string(text.substr(0, text.find('\n')));
}

// With verbose messages, "...: FATAL:  28P01: password authentication failed" names the code; libpq offers no other way
// to learn it for a failed login.
std::string sqlstate_in(std::string_view message) {
  const auto is_code = [](std::string_view word) {
    return word.size() == 5 &&
           std::ranges::all_of(word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }) &&
           word.find_first_of("0123456789") != std::string_view::npos;
  };
  for (std::size_t at = message.find(":  "); at != std::string_view::npos; at = message.find(":  ", at + 1)) {
    const auto word = message.substr(at + 3, 5);
    if (is_code(word) && message.substr(at + 8, 1) == ":") return std::string(word);
  }
  return "";
}

enum class Waited { Ready, Stopped, TimedOut };

Waited wait_for(int socket, short events, SteadyClock::time_point until, const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) return Waited::Stopped;
    const auto left = std::chrono::duration_cast<milliseconds>(until - SteadyClock::now());
    if (left.count() <= 0) return Waited::TimedOut;
    pollfd entry{socket, events, 0};
    if (poll(&entry, 1, static_cast<int>(std::min(left, kStopCheck).count())) > 0) return Waited::Ready;
  }
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  Endpoint endpoint;
  const auto scheme = url.find("://");
  const auto name = url.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  if (name != "postgres" && name != "postgresql") return bad_endpoint("no postgres:// at its beginning");
  url.remove_prefix(scheme + 3);
  std::string_view parameters;
  if (const auto mark = url.find('?'); mark != std::string_view::npos) {
    parameters = url.substr(mark + 1);
    url = url.substr(0, mark);
  }
  const auto slash = url.find('/');
  auto authority = url.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) return bad_endpoint("credentials belong in the Secret");
  if (slash != std::string_view::npos && slash + 1 < url.size())
    endpoint.database = percent_decode(url.substr(slash + 1));
  if (authority.starts_with('[')) {  // an IPv6 address
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return bad_endpoint("a bracket is not closed");
    endpoint.host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
    if (!authority.empty() && !authority.starts_with(':')) return bad_endpoint("unexpected text behind the address");
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    if (colon > 0) endpoint.host = percent_decode(authority.substr(0, colon));
    authority.remove_prefix(colon);
  }
  if (authority.size() > 1) {
    if (!is_port(authority.substr(1))) return bad_endpoint("the port is not a number");
    endpoint.port = authority.substr(1);
  }
  while (!parameters.empty()) {
    const auto pair = parameters.substr(0, parameters.find('&'));
    parameters.remove_prefix(std::min(pair.size() + 1, parameters.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    DATAMESH_CHECK(set_parameter(endpoint, pair.substr(0, equals), percent_decode(value)));
  }
  return endpoint;
}

int Rows::size() const {
  return result_ ? PQntuples(result_.get()) : 0;
}
std::string_view Rows::at(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}
bool Rows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) == 1;
}
void Rows::Free::operator()(pg_result* result) const {
  PQclear(result);
}

void Session::Close::operator()(pg_conn* conn) const {
  PQfinish(conn);
}

Code code_of(std::string_view sqlstate) {
  if (sqlstate == "DM001") return Code::Denied;    // fencing.hpp: another leads
  if (sqlstate == "DM002") return Code::Conflict;  // fencing.hpp: is made again
  const auto is = [&](std::string_view prefix) { return sqlstate.starts_with(prefix); };
  if (sqlstate.empty() || is("08") || is("53") || is("57") || is("58")) return Code::Unavailable;
  if (is("28") || sqlstate == "42501" || is("0L") || is("0P")) return Code::Denied;
  if (is("40") || sqlstate == "55P03" || sqlstate == "55006") return Code::Conflict;
  // A role, table or schema that is not there: what makes it failed a moment ago, and is repeated soon.
  if (sqlstate == "42704" || sqlstate == "42P01" || sqlstate == "3F000") return Code::Conflict;
  if (is("25006")) return Code::Unavailable;  // a standby: wait until it is promoted, or another is named
  if (is("22") || is("23") || is("2B") || is("42") || is("3") || is("54") || is("0A") || is("55")) return Code::Invalid;
  return Code::Internal;
}

Failure Session::failure_of(const pg_result* result) const {
  const auto field = [&](int code) {
    const char* text = result ? PQresultErrorField(result, code) : nullptr;
    return std::string(text ? text : "");
  };
  const std::string sqlstate = field(PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) return connection_failure();
  std::string message = who_ + ": " + field(PG_DIAG_MESSAGE_PRIMARY);
  // Details name the objects in the way ("view a.b depends on ..."), which is what a person needs; those of constraint
  // violations (class 23) hold rows of data.
  if (const auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty() && !sqlstate.starts_with("23")) {
    message += " (" + first_line(detail) + ")";
  }
  return {{code_of(sqlstate), message + " [" + sqlstate + "]"}, sqlstate};
}

Failure Session::connection_failure() const {
  const std::string text = first_line(PQerrorMessage(conn_.get()));
  return {{Code::Unavailable, who_ + ": " + (text.empty() ? "the connection was lost" : text)}, ""};
}

namespace {

Error connect_error(pg_conn* conn, const std::string& who) {
  std::string text = first_line(PQerrorMessage(conn));
  const std::string sqlstate = sqlstate_in(text);
  if (!sqlstate.empty()) {
    // "connection to server at ..., port 5432 failed: FATAL:  28P01: password authentication failed for user"
    text = text.substr(text.find(sqlstate) + sqlstate.size() + 2);
    return {code_of(sqlstate), who + ": " + text + " [" + sqlstate + "]"};
  }
  const bool refused = text.find("refused") != std::string::npos;
  return {Code::Unavailable, who + ": " + (refused ? "connection refused: " : "") + text};
}

}  // namespace

Result<Session> Session::open(const Endpoint& endpoint, const Login& login, std::string who, std::stop_token stop,
                              const std::string& application_name) {
  // A schema that someone put in a role's search_path must not decide what our statements mean; a lock that someone
  // holds must not hold us for ever.
  constexpr const char* options =
      "-c search_path=pg_catalog,pg_temp -c jit=off -c client_min_messages=error -c standard_conforming_strings=on "
      "-c lock_timeout=10s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s -c role=none "
      "-c plan_cache_mode=force_generic_plan";
  const std::array<const char*, 12> keys = {"host",
                                            "port",
                                            "dbname",
                                            "user",
                                            "password",
                                            "sslmode",
                                            "sslrootcert",
                                            "options",
                                            "application_name",
                                            "client_encoding",
                                            "connect_timeout",
                                            nullptr};
  const std::array<const char*, 12> values = {endpoint.host.c_str(),
                                              endpoint.port.c_str(),
                                              endpoint.database.c_str(),
                                              login.user.c_str(),
                                              login.password.reveal().c_str(),
                                              endpoint.sslmode.c_str(),
                                              endpoint.sslrootcert.c_str(),
                                              options,
                                              application_name.c_str(),
                                              "UTF8",
                                              "5",
                                              nullptr};
  Session session(PQconnectStartParams(keys.data(), values.data(), 0), std::move(who));
  pg_conn* conn = session.conn_.get();
  if (!conn) return Error{Code::Internal, session.who_ + ": out of memory"};
  PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      conn, [](void*, const char*) {}, nullptr);

  const auto until = SteadyClock::now() + kConnectWithin;
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(conn) != CONNECTION_BAD) {
    switch (wait_for(PQsocket(conn), next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until, stop)) {
      case Waited::Stopped:
        return Error{Code::Cancelled, session.who_ + ": stopped while connecting"};
      case Waited::TimedOut:
        return Error{Code::Unavailable, session.who_ + ": no connection within 5 s"};
      case Waited::Ready:
        break;
    }
    next = PQconnectPoll(conn);
    if (next == PGRES_POLLING_FAILED) break;
    if (next == PGRES_POLLING_OK) {
      PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
      if (PQsetnonblocking(conn, 1) != 0) return session.connection_failure().error;
      return session;
    }
  }
  return connect_error(conn, session.who_);
}

bool Session::broken() const {
  return broken_ || PQstatus(conn_.get()) != CONNECTION_OK;
}
int Session::server_version() const {
  return PQserverVersion(conn_.get());
}
int Session::backend_pid() const {
  return PQbackendPID(conn_.get());
}

namespace {

std::vector<const char*> pointers(std::span<const std::string> parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  return values;
}

}  // namespace

Result<Rows> Session::query(const std::string& sql, std::span<const std::string> parameters, std::stop_token stop) {
  const auto values = pointers(parameters);
  if (!PQsendQueryParams(conn_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                         nullptr, 0)) {
    broken_ = true;
    return connection_failure().error;
  }
  return collect(stop);
}

Result<Rows> Session::query_prepared(const std::string& name, const std::string& sql,
                                     std::span<const std::string> parameters, std::stop_token stop) {
  const auto values = pointers(parameters);
  const int count = static_cast<int>(values.size());
  if (!prepared_.contains(name)) {
    if (!PQsendPrepare(conn_.get(), name.c_str(), sql.c_str(), count, nullptr)) {
      broken_ = true;
      return connection_failure().error;
    }
    DATAMESH_TRY(const Rows ignored, collect(stop));
    prepared_.insert(name);
  }
  if (!PQsendQueryPrepared(conn_.get(), name.c_str(), count, values.data(), nullptr, nullptr, 0)) {
    broken_ = true;
    return connection_failure().error;
  }
  return collect(stop);
}

Result<Rows> Session::collect(const std::stop_token& stop) {
  pg_conn* conn = conn_.get();
  const auto until = SteadyClock::now() + kAnswerWithin;
  std::optional<Error> failed;
  Rows rows;
  for (;;) {
    const int unsent = PQflush(conn);
    if (unsent < 0) break;
    if (unsent == 0 && !PQisBusy(conn)) {
      PGresult* result = PQgetResult(conn);
      if (!result) {
        if (failed) return *failed;
        return rows;
      }
      Rows owned(result);
      const auto status = PQresultStatus(result);
      if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        rows = std::move(owned);
      } else {
        failed = failure_of(result).error;
      }
      continue;
    }
    const short events = static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN);
    const auto waited = wait_for(PQsocket(conn), events, until, stop);
    if (waited != Waited::Ready) {
      broken_ = true;  // Its answer may still come; closing the session ends the statement.
      return waited == Waited::Stopped ? Error{Code::Cancelled, who_ + ": stopped"}
                                       : Error{Code::Unavailable, who_ + ": no answer within 120 s"};
    }
    if (!PQconsumeInput(conn)) break;
  }
  broken_ = true;
  return connection_failure().error;
}

std::string array_text(std::span<const std::string> values) {
  std::string text = "{";
  for (const auto& value : values) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      if (c != '\0') text += c;
    }
    text += '"';
  }
  return text + "}";
}

}  // namespace datamesh::postgres

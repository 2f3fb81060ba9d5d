#include "drivers/postgres/fencing.hpp"

#include "controller/core/ids.hpp"
#include "drivers/postgres/names.hpp"

namespace datamesh::postgres {
namespace {

std::string plane_mark(const Term& term) {
  return "datamesh " + sha256_hex(term.plane).substr(0, 16) + " ";
}

constexpr const char* kTable = "datamesh.fence";

}  // namespace

std::string application_name(const Term& term) {
  return term.epoch == 0 ? "datamesh" : plane_mark(term) + std::to_string(term.epoch);
}

Result<void> take_over(Session& session, const Term& term, std::stop_token stop) {
  if (term.epoch == 0) return {};
  // Looked for first: to make what exists takes a lock, and a right that may have been taken away since.
  DATAMESH_TRY(const Rows there, session.query("SELECT to_regclass('datamesh.fence') IS NOT NULL", stop));
  if (there.size() != 1 || there.at(0, 0) != "t") {
    DATAMESH_TRY(const Rows schema, session.query("CREATE SCHEMA IF NOT EXISTS datamesh", stop));
    DATAMESH_TRY(const Rows table,
                 session.query("CREATE TABLE IF NOT EXISTS datamesh.fence (plane text PRIMARY KEY, epoch bigint NOT "
                               "NULL)",
                               stop));
  }
  // The cast must not be tried on names of others.
  static const std::string end_older =
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = session_user AND pid <> "
      "pg_backend_pid() AND CASE WHEN starts_with(application_name, $1) AND substr(application_name, length($1) + 1) ~ "
      "'^[0-9]{1,18}$' THEN substr(application_name, length($1) + 1)::bigint < $2::bigint ELSE false END";
  DATAMESH_TRY(const Rows ended, session.query(end_older, {plane_mark(term), std::to_string(term.epoch)}, stop));
  static const std::string raise =
      "INSERT INTO datamesh.fence AS f (plane, epoch) VALUES ($1, $2::bigint) ON CONFLICT (plane) DO UPDATE SET epoch "
      "= "
      "excluded.epoch WHERE f.epoch <= excluded.epoch RETURNING epoch";
  DATAMESH_TRY(const Rows raised, session.query(raise, {term.plane, std::to_string(term.epoch)}, stop));
  if (raised.size() == 1) return {};
  return Error{Code::Denied, session.who() + ": a later term of this control plane has been at work here (" + kTable +
                                 ", plane " + term.plane + ")"};
}

std::string fence_statement(const Term& term) {
  if (term.epoch == 0) return "";
  const std::string plane = quote_literal(term.plane), epoch = std::to_string(term.epoch);
  const std::string body =
      "DECLARE found bigint; BEGIN SELECT f.epoch INTO found FROM datamesh.fence f WHERE f.plane = " + plane +
      " FOR SHARE; IF found IS NULL THEN RAISE EXCEPTION 'the fence is gone' USING ERRCODE "
      "= 'DM002'; ELSIF found > " +
      epoch +
      " THEN RAISE EXCEPTION 'a later term of this control plane has taken over' USING ERRCODE = "
      "'DM001'; END IF; END";
  return "DO " + quote_literal(body);
}

bool refused_by_fence(const std::optional<Error>& error) {
  if (!error) return false;
  const auto ends = [&](std::string_view state) { return error->message.ends_with("[" + std::string(state) + "]"); };
  return ends(kOutOfTerm) || ends(kFenceMissing);
}

}  // namespace datamesh::postgres

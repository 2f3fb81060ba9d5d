#include "drivers/postgres/bootstrap.hpp"

#include <map>

#include "controller/core/ids.hpp"
#include "drivers/postgres/credentials.hpp"
#include "drivers/postgres/names.hpp"

namespace datamesh::postgres {

std::vector<BootstrapStatement> bootstrap_sql(const BootstrapOptions& options) {
  const std::string role = quote_identifier(options.control_plane.user), database = quote_identifier(options.database);
  const std::string verifier = quote_literal(scram_verifier(options.control_plane.password, random_bytes(16)));
  const std::string first = "postgres";
  return {
      {first, "CREATE ROLE " + role + " LOGIN CREATEROLE",
       "SELECT FROM pg_roles WHERE rolname = " + quote_literal(options.control_plane.user)},
      {first, "ALTER ROLE " + role + " LOGIN CREATEROLE PASSWORD " + verifier},
      {first, "GRANT pg_signal_backend TO " + role},  // to end the sessions of those who lost access
      {first, "CREATE DATABASE " + database + " OWNER " + role + " TEMPLATE template0 ENCODING 'UTF8'",
       "SELECT FROM pg_database WHERE datname = " + quote_literal(options.database)},
      {first, "REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC"},
      {first, "REVOKE TEMPORARY ON DATABASE " + database + " FROM PUBLIC"},
      {options.database, "REVOKE ALL ON SCHEMA public FROM PUBLIC"},
  };
}

Result<void> bootstrap(const Endpoint& endpoint, const Login& superuser, const BootstrapOptions& options,
                       std::stop_token stop) {
  std::map<std::string, Session> sessions;
  for (const auto& statement : bootstrap_sql(options)) {
    auto session = sessions.find(statement.database);
    if (session == sessions.end()) {
      Endpoint there = endpoint;
      there.database = statement.database;
      DATAMESH_TRY(Session opened, Session::open(there, superuser, "postgresql bootstrap", stop));
      session = sessions.emplace(statement.database, std::move(opened)).first;
    }
    if (!statement.unless.empty()) {
      DATAMESH_TRY(const Rows present, session->second.query(statement.unless, stop));
      if (present.size() > 0) continue;
    }
    DATAMESH_TRY(const Rows ignored, session->second.query(statement.sql, stop));
  }
  return {};
}

}  // namespace datamesh::postgres

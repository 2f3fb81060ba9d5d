#include "drivers/postgres/prove.hpp"

#include <algorithm>

#include "drivers/postgres/names.hpp"
#include "drivers/postgres/pipeline.hpp"

namespace datamesh::postgres {
namespace {

enum class Must { Work, BeRefused };

struct Attempt {
  std::string what;  // "read sales__orders_v1.orders(order_id)"
  std::string sql;
  Must must;
};

std::string columns_of(const std::vector<std::string>& names, bool quoted) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + (quoted ? quote_identifier(name) : name);
  return text;
}

// `readable` of one table, or nothing at all.
void add_attempts(const std::string& schema, const mesh::Table& table, const std::set<std::string>& readable,
                  std::vector<Attempt>& attempts) {
  const std::string name = names::table(table.name);
  const std::string from = quote_qualified(schema, name), shown = id_part(schema) + "." + id_part(name);
  const auto read = [&](const std::vector<std::string>& columns, Must must) {
    attempts.push_back({"read " + shown + "(" + columns_of(columns, false) + ")",
                        "SELECT " + columns_of(columns, true) + " FROM " + from + " LIMIT 0", must});
  };
  std::vector<std::string> allowed, refused;
  for (const auto& column : table.columns) {
    (readable.contains(column.name) ? allowed : refused).push_back(names::column(column.name));
  }
  if (!allowed.empty()) read(allowed, Must::Work);
  for (const auto& column : refused) read({column}, Must::BeRefused);
  attempts.push_back({"insert into " + shown, "EXPLAIN INSERT INTO " + from + " DEFAULT VALUES", Must::BeRefused});
  attempts.push_back({"delete from " + shown, "EXPLAIN DELETE FROM " + from, Must::BeRefused});
}

// Refused: for lack of rights, or because it is not there for this role (or at all).
bool is_refusal(const Failure& failure, bool absent_counts) {
  if (failure.sqlstate == "42501") return true;
  return absent_counts && (failure.sqlstate == "3F000" || failure.sqlstate == "42P01" || failure.sqlstate == "42703");
}

void try_all(Session& session, const std::vector<Attempt>& attempts, bool absent_counts, Proof& proof,
             std::stop_token stop) {
  std::vector<std::string> statements;
  statements.reserve(attempts.size());
  for (const auto& attempt : attempts) statements.push_back(attempt.sql);
  const auto answers = run_each(session, statements, std::move(stop));
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto& failure = answers[i];
    const bool refused = failure && is_refusal(*failure, absent_counts);
    proof.tried.push_back(attempts[i].what + ": " +
                          (!failure  ? "allowed"
                           : refused ? "refused"
                                     : failure->error.message));
    const bool as_expected = attempts[i].must == Must::Work ? !failure : refused;
    if (!as_expected && proof.failure.empty()) {
      proof.failure = proof.tried.back() +
                      (attempts[i].must == Must::Work ? ", but it must be allowed" : ", but it must be refused");
    }
  }
}

Login login_of(const mesh::Credential& credential) {
  const auto get = [&](const std::string& name) {
    const auto found = credential.fields.find(name);
    return found == credential.fields.end() ? Secret() : found->second;
  };
  return {get("username").reveal(), get("password")};
}

// The attempt just made may take a moment to leave the list, so a session must be seen in several looks to count. The
// server does the waiting.
Result<int> open_sessions(Session& admin, const std::string& role, const std::stop_token& stop) {
  int count = 0;
  for (int look = 0; look < 20; ++look) {
    DATAMESH_TRY(const Rows rows, admin.query("SELECT FROM pg_stat_activity WHERE usename = $1::name", {role}, stop));
    count = rows.size();
    if (count == 0) break;
    DATAMESH_TRY(const Rows slept, admin.query("SELECT pg_sleep(0.05)", stop));
  }
  return count;
}

Proof concluded(Proof proof) {
  proof.proved = proof.failure.empty();
  return proof;
}

}  // namespace

Proof prove_granted(const Endpoint& endpoint, const std::string& who, const mesh::Port& port,
                    const mesh::Access& access, const mesh::Credential& credential, std::stop_token stop) {
  Proof proof;
  auto session = Session::open(endpoint, login_of(credential), who, stop);
  if (!session) {
    proof.tried.push_back("log in: " + session.error().message);
    proof.failure = proof.tried.back() + ", but it must be allowed";
    return proof;
  }
  proof.tried.emplace_back("log in: allowed");
  std::vector<Attempt> attempts;
  for (const auto& table : port.tables) {
    const auto readable = access.readable.find(table.name);
    add_attempts(names::schema(port.key), table,
                 readable == access.readable.end() ? std::set<std::string>() : readable->second, attempts);
  }
  try_all(*session, attempts, false, proof, stop);
  return concluded(std::move(proof));
}

Proof prove_revoked(const Endpoint& endpoint, Session& admin, const mesh::Port& port, const std::string& role,
                    const mesh::Credential& credential, std::stop_token stop) {
  Proof proof;
  {
    auto session = Session::open(endpoint, login_of(credential), admin.who(), stop);
    if (session) {
      proof.tried.emplace_back("log in: allowed");
      std::vector<Attempt> attempts;
      for (const auto& table : port.tables) add_attempts(names::schema(port.key), table, {}, attempts);
      if (port.tables.empty()) proof.failure = "log in: allowed, but it must be refused";
      try_all(*session, attempts, true, proof, stop);
    } else if (session.error().code == Code::Denied) {
      proof.tried.emplace_back("log in: refused");
    } else {
      proof.tried.push_back("log in: " + session.error().message);
      proof.failure = proof.tried.back() + ": nothing is proved";
    }
  }
  const auto open = open_sessions(admin, role, stop);
  if (!open) {
    if (proof.failure.empty()) proof.failure = "count its sessions: " + open.error().message;
  } else {
    proof.tried.push_back("open sessions: " + std::to_string(*open));
    if (*open > 0 && proof.failure.empty()) proof.failure = proof.tried.back() + ", but there must be none";
  }
  return concluded(std::move(proof));
}

}  // namespace datamesh::postgres

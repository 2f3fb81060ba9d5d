#include "drivers/postgres/driver.hpp"

#include <algorithm>

#include "drivers/postgres/apply.hpp"
#include "drivers/postgres/credentials.hpp"
#include "drivers/postgres/fencing.hpp"
#include "drivers/postgres/lower.hpp"
#include "drivers/postgres/observe.hpp"

namespace datamesh::postgres {
namespace {

constexpr int kOldestVersion = 140000;       // pg_terminate_backend() with a timeout
constexpr int kFlushVersion = 150000;        // pg_stat_force_next_flush()
constexpr std::size_t kPasswordLength = 32;  // letters and digits: 190 bits

// Two control planes on one server take turns (a session's advisory lock; the number is ours for ever).
constexpr const char* kTryLock = "SELECT pg_try_advisory_lock(7310299870265418341)";
constexpr const char* kLock = "SELECT pg_advisory_lock(7310299870265418341)";
// Every login can take an advisory lock: who holds it, or stands in the queue, and cannot be a control plane, goes.
constexpr const char* kEndIntruders =
    "SELECT pg_terminate_backend(a.pid, 500) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "JOIN pg_roles r ON r.oid = a.usesysid WHERE l.locktype = 'advisory' AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (l.classid::bigint << 32 | l.objid::bigint) = 7310299870265418341 "
    "AND r.rolname <> session_user AND NOT r.rolsuper AND NOT r.rolcreaterole";
constexpr int kTurns = 3;  // each waits for lock_timeout
constexpr const char* kUnlock = "SELECT pg_advisory_unlock(7310299870265418341)";

}  // namespace

Driver::Driver(Options options)
    : options_(std::move(options)),
      who_("postgresql/" + options_.backend),
      sessions_(std::max<std::size_t>(1, options_.connections)) {}

Result<Session> Driver::open(std::stop_token stop) const {
  return Session::open(options_.endpoint, options_.admin, who_, std::move(stop),
                       application_name(options_.fence->term()));
}

Result<void> Driver::enter_term(Session& session, std::stop_token stop) {
  const Term term = options_.fence->term();
  if (term.epoch == entered_) return {};
  DATAMESH_CHECK(options_.fence->may_write());
  DATAMESH_CHECK(take_over(session, term, std::move(stop)));
  entered_ = term.epoch;
  return {};
}

Result<Session*> Driver::session(std::size_t index, std::stop_token stop) {
  auto& slot = sessions_[index];
  if (!slot || slot->broken()) {
    slot.reset();
    DATAMESH_TRY(slot, open(std::move(stop)));
  }
  return &*slot;
}

Result<std::string> Driver::reach(std::stop_token stop) {
  DATAMESH_TRY(Session * admin, session(0, stop));
  DATAMESH_TRY(
      const Rows rows,
      admin->query(
          "SELECT current_setting('server_version'), pg_is_in_recovery(), r.rolsuper, r.rolsuper OR r.rolcreaterole, "
          "has_database_privilege(current_database(), 'CREATE'), "
          "pg_has_role('pg_signal_backend', 'USAGE'), session_user::text, current_database()::text "
          "FROM pg_roles r WHERE r.rolname = session_user",
          stop));
  if (rows.size() != 1) return Error{Code::Denied, who_ + ": the role cannot see itself"};
  const auto yes = [&](int column) { return rows.at(0, column) == "t"; };
  const std::string user = quote_identifier(rows.at(0, 6)), database = quote_identifier(rows.at(0, 7));
  superuser_ = yes(2);
  if (admin->server_version() < kOldestVersion) {
    return Error{Code::Invalid, who_ + ": version " + std::string(rows.at(0, 0)) + " is too old, 14 is the oldest"};
  }
  if (yes(1)) return Error{Code::Unavailable, who_ + ": the server is a standby and takes no writes"};
  const auto denied = [&](const std::string& cure) {
    return Error{Code::Denied, who_ + ": the role may not do what is needed; as a superuser: " + cure};
  };
  if (!yes(3)) return denied("ALTER ROLE " + user + " CREATEROLE");
  if (!yes(4)) return denied("GRANT CREATE ON DATABASE " + database + " TO " + user);
  if (!yes(5)) return denied("GRANT pg_signal_backend TO " + user);
  DATAMESH_CHECK(enter_term(*admin, stop));
  const auto version = rows.at(0, 0);
  return std::string(version.substr(0, version.find(' ')));
}

Result<Observed<Spec>> Driver::observe(const Scope& scope, std::stop_token stop) {
  DATAMESH_TRY(Session * admin, session(0, stop));
  DATAMESH_CHECK(enter_term(*admin, stop));
  return postgres::observe(*admin, scope, stop);
}

std::vector<std::string> Driver::lower(const Change<Spec>& change) {
  return describe(change);
}

int Driver::rank(const Spec& spec) {
  return static_cast<int>(spec.index());
}  // role schema table membership grant

bool Driver::holds_data(const Spec& spec) {
  return std::holds_alternative<Schema>(spec) || std::holds_alternative<Table>(spec);
}

std::vector<ResourceId> Driver::needs(const Spec& spec) {
  if (const auto* role = std::get_if<Role>(&spec)) {
    return role->default_role.empty() ? std::vector<ResourceId>() : std::vector{role_id(role->default_role)};
  }
  if (const auto* schema = std::get_if<Schema>(&spec)) return {role_id(schema->owner)};
  if (const auto* table = std::get_if<Table>(&spec)) return {schema_id((*table)->schema), role_id((*table)->owner)};
  if (const auto* member = std::get_if<Membership>(&spec)) return {role_id(member->group), role_id(member->member)};
  const auto& grant = std::get<Grant>(spec);
  std::vector<ResourceId> ids;
  if (!grant.schema.empty()) ids.push_back(schema_id(grant.schema));
  if (!grant.grantee.empty()) ids.push_back(role_id(grant.grantee));
  if (grant.on == On::Table) ids.push_back(table_id(grant.schema, grant.object));
  return ids;
}

Result<void> Driver::take_turn(Session& writer, std::stop_token stop) const {
  DATAMESH_TRY(const Rows free, writer.query(kTryLock, stop));
  if (free.at(0, 0) == "t") return {};
  Error last{Code::Unavailable, who_};
  for (int turn = 0; turn < kTurns; ++turn) {
    DATAMESH_TRY(const Rows ended, writer.query(kEndIntruders, stop));
    const auto locked = writer.query(kLock, stop);
    if (locked) return {};
    last = locked.error();
    if (writer.broken()) break;
  }
  return with_context("another control plane may be at work", last);
}

Result<void> Driver::ensure_nobody(Session& writer, std::stop_token stop) {
  const std::string name(names::kNobody);
  DATAMESH_TRY(
      const Rows found,
      writer.query("SELECT rolcanlogin, pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = "
                   "$1::name",
                   {name}, stop));
  if (found.size() == 0) {
    DATAMESH_TRY(const Rows made, writer.query("CREATE ROLE " + quote_identifier(name) + " NOLOGIN", stop));
  } else if (found.at(0, 0) == "t") {
    return Error{Code::Denied, writer.who() + ": the role " + name + " must not be able to log in"};
  }
  if (found.size() == 0 || found.at(0, 1) != "t") {  // to give it things
    DATAMESH_TRY(const Rows joined, writer.query("GRANT " + quote_identifier(name) + " TO CURRENT_USER", stop));
  }
  return {};
}

// In a transaction that only commits if no later term has come.
Result<void> Driver::in_term(Session& writer, const std::function<Result<void>()>& act, std::stop_token stop) const {
  DATAMESH_TRY(const Rows begun, writer.query("BEGIN", stop));
  auto acted = [&]() -> Result<void> {
    const std::string fence = fence_statement(options_.fence->term());
    if (!fence.empty()) {
      DATAMESH_TRY(const Rows compared, writer.query(fence, stop));
    }
    return act();
  }();
  DATAMESH_TRY(const Rows ended, writer.query(acted ? "COMMIT" : "ROLLBACK", stop));
  return acted;
}

// A role that is dropped needs somebody to leave its things to.
void Driver::make_heir(Session& writer, std::span<Action<Spec>> actions, std::stop_token stop) {
  const auto drops_role = [](const Action<Spec>& action) {
    return action.change->verb == Verb::Delete && std::holds_alternative<Role>(*action.change->before);
  };
  if (!std::ranges::any_of(actions, drops_role)) return;
  const auto ready = in_term(
      writer, [&] { return ensure_nobody(writer, stop); }, stop);
  for (auto& action : actions) {
    if (!ready && drops_role(action)) action.step->error = ready.error();
  }
}

Session* Driver::spare(std::stop_token stop) {
  if (!spare_ || spare_->broken()) {
    spare_.reset();
    if (auto opened = open(stop)) spare_ = std::move(*opened);
  }
  return spare_ ? &*spare_ : nullptr;
}

void Driver::apply(std::span<Action<Spec>> actions, std::stop_token stop) {
  const auto fail_all = [&](const Error& error) {
    for (auto& action : actions) action.step->error = error;
  };
  if (const auto may = options_.fence->may_write(); !may) return fail_all(may.error());
  if (!superuser_) {
    if (const auto reached = reach(stop); !reached) return fail_all(reached.error());
  }
  std::vector<Session*> writers;
  for (std::size_t i = 0; i < sessions_.size() && (i == 0 || actions.size() > 1); ++i) {
    auto writer = session(i, stop);
    if (writer) {
      writers.push_back(*writer);
    } else if (i == 0) {
      return fail_all(writer.error());
    }
    // With fewer sessions than wished for it only takes longer.
  }
  if (const auto turn = take_turn(*writers[0], stop); !turn) return fail_all(turn.error());
  if (const auto entered = enter_term(*writers[0], stop); !entered) return fail_all(entered.error());
  make_heir(*writers[0], actions, stop);
  postgres::apply({writers, options_.admin.user, *superuser_, options_.fence, [&] { return spare(stop); }},
                  options_.credentials, actions, stop);
  // A fence that is gone, or higher, has to be looked at again.
  if (std::ranges::any_of(actions, [](const auto& action) { return refused_by_fence(action.step->error); })) {
    entered_ = 0;
  }
  // What we wrote counts in the change token at once, not when the statistics are next written.
  for (Session* writer : writers) {
    if (writer->broken() || writer->server_version() < kFlushVersion) continue;
    if (const auto flushed = writer->query("SELECT pg_stat_force_next_flush()", stop); !flushed) writer->mark_broken();
  }
  if (!writers[0]->broken()) {
    if (const auto unlocked = writers[0]->query(kUnlock, stop); !unlocked) writers[0]->mark_broken();
  }
}

Result<std::string> Driver::change_token(std::stop_token stop) {
  DATAMESH_TRY(Session * admin, session(0, stop));
  return postgres::change_token(*admin, stop);
}

Result<mesh::Credential> Driver::mint(const ObjectKey& principal, const std::string& domain,
                                      const mesh::Port* port) const {
  std::string username;
  if (principal.kind == "Subscription" && port) {
    username = names::subscription(principal);
  } else if (principal.kind == "Member") {
    username = names::member(domain, principal.name);
  } else {
    return Error{Code::Invalid, who_ + ": no credential can be made for " + to_string(principal)};
  }
  const Secret password(random_token(kPasswordLength));
  return mesh::Credential{version_of_password(password),
                          binding(options_.endpoint, username, password, port ? names::schema(port->key) : "")};
}

std::string Driver::version_of(const std::map<std::string, Secret>& fields) {
  return postgres::version_of(fields);
}

Proof Driver::prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                            std::stop_token stop) {
  return postgres::prove_granted(options_.endpoint, who_, port, access, credential, std::move(stop));
}

Proof Driver::prove_revoked(const mesh::Port& port, const ObjectKey& subscription, const mesh::Credential& credential,
                            std::stop_token stop) {
  const std::scoped_lock lock(prover_mutex_);
  if (!prover_ || prover_->broken()) {
    auto opened = open(stop);
    if (!opened) return {false, opened.error().message, {}};
    prover_ = std::move(*opened);
  }
  return postgres::prove_revoked(options_.endpoint, *prover_, port, names::subscription(subscription), credential,
                                 stop);
}

std::pair<std::string, std::string> Driver::dataset(const mesh::Port& port) const {
  std::string name = options_.endpoint.database + "." + names::schema(port.key);
  if (port.tables.size() == 1) name += "." + names::table(port.tables[0].name);
  return {"postgres://" + options_.endpoint.host + ":" + options_.endpoint.port, name};
}

}  // namespace datamesh::postgres

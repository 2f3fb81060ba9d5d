#include "drivers/postgres/apply.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "drivers/postgres/credentials.hpp"
#include "drivers/postgres/fencing.hpp"
#include "drivers/postgres/lower.hpp"
#include "drivers/postgres/pipeline.hpp"

namespace datamesh::postgres {
namespace {

constexpr std::size_t kOwnersPerTransaction = 200;  // each takes locks; the lock table holds about 1,777 of them
constexpr int kAttempts = 5;
constexpr int kCutAttempts = 20;  // of at most half a second each
constexpr std::size_t kIdlesUntilBlocked =
    4;  // of at most 50 ms each, until a denial that gets no answer looks for why

enum class Part { Deny, Act };

// What is known of an action before it is sent; its SQL is made again when its turn comes.
struct Prepared {
  Action<Spec>* action;
  bool denies = false, acts = false, late = false, drops = false;
};

// The changes of one owner in one step, in their order.
struct Unit {
  std::vector<std::size_t> items;  // indexes into the prepared actions
};

// Serialisation conflicts, and two sessions that borrow one role: done again as they are.
bool is_transient(const Failure& failure) {
  return failure.sqlstate.starts_with("40") ||
         (failure.sqlstate == "23505" && failure.error.message.find("pg_auth_members") != std::string::npos) ||
         (failure.sqlstate == "XX000" && failure.error.message.find("concurrently updated") != std::string::npos);
}

// The password of a role as it goes into SQL.
Result<std::string> verifier_for(const Change<Spec>& change, const mesh::CredentialSource& credentials) {
  const auto* role = change.after ? std::get_if<Role>(&*change.after) : nullptr;
  const auto* was = change.before ? std::get_if<Role>(&*change.before) : nullptr;
  if (!role || !role->login || (was && was->login && was->credential == role->credential)) return std::string();
  const auto principal = parse_key(role->principal);
  const auto credential = principal && credentials ? credentials(*principal) : nullptr;
  if (!credential) return Error{Code::NotFound, "no credential for " + role->principal};
  const auto password = credential->fields.find("password");
  if (credential->version != role->credential || password == credential->fields.end()) {
    return Error{Code::Conflict, "the credential of " + role->principal + " has changed meanwhile"};
  }
  return quote_literal(scram_verifier(password->second, random_bytes(16)));
}

// One step: its units in transactions, from a common queue.
class Stage : public Work {
 public:
  Stage(const Writers& writers, const mesh::CredentialSource& credentials, std::span<Prepared> prepared, Part part,
        std::stop_token stop)
      : writers_(writers),
        credentials_(credentials),
        prepared_(prepared),
        part_(part),
        fence_(fence_statement(writers.fence->term())),
        stop_(std::move(stop)),
        lanes_(writers.sessions.size()) {}

  void add(std::vector<Unit> units) {
    const std::size_t shares = writers_.sessions.size() * 8;  // so that no session is left alone with the last one
    const std::size_t size = std::clamp<std::size_t>((units.size() + shares - 1) / shares, 1, kOwnersPerTransaction);
    for (std::size_t at = 0; at < units.size(); at += size) {
      Job job;
      for (std::size_t i = at; i < std::min(at + size, units.size()); ++i) job.units.push_back(std::move(units[i]));
      queue_.push_back(std::move(job));
    }
  }

  std::vector<std::string> next(std::size_t session) override {
    if (const auto may = writers_.fence->may_write(); !may)
      return fail_the_rest(may.error()), std::vector<std::string>();
    Lane& lane = lanes_[session];
    while (!lane.own.empty()) {
      lane.current = std::move(lane.own.front());
      lane.own.pop_front();
      if (auto statements = statements_of(lane.current); !statements.empty()) return statements;
    }
    while (!ready_ && !queue_.empty()) prepare_one();
    if (!ready_) return {};
    lane.current = std::move(ready_->job);
    auto statements = std::move(ready_->statements);
    ready_.reset();
    return statements;
  }

  // Passwords take a millisecond each to be made into verifiers: meanwhile the server works.
  void idle() override {
    if (!ready_ && !queue_.empty()) return prepare_one();
    if (part_ == Part::Deny && ++idle_ % kIdlesUntilBlocked == 0) end_blockers();
  }

  void done(std::size_t session, const Outcome& outcome) override {
    Lane& lane = lanes_[session];
    idle_ = 0;
    if (!outcome.failure) return;
    const Failure& failure = *outcome.failure;
    Job job = std::move(lane.current);
    if (failure.is_connection_lost() || failure.sqlstate == kOutOfTerm || failure.sqlstate == kFenceMissing) {
      return fail(job, failure.error);
    }
    if (is_transient(failure) && ++job.attempts < kAttempts) {
      lane.own.push_front(std::move(job));
      return;
    }
    // Smaller: owner by owner, then change by change, in order.
    std::deque<Job> smaller;
    if (job.units.size() > 1) {
      for (auto& unit : job.units) smaller.push_back({{std::move(unit)}});
    } else if (job.units[0].items.size() > 1) {
      for (const auto item : job.units[0].items) smaller.push_back({{Unit{{item}}}});
    } else {
      return fail(job, explained(job, failure));
    }
    for (auto it = smaller.rbegin(); it != smaller.rend(); ++it) lane.own.push_front(std::move(*it));
  }

 private:
  struct Job {
    std::vector<Unit> units;
    int attempts = 0;
  };
  struct Ready {
    Job job;
    std::vector<std::string> statements;
  };
  struct Lane {
    Job current;
    std::deque<Job> own;  // pieces of a transaction that failed
  };

  // An open transaction that holds what a denial needs would keep it off for as long as it likes.
  void end_blockers() {
    Session* spare = writers_.spare ? writers_.spare() : nullptr;
    if (!spare) return;
    std::string pids;
    for (const Session* session : writers_.sessions) {
      pids += (pids.empty() ? "{" : ",") + std::to_string(session->backend_pid());
    }
    static const std::string sql =
        "SELECT pg_terminate_backend(a.pid, 500) FROM (SELECT DISTINCT b.pid FROM unnest($1::int[]) w(pid) "
        "CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b(pid)) b JOIN pg_stat_activity a ON a.pid = b.pid "
        "JOIN pg_roles r ON r.oid = a.usesysid WHERE r.rolname <> session_user AND NOT r.rolsuper AND NOT "
        "r.rolcreaterole";
    if (const auto ended = spare->query(sql, {pids + "}"}, stop_); !ended) spare->mark_broken();
  }

  void prepare_one() {
    Ready next{std::move(queue_.front()), {}};
    queue_.pop_front();
    next.statements = statements_of(next.job);
    if (!next.statements.empty()) ready_ = std::move(next);
  }

  void fail(const Job& job, const Error& error) {
    for (const auto& unit : job.units) {
      for (const auto item : unit.items) prepared_[item].action->step->error = error;
    }
  }

  void fail_the_rest(const Error& error) {
    if (ready_) fail(ready_->job, error);
    ready_.reset();
    for (const auto& job : std::exchange(queue_, {})) fail(job, error);
    for (auto& lane : lanes_) {
      for (const auto& job : std::exchange(lane.own, {})) fail(job, error);
    }
  }

  // What the server's message leaves out.
  Error explained(const Job& job, const Failure& failure) const {
    const auto& item = prepared_[job.units[0].items[0]];
    Error error = failure.error;
    if (failure.sqlstate == "23502") {
      error.message +=
          "; a required column cannot be added while there are rows without it: declare it optional, fill it, "
          "then require it (" +
          item.action->change->id.name + ")";
    }
    if (failure.sqlstate == "2BP01") {
      error.message += "; what others built on it, or put into it, has to go first";
    }
    return error;
  }

  std::vector<std::string> statements_of(const Job& job) {
    std::vector<std::string> statements;
    for (const auto& unit : job.units) append(unit, statements);
    if (!statements.empty() && !fence_.empty()) statements.insert(statements.begin(), fence_);
    return statements;
  }

  void append(const Unit& unit, std::vector<std::string>& statements) {
    std::set<std::string> borrowed;
    for (const auto index : unit.items) {
      const auto& prepared = prepared_[index];
      if (prepared.action->step->error) continue;  // already failed, in an earlier step or attempt
      const auto& change = *prepared.action->change;
      const auto verifier =
          part_ == Part::Act ? verifier_for(change, credentials_) : Result<std::string>(std::string());
      if (!verifier) {
        prepared.action->step->error = verifier.error();
        continue;
      }
      Lowered lowered = lower(change, *verifier);
      auto& wanted = part_ == Part::Deny ? lowered.deny : lowered.act;
      if (wanted.empty()) continue;
      if (!writers_.superuser) {
        for (const auto& role : lowered.borrowed) {
          if (role == writers_.user) continue;
          if (borrowed.insert(role).second)
            statements.push_back("GRANT " + quote_identifier(role) + " TO CURRENT_USER");
        }
      }
      std::ranges::move(wanted, std::back_inserter(statements));
      if (prepared.drops) borrowed.erase(change.id.name);  // went with the role
    }
    // At once, not at the end of the transaction: a member of many roles is slow in every check.
    for (const auto& role : borrowed) statements.push_back("REVOKE " + quote_identifier(role) + " FROM CURRENT_USER");
  }

  const Writers& writers_;
  const mesh::CredentialSource& credentials_;
  std::span<Prepared> prepared_;
  const Part part_;
  const std::string fence_;  // the first statement of each transaction
  const std::stop_token stop_;
  std::size_t idle_ = 0;  // looks in a row without an answer
  std::deque<Job> queue_;
  std::optional<Ready> ready_;
  std::vector<Lane> lanes_;
};

class Applier {
 public:
  Applier(const Writers& writers, const mesh::CredentialSource& credentials, std::span<Action<Spec>> actions,
          std::stop_token stop)
      : writers_(writers), credentials_(credentials), stop_(std::move(stop)) {
    for (auto& action : actions) prepare(action);
  }

  void run() {
    run_stage(Part::Deny, [](const Prepared& it) { return it.denies; });
    cut_losers();
    run_stage(Part::Act, [](const Prepared& it) { return it.acts && !it.late && !it.drops; });
    run_stage(Part::Act, [](const Prepared& it) { return it.acts && it.late && !it.drops; });
    run_stage(Part::Act, [](const Prepared& it) { return it.acts && it.drops; });
    cut_former();
  }

 private:
  void prepare(Action<Spec>& action) {
    Lowered lowered = lower(*action.change, "''");
    if (!lowered.refused.empty()) {
      action.step->error = Error{Code::Invalid, lowered.refused};
      return;
    }
    prepared_.push_back(
        {&action, !lowered.deny.empty(), !lowered.act.empty(), lowered.late, action.change->verb == Verb::Delete});
    if (!lowered.former.empty()) former_.push_back({action.step, std::move(lowered.former), {}, false, nullptr});
    if (lowered.losers.empty() && lowered.logins.empty() && !lowered.cuts_public) return;
    cuts_.push_back({action.step, std::move(lowered.losers), std::move(lowered.logins), lowered.cuts_public,
                     std::get_if<Grant>(&*action.change->before)});
  }

  template <class Filter>
  void run_stage(Part part, const Filter& filter) {
    std::vector<Unit> units;
    std::map<ObjectKey, std::size_t> of_owner;
    for (std::size_t i = 0; i < prepared_.size(); ++i) {
      if (!filter(prepared_[i]) || prepared_[i].action->step->error) continue;
      const auto [at, first] = of_owner.emplace(prepared_[i].action->change->owner, units.size());
      if (first) units.emplace_back();
      units[at->second].items.push_back(i);
    }
    if (units.empty()) return;
    Stage stage(writers_, credentials_, prepared_, part, stop_);
    stage.add(std::move(units));
    run_pipelines(writers_.sessions, stage, stop_);
  }

  struct Cut {
    Step* step;
    std::set<std::string> losers, logins;
    bool from_public;
    const Grant* grant;
  };

  void cut_losers() {
    std::set<std::string> losers, logins;
    for (const auto& it : cuts_) {
      if (it.step->error) continue;  // Nothing was denied: they still may.
      losers.insert(it.losers.begin(), it.losers.end());
      logins.insert(it.logins.begin(), it.logins.end());
    }
    Session& session = *writers_.sessions[0];
    Result<void> done;
    if (!losers.empty() || !logins.empty()) {
      done = writers_.fence->may_write();
      if (done) done = cut(session, losers, logins, stop_);
    }
    for (const auto& it : cuts_) {
      if (it.step->error) continue;
      if (!done) it.step->error = done.error();
      if (it.from_public && it.grant) cut_users_of(session, it);
    }
  }

  // Whoever owned a thing could do everything with it, until the act.
  void cut_former() {
    for (const auto& it : former_) {
      if (it.step->error) continue;
      if (const auto done = cut(*writers_.sessions[0], it.losers, {}, stop_); !done) it.step->error = done.error();
    }
  }

  // PUBLIC has no members to name: whoever holds a lock on the relation is reading it, except its owner's own.
  void cut_users_of(Session& session, const Cut& it) {
    if (it.grant->object.empty()) return;
    static const std::string sql =
        "SELECT pg_terminate_backend(a.pid, 500) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid "
        "WHERE a.pid <> pg_backend_pid() AND r.rolname <> session_user AND NOT r.rolsuper "
        "AND NOT pg_has_role(r.oid, $3::name, 'MEMBER') AND a.pid IN (SELECT l.pid FROM pg_locks l "
        "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = $1::name AND c.relname = $2::name)";
    const auto cut_now = session.query(sql, {it.grant->schema, it.grant->object, it.grant->owner}, stop_);
    if (!cut_now) it.step->error = cut_now.error();
  }

  const Writers& writers_;
  const mesh::CredentialSource& credentials_;
  const std::stop_token stop_;
  std::vector<Prepared> prepared_;
  std::vector<Cut> cuts_, former_;
};

}  // namespace

Result<void> cut(Session& session, const std::set<std::string>& losers, const std::set<std::string>& logins,
                 std::stop_token stop) {
  // pg_stat_activity shows the session's own user also after SET ROLE. Superusers and we ourselves lose nothing.
  static const std::string sql =
      "WITH RECURSIVE losers AS (SELECT oid FROM pg_roles WHERE rolname = ANY($1::name[]) "
      "UNION SELECT m.member FROM pg_auth_members m JOIN losers l ON m.roleid = l.oid) "
      "SELECT a.pid::text, pg_terminate_backend(a.pid, 500) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = "
      "a.usesysid "
      "WHERE a.pid <> pg_backend_pid() AND r.rolname <> session_user AND NOT r.rolsuper AND ((a.datname = "
      "current_database() AND "
      "r.oid IN (SELECT oid FROM losers) AND ($3 = '' OR a.pid::text = ANY(string_to_array($3, ',')))) OR "
      "r.rolname = ANY($2::name[]))";
  const std::vector<std::string> loser_names(losers.begin(), losers.end()), login_names(logins.begin(), logins.end());
  const std::string first = array_text(loser_names), second = array_text(login_names);
  std::string pids;  // that were there at first
  int left = 0;
  for (int attempt = 0; attempt < kCutAttempts; ++attempt) {
    DATAMESH_TRY(const Rows rows, session.query(sql, {first, second, pids}, stop));
    left = rows.size();
    if (left == 0) return {};
    for (int row = 0; attempt == 0 && row < left; ++row) pids += (row ? "," : "") + std::string(rows.at(row, 0));
  }
  return Error{Code::Unavailable,
               session.who() + ": " + std::to_string(left) + " sessions of revoked roles are still open"};
}

void apply(const Writers& writers, const mesh::CredentialSource& credentials, std::span<Action<Spec>> actions,
           std::stop_token stop) {
  Applier(writers, credentials, actions, std::move(stop)).run();
}

}  // namespace datamesh::postgres

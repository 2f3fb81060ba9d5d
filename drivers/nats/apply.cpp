#include "drivers/nats/apply.hpp"

#include <algorithm>

#include "controller/core/json.hpp"
#include "drivers/nats/fencing.hpp"
#include "drivers/nats/lower.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

using Actions = std::vector<Action<Spec>>;

constexpr std::chrono::seconds cut_deadline{5};

void fail(const Action<Spec>& action, const Error& error) {
  if (!action.step->error) action.step->error = error;
}
void fail(const Actions& actions, const Error& error) {
  for (const auto& action : actions) fail(action, error);
}

// One account's part of the plan.
struct Unit {
  std::string domain;
  Actions actions;               // its own, its accesses', its members'
  Account account;               // to be written
  std::set<std::string> losers;  // keys that are no longer honoured
  bool is_new = false;
};

bool is_account_delete(const Action<Spec>& action) {
  return action.change->id.kind == "account" && !action.change->after;
}

std::map<std::string, Unit> units_of(std::span<Action<Spec>> actions) {
  std::map<std::string, Unit> units;
  for (const auto& action : actions) {
    const auto& id = action.change->id;
    if (is_account_delete(action) || (id.kind != "account" && id.kind != "access" && id.kind != "member")) continue;
    Unit& unit = units[part(id, 0)];
    unit.domain = part(id, 0);
    unit.actions.push_back(action);
  }
  return units;
}

void edit_access(Unit& unit, const Change<Spec>& change) {
  const auto old = unit.account.accesses.find(change.owner);
  if (old != unit.account.accesses.end()) {
    if (!old->second.key.empty()) unit.losers.insert(old->second.key);
    unit.account.accesses.erase(old);
  }
  if (!change.after) return;
  const AccessSpec& wanted = std::get<AccessSpec>(*change.after);
  unit.losers.erase(wanted.key);
  unit.account.accesses.emplace(change.owner, wanted);
}

void edit_member(Unit& unit, const Change<Spec>& change) {
  const std::string username = part(change.id, 1, true);
  const auto old = unit.account.members.find(username);
  if (old != unit.account.members.end()) {
    unit.losers.insert(old->second.key);
    unit.account.members.erase(old);
  }
  if (!change.after) return;
  const MemberSpec& wanted = std::get<MemberSpec>(*change.after);
  unit.losers.erase(wanted.key);
  unit.account.members.emplace(username, wanted);
}

// The account as it is, with the changes made. False: it is not there, and nothing in the plan makes it.
bool edit(Unit& unit, const Keyring& keys, ClaimsCache& cache, const std::map<std::string, std::string>& claims) {
  const DomainKeys& own = keys.of(unit.domain);
  const auto held = claims.find(own.account.id());
  if (held != claims.end()) {
    if (const auto account = cache.read(own.account.id(), held->second)) unit.account = **account;
  }
  unit.is_new = held == claims.end();
  const auto base =
      std::ranges::find_if(unit.actions, [](const auto& action) { return action.change->id.kind == "account"; });
  if (base != unit.actions.end()) {
    const Mark mark{base->change->owner, false, false, ""};
    Account fresh = bare_account(keys.operator_key(), own, unit.domain, mark);
    fresh.base.frame = std::get<AccountSpec>(*base->change->after).frame;
    fresh.accesses = std::move(unit.account.accesses);
    fresh.members = std::move(unit.account.members);
    unit.account = std::move(fresh);
  } else if (unit.account.id.empty()) {
    return false;
  }
  for (const auto& action : unit.actions) {
    if (action.change->id.kind == "access") edit_access(unit, *action.change);
    if (action.change->id.kind == "member") edit_member(unit, *action.change);
  }
  return true;
}

std::set<std::string> exporters_of(const Account& account) {
  std::set<std::string> exporters;
  for (const auto& [owner, access] : account.accesses) {
    for (const Import& import : access.imports) exporters.insert(import.account);
  }
  return exporters;
}

// Answers of $SYS.REQ.CLAIMS.UPDATE and DELETE.
Result<void> claims_error(const Result<std::string>& answer) {
  if (!answer) return with_context("claims", answer.error());
  DATAMESH_TRY(const Json body, parse_json(*answer));
  if (!find(body, {"error"})) return {};
  return Error{Code::Unavailable, "claims: " + string_at(body, {"error", "description"})};
}

// Leaves out accesses whose provider's account is not there.
void drop_dangling(Unit& unit, const std::set<std::string>& present) {
  const bool removed = std::erase_if(unit.account.accesses, [&](const auto& entry) {
                         return std::ranges::any_of(entry.second.imports, [&](const Import& import) {
                           return !present.contains(import.account);
                         });
                       }) > 0;
  if (!removed) return;
  for (const auto& action : unit.actions) {
    if (action.change->id.kind == "access" && action.change->after &&
        !unit.account.accesses.contains(action.change->owner)) {
      fail(action, {Code::NotFound, "the account of the provider's domain is not there yet"});
    }
  }
}

class Applier {
 public:
  Applier(Pool& pool, const Keyring& keys, ClaimsCache& cache, const Clock& clock, const Fence& fence,
          std::stop_token stop)
      : pool_(pool), keys_(keys), cache_(cache), clock_(clock), fence_(fence), stop_(std::move(stop)) {}

  void claims(std::span<Action<Spec>> actions) {
    auto units = units_of(actions);
    if (units.empty()) return;
    std::set<std::string> accounts;
    for (const auto& [domain, unit] : units) {
      accounts.insert(keys_.of(domain).account.id());
      for (const auto& action : unit.actions) {
        if (!action.change->after || action.change->id.kind != "access") continue;
        for (const Import& import : std::get<AccessSpec>(*action.change->after).imports) {
          accounts.insert(import.account);
        }
      }
    }
    auto held = look_up(pool_, accounts, stop_);
    if (!held) {
      for (auto& [domain, unit] : units) fail(unit.actions, held.error());
      return;
    }
    std::set<std::string> present;
    for (const auto& [id, jwt] : *held) present.insert(id);
    std::vector<Unit*> fresh, rest;
    for (auto& [domain, unit] : units) {
      if (!edit(unit, keys_, cache_, *held)) {
        fail(unit.actions, {Code::NotFound, "the account of domain " + domain + " is not there yet"});
        continue;
      }
      if (unit.is_new) fresh.push_back(&unit);
      if (!unit.is_new || !unit.account.accesses.empty()) rest.push_back(&unit);
    }
    push(fresh, true);
    for (const Unit* unit : fresh) present.insert(unit->account.id);
    // An old import whose exporter was not asked for was checked when it was made.
    for (Unit* unit : rest) {
      std::set<std::string> known = present;
      if (const auto before = held->find(unit->account.id); before != held->end()) {
        if (const auto account = cache_.read(before->first, before->second)) known.merge(exporters_of(**account));
      }
      std::erase_if(known, [&](const auto& id) { return accounts.contains(id) && !present.contains(id); });
      drop_dangling(*unit, known);
    }
    push(rest, false);
    cut(units);
  }

  // Requests to the accounts of the actions' domains: `make` says which, `done` reads the answer.
  template <class Make, class Done>
  void each(const Actions& actions, Make make, Done done) {
    std::map<std::string, Actions> by_domain;
    for (const auto& action : actions) by_domain[part(action.change->id, 0)].push_back(action);
    // Logging in to an account that is not there would take seconds.
    std::set<std::string> accounts;
    for (const auto& [domain, own] : by_domain) accounts.insert(keys_.of(domain).account.id());
    const auto present = look_up(pool_, accounts, stop_);
    for (const auto& [domain, own] : by_domain) {
      if (!present || !present->contains(keys_.of(domain).account.id())) {
        fail(own,
             present ? Error{Code::NotFound, "the account of domain " + domain + " is not there"} : present.error());
        continue;
      }
      auto account = pool_.account(domain);
      if (!account) {
        fail(own, account.error());
        continue;
      }
      std::vector<Request> requests;
      for (const auto& action : own) requests.push_back(make(*action.change));
      const auto answers = send(**account, requests);
      for (std::size_t i = 0; i < own.size(); ++i) {
        const Result<void> result = answers[i] ? api_error(*answers[i]) : Result<void>(answers[i].error());
        if (auto bad = done(result); !bad) fail(own[i], with_context(requests[i].subject, bad.error()));
      }
    }
  }

  void delete_accounts(const Actions& actions) {
    for (const auto& action : actions) {
      if (auto done = delete_account(*action.change); !done) fail(action, done.error());
    }
  }

 private:
  // Requests that change something: as long as this term lasts.
  std::vector<Result<std::string>> send(Connection& connection, std::span<const Request> requests) {
    std::vector<Result<std::string>> answers;
    while (answers.size() < requests.size()) {
      const auto batch = requests.subspan(answers.size(), std::min(fence_batch, requests.size() - answers.size()));
      if (const auto may = ask_fence(pool_, fence_, stop_); !may) {
        answers.resize(requests.size(), may.error());
        break;
      }
      auto some = connection.request_all(batch, stop_);
      std::ranges::move(some, std::back_inserter(answers));
    }
    return answers;
  }
  Result<std::string> send(Connection& connection, const Request& request) {
    return send(connection, std::span(&request, 1)).front();
  }

  void push(const std::vector<Unit*>& units, bool bare) {
    if (units.empty()) return;
    auto system = pool_.system();
    if (!system) {
      for (const Unit* unit : units) fail(unit->actions, system.error());
      return;
    }
    std::vector<Request> requests;
    for (const Unit* unit : units) {
      Account account = unit->account;
      if (bare) account.accesses.clear();
      requests.push_back({"$SYS.REQ.CLAIMS.UPDATE", write_account(keys_.operator_key(), account, clock_.wall())});
    }
    const auto answers = send(**system, requests);
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (auto done = claims_error(answers[i]); !done) fail(units[i]->actions, done.error());
    }
  }

  // The server closes these connections itself when it takes over the claims. This makes sure that it has.
  void cut(const std::map<std::string, Unit>& units) {
    if (std::ranges::all_of(units, [](const auto& entry) { return entry.second.losers.empty(); })) return;
    const auto all = servers(pool_, stop_);
    const Steady deadline = clock_.steady() + cut_deadline;
    for (const auto& [domain, unit] : units) {
      if (unit.losers.empty()) continue;
      for (;;) {
        auto keys = all ? connected_keys(pool_, unit.account.id, all->count, stop_)
                        : Result<std::set<std::string>>(all.error());
        if (!keys) {
          fail(unit.actions, with_context("looking for open sessions", keys.error()));
          break;
        }
        std::erase_if(*keys, [&losers = unit.losers](const auto& key) { return !losers.contains(key); });
        if (keys->empty()) break;
        if (clock_.steady() >= deadline) {
          fail(unit.actions, {Code::Unavailable,
                              "sessions of " + std::to_string(keys->size()) + " revoked credentials are still open"});
          break;
        }
      }
    }
  }

  // Whether streams are left in the account: of retained products, or of somebody's own.
  Result<bool> holds_streams(const std::string& domain) {
    DATAMESH_TRY(const auto account, pool_.account(domain));
    auto answer = account->request({"$JS.API.STREAM.NAMES", ""}, stop_);
    if (!answer) return answer.error().code == Code::NotFound ? Result<bool>(false) : Result<bool>(answer.error());
    DATAMESH_CHECK(api_error(*answer));
    DATAMESH_TRY(const Json body, parse_json(*answer, {.bytes = std::size_t{1} << 30}));
    const Json* total = find(body, {"total"});
    return total && total->is_number_integer() && total->get<std::int64_t>() > 0;
  }

  Result<void> delete_account(const Change<Spec>& change) {
    const std::string domain = change.id.name;
    const DomainKeys& keys = keys_.of(domain);
    DATAMESH_TRY(const bool kept, holds_streams(domain));
    const auto importers = cache_.importers_of(keys.account.id());
    DATAMESH_TRY(const auto system, pool_.system());
    if (kept || !importers.empty()) {
      const Account account = bare_account(keys_.operator_key(), keys, domain, Mark{change.owner, false, true, ""});
      return claims_error(
          send(*system, {"$SYS.REQ.CLAIMS.UPDATE", write_account(keys_.operator_key(), account, clock_.wall())}));
    }
    cache_.forget(keys.account.id());
    return claims_error(
        send(*system, {"$SYS.REQ.CLAIMS.DELETE", delete_jwt(keys_.operator_key(), keys.account.id(), clock_.wall())}));
  }

  Pool& pool_;
  const Keyring& keys_;
  ClaimsCache& cache_;
  const Clock& clock_;
  const Fence& fence_;
  std::stop_token stop_;
};

Request stream_request(const Change<Spec>& change) {
  const std::string name = part(change.id, 1);
  const StreamSpec& spec = std::get<StreamSpec>(change.after ? *change.after : *change.before);
  const Mark mark{change.owner, change.keep, !change.after, spec.urn};
  return {(change.before ? "$JS.API.STREAM.UPDATE." : "$JS.API.STREAM.CREATE.") + name,
          stream_config(name, spec, mark)};
}

Request consumer_create(const Change<Spec>& change) {
  const std::string stream = part(change.id, 1), durable = part(change.id, 2);
  return {
      "$JS.API.CONSUMER.DURABLE.CREATE." + stream + "." + durable,
      consumer_request(stream, durable, std::get<ConsumerSpec>(*change.after), Mark{change.owner, false, false, ""})};
}

}  // namespace

void apply(Pool& pool, const Keyring& keys, ClaimsCache& cache, const Clock& clock, const Fence& fence,
           std::span<Action<Spec>> actions, std::stop_token stop) {
  Applier applier(pool, keys, cache, clock, fence, stop);
  const auto of = [&](std::string_view kind, auto wanted) {
    Actions chosen;
    for (const auto& action : actions) {
      if (action.change->id.kind == kind && wanted(*action.change)) chosen.push_back(action);
    }
    return chosen;
  };
  const auto stays = [](const Change<Spec>& change) { return change.verb != Verb::Delete; };
  const auto goes = [](const Change<Spec>& change) { return change.verb == Verb::Delete; };
  const auto as_it_is = [](const Result<void>& result) { return result; };
  const auto gone_is_fine = [](const Result<void>& result) {
    return !result && result.error().code == Code::NotFound ? Result<void>() : result;
  };

  applier.claims(actions);
  applier.each(of("stream", stays), stream_request, as_it_is);
  applier.each(of("consumer", stays), consumer_create, as_it_is);
  applier.each(
      of("consumer", goes),
      [](const Change<Spec>& change) {
        return Request{"$JS.API.CONSUMER.DELETE." + part(change.id, 1) + "." + part(change.id, 2), ""};
      },
      gone_is_fine);
  applier.each(
      of("stream", goes),
      [](const Change<Spec>& change) {
        return Request{"$JS.API.STREAM.DELETE." + part(change.id, 1), ""};
      },
      gone_is_fine);
  applier.delete_accounts(of("account", goes));
}

Result<std::set<std::string>> connected_keys(Pool& pool, const std::string& account, int servers,
                                             std::stop_token stop) {
  DATAMESH_TRY(const auto system, pool.system());
  const std::string question = Json{{"auth", true}, {"acc", account}, {"limit", 100000}}.dump();
  DATAMESH_TRY(const auto answers, system->gather(
                                       {"$SYS.REQ.SERVER.PING.CONNZ", question},
                                       [left = servers](std::string_view) mutable { return --left <= 0; }, stop));
  std::set<std::string> keys;
  for (const auto& answer : answers) {
    DATAMESH_TRY(const Json body, parse_json(answer, {.bytes = std::size_t{1} << 30}));
    const Json* connections = find(body, {"data", "connections"});
    // A server that knows no such account any more answers null.
    const Json* count = find(body, {"data", "num_connections"});
    if (connections && connections->is_null() && count && *count == 0) continue;
    if (!connections || !connections->is_array()) return Error{Code::Unavailable, "CONNZ: no list of connections"};
    for (const Json& connection : *connections) keys.insert(string_at(connection, {"issuer_key"}));
  }
  return keys;
}

}  // namespace datamesh::nats

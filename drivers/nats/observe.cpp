#include "drivers/nats/observe.hpp"

#include <algorithm>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"
#include "drivers/nats/fencing.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

constexpr JsonLimits large{.bytes = std::size_t{1} << 30};
constexpr std::string_view everything =
    R"({"accounts":true,"streams":true,"consumer":true,"config":true,"limit":1000000)";

std::int64_t number_at(const Json& object, std::string_view name, std::int64_t otherwise) {
  const Json* value = find(object, {name});
  return value && value->is_number_integer() ? value->get<std::int64_t>() : otherwise;
}

StreamSpec read_stream(const Json& config, const std::optional<Mark>& mark) {
  StreamSpec spec;
  if (mark) spec.urn = mark->urn;
  if (const Json* subjects = find(config, {"subjects"}); subjects && subjects->is_array()) {
    for (const Json& item : *subjects) {
      if (item.is_string()) spec.subjects.push_back(item.get<std::string>());
    }
  }
  std::ranges::sort(spec.subjects);
  spec.max_age_ns = number_at(config, "max_age", 0);
  spec.max_bytes = number_at(config, "max_bytes", -1);
  spec.max_messages = number_at(config, "max_msgs", -1);
  spec.max_message_size = number_at(config, "max_msg_size", -1);
  spec.max_per_subject = number_at(config, "max_msgs_per_subject", -1);
  spec.replicas = static_cast<int>(number_at(config, "num_replicas", 1));
  spec.retention = string_at(config, {"retention"});
  spec.storage = string_at(config, {"storage"});
  spec.discard = string_at(config, {"discard"});
  return spec;
}

ConsumerSpec read_consumer(const Json& config) {
  ConsumerSpec spec;
  spec.deliver_policy = string_at(config, {"deliver_policy"});
  spec.ack_policy = string_at(config, {"ack_policy"});
  spec.filter_subject = string_at(config, {"filter_subject"});
  spec.deliver_subject = string_at(config, {"deliver_subject"});
  spec.max_ack_pending = number_at(config, "max_ack_pending", 0);
  spec.max_deliver = number_at(config, "max_deliver", -1);
  return spec;
}

Found<Spec> found_with(Spec spec, const std::optional<Mark>& mark) {
  if (!mark) return {std::move(spec), {}};
  return {std::move(spec), mark->owner, mark->keep, mark->retained};
}

void add_stream(Observed<Spec>& all, const std::string& domain, const Json& config) {
  const auto mark = read_mark(string_at(config, {"description"}));
  all.resources.insert_or_assign(stream_id(domain, string_at(config, {"name"})),
                                 found_with(read_stream(config, mark), mark));
}

void add_consumer(Observed<Spec>& all, const std::string& domain, const std::string& stream, const Json& config) {
  const std::string name = string_at(config, {"durable_name"});
  if (name.empty()) return;  // a reader's own, gone with it
  const auto mark = read_mark(string_at(config, {"description"}));
  all.resources.insert_or_assign(consumer_id(domain, stream, name), found_with(read_consumer(config), mark));
}

// What to call the domain of an account. One whose key we do not hold goes by its id, and is not ours.
std::string domain_of(const Keyring& keys, const Account& account) {
  if (const auto known = keys.domain_of(account.id)) return *known;
  if (keys.of(account.domain).account.id() == account.id) return account.domain;
  return account.id;
}

void add_account(Observed<Spec>& all, const Keyring& keys, const Account& account) {
  const std::string domain = domain_of(keys, account);
  if (domain == account.id) {
    all.resources.emplace(account_id(domain), Found<Spec>{account.base, {}});
    return;
  }
  // The key is computed from ours: whoever wrote what is there now, the account is ours.
  const Mark mark = account.mark.value_or(Mark{ObjectKey{"Domain", "", domain}, false, false, ""});
  AccountSpec base = account.base;
  if (account.domain != domain) base.strays.push_back("name: " + account.domain);
  if (!account.mark) base.strays.emplace_back("no mark");
  all.resources.emplace(account_id(domain), found_with(std::move(base), mark));
  for (const auto& [owner, access] : account.accesses) {
    all.resources.emplace(access_id(domain, owner), Found<Spec>{access, owner});
  }
  for (const auto& [username, member] : account.members) {
    all.resources.emplace(member_id(domain, username), Found<Spec>{member, mark.owner});
  }
}

// Claims that cannot be read are drift of the whole account, if it is one of ours.
void add_claims(Observed<Spec>& all, const Keyring& keys, ClaimsCache& cache, const std::string& id,
                const std::string& jwt) {
  if (const auto account = cache.read(id, jwt)) return add_account(all, keys, **account);
  const auto domain = keys.domain_of(id);
  if (!domain) return;
  all.resources.emplace(account_id(*domain), Found<Spec>{AccountSpec{"", "", {"claims that cannot be read"}},
                                                         ObjectKey{"Domain", "", *domain}});
}

const Json* array_at(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* list = find(object, path);
  return list && list->is_array() ? list : nullptr;
}

// `own`: the account of the fence, which is no part of the mesh.
Result<void> add_streams(Observed<Spec>& all, const std::map<std::string, std::string>& domains, const std::string& own,
                         std::string_view answer) {
  DATAMESH_TRY(const Json body, parse_json(answer, large));
  if (const std::string why = string_at(body, {"error", "description"}); !why.empty()) {
    return Error{Code::Unavailable, "JSZ: " + why};
  }
  const Json* accounts = array_at(body, {"data", "account_details"});
  if (!accounts) return {};
  for (const Json& account : *accounts) {
    const std::string id = string_at(account, {"id"});
    if (id == own) continue;
    const auto known = domains.find(id);
    const std::string& domain = known == domains.end() ? id : known->second;
    const Json* streams = array_at(account, {"stream_detail"});
    if (!streams) continue;
    for (const Json& stream : *streams) {
      const Json* config = find(stream, {"config"});
      if (!config) continue;
      add_stream(all, domain, *config);
      const Json* consumers = array_at(stream, {"consumer_detail"});
      if (!consumers) continue;
      for (const Json& consumer : *consumers) {
        if (const Json* own = find(consumer, {"config"})) add_consumer(all, domain, string_at(stream, {"name"}), *own);
      }
    }
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Account>> ClaimsCache::read(const std::string& id, const std::string& jwt) {
  const std::string digest = sha256_hex(jwt);
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(id);
    if (known != entries_.end() && known->second.digest == digest) return known->second.account;
  }
  DATAMESH_TRY(Account account, read_account(jwt));
  if (account.id != id) return Error{Code::Invalid, "claims of another account"};
  auto shared = std::make_shared<const Account>(std::move(account));
  const std::lock_guard lock(mutex_);
  entries_.insert_or_assign(id, Entry{digest, shared});
  return shared;
}

void ClaimsCache::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

std::set<std::string> ClaimsCache::importers_of(const std::string& exporter) const {
  std::set<std::string> importers;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    for (const auto& [owner, access] : entry.account->accesses) {
      if (id != exporter &&
          std::ranges::any_of(access.imports, [&](const Import& import) { return import.account == exporter; })) {
        importers.insert(entry.account->domain);
      }
    }
  }
  return importers;
}

Result<std::map<std::string, std::string>> look_up(Pool& pool, const std::set<std::string>& accounts,
                                                   std::stop_token stop) {
  std::map<std::string, std::string> claims;
  if (accounts.empty()) return claims;
  std::vector<Request> requests;
  requests.reserve(accounts.size());
  const auto subject = [](const std::string& id) { return "$SYS.REQ.ACCOUNT." + id + ".CLAIMS.LOOKUP"; };
  for (const auto& id : accounts) requests.push_back({subject(id), ""});
  DATAMESH_TRY(const auto system, pool.system());
  // A resolver says nothing of an account it does not have. It always has that of the system, and answers in order.
  DATAMESH_TRY(auto answers, system->request_until(requests, {subject(pool.system_account()), ""}, stop));
  auto answer = answers.begin();
  for (const auto& id : accounts) {
    if (!answer->empty()) claims.emplace(id, std::move(*answer));
    ++answer;
  }
  return claims;
}

Result<Servers> servers(Pool& pool, std::stop_token stop) {
  DATAMESH_TRY(const auto system, pool.system());
  DATAMESH_TRY(const std::string answer, system->request({"$SYS.REQ.SERVER.PING.STATSZ", ""}, stop));
  DATAMESH_TRY(const Json body, parse_json(answer));
  const Json* count = find(body, {"statsz", "active_servers"});
  return Servers{count && count->is_number_integer() ? std::max(1, count->get<int>()) : 1,
                 string_at(body, {"server", "ver"})};
}

Result<Observed<Spec>> observe_everything(Pool& pool, const Keyring& keys, ClaimsCache& cache, std::stop_token stop) {
  DATAMESH_TRY(const Servers all_servers, servers(pool, stop));
  DATAMESH_TRY(const auto system, pool.system());
  const auto count_to = [](int wanted, auto counts) {
    return [wanted, counts, seen = 0](std::string_view answer) mutable {
      seen += counts(answer) ? 1 : 0;
      return seen >= wanted;
    };
  };

  const std::string own = keys.of(kFenceAccount).account.id();
  Observed<Spec> all;
  std::map<std::string, std::string> domains;
  // Lines "<account>|<JWT>", then an empty message, from each server.
  DATAMESH_TRY(
      const auto packs,
      system->gather({"$SYS.REQ.CLAIMS.PACK", ""},
                     count_to(all_servers.count, [](std::string_view answer) { return answer.empty(); }), stop));
  for (std::string_view lines : packs) {
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
      const auto bar = line.find('|');
      if (bar == std::string_view::npos) continue;
      const std::string id(line.substr(0, bar));
      if (id == own || !domains.emplace(id, id).second) continue;
      add_claims(all, keys, cache, id, std::string(line.substr(bar + 1)));
      if (const auto domain = keys.domain_of(id)) domains[id] = *domain;
    }
  }

  const std::string question = std::string(everything) + (all_servers.count > 1 ? R"(,"leader_only":true})" : "}");
  DATAMESH_TRY(const auto answers,
               system->gather({"$SYS.REQ.SERVER.PING.JSZ", question},
                              count_to(all_servers.count, [](std::string_view) { return true; }), stop));
  for (const auto& answer : answers) DATAMESH_CHECK(add_streams(all, domains, own, answer));
  return all;
}

Result<void> api_error(std::string_view answer) {
  DATAMESH_TRY(const Json body, parse_json(answer, large));
  const Json* error = find(body, {"error"});
  if (!error) return {};
  const std::string text = string_at(*error, {"description"});
  const auto code = number_at(*error, "code", 500), err_code = number_at(*error, "err_code", 0);
  if (err_code == 10059 || err_code == 10014) return Error{Code::NotFound, text};
  if (code == 400) return Error{Code::Invalid, text};
  return Error{Code::Unavailable, text};
}

namespace {

// Reads the streams and durables of one account that are named in `ids`.
Result<void> look_into(Connection& account, const std::string& domain, const std::vector<ResourceId>& ids,
                       Observed<Spec>& all, std::stop_token stop) {
  std::vector<Request> requests;
  requests.reserve(ids.size());
  for (const auto& id : ids) {
    requests.push_back(id.kind == "stream" ? Request{"$JS.API.STREAM.INFO." + part(id, 1), ""}
                                           : Request{"$JS.API.CONSUMER.INFO." + part(id, 1) + "." + part(id, 2), ""});
  }
  const auto answers = account.request_all(requests, stop);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!answers[i]) return with_context(requests[i].subject, answers[i].error());
    if (auto failed = api_error(*answers[i]); !failed) {
      if (failed.error().code == Code::NotFound) continue;
      return with_context(requests[i].subject, failed.error());
    }
    DATAMESH_TRY(const Json body, parse_json(*answers[i], large));
    const Json* config = find(body, {"config"});
    if (!config) return Error{Code::Unavailable, requests[i].subject + ": an answer without a configuration"};
    if (ids[i].kind == "stream") {
      add_stream(all, domain, *config);
    } else {
      add_consumer(all, domain, part(ids[i], 1), *config);
    }
  }
  return {};
}

}  // namespace

Result<Observed<Spec>> observe_scope(Pool& pool, const Keyring& keys, ClaimsCache& cache, const Scope& scope,
                                     std::stop_token stop) {
  std::set<std::string> accounts;
  std::map<std::string, std::vector<ResourceId>> things;  // streams and durables, by domain
  for (const auto& id : scope.ids) {
    const std::string domain = part(id, 0);
    accounts.insert(keys.of(domain).account.id());
    if (id.kind == "stream" || id.kind == "consumer") things[domain].push_back(id);
  }
  for (const auto& owner : scope.owners) {
    if (owner.kind == "Domain") accounts.insert(keys.of(owner.name).account.id());
  }

  DATAMESH_TRY(const auto claims, look_up(pool, accounts, stop));
  Observed<Spec> all;
  for (const auto& [id, jwt] : claims) add_claims(all, keys, cache, id, jwt);
  for (const auto& [domain, ids] : things) {
    if (!claims.contains(keys.of(domain).account.id())) continue;  // no account, so nothing in it
    auto account = pool.account(domain);
    const auto looked = account ? look_into(**account, domain, ids, all, stop) : Result<void>(account.error());
    if (looked) continue;
    if (looked.error().code == Code::Cancelled) return looked.error();
    log_warn("could not look into an account", {{"domain", domain}, {"error", looked.error().message}});
    all.unseen.insert("stream");
    all.unseen.insert("consumer");
  }
  std::erase_if(all.resources, [&](const auto& entry) {
    return !scope.ids.contains(entry.first) && !(entry.second.owner && scope.owners.contains(*entry.second.owner));
  });
  return all;
}

}  // namespace datamesh::nats

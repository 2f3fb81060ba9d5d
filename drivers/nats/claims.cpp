#include "drivers/nats/claims.hpp"

#include <algorithm>

#include "controller/core/json.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

constexpr std::string_view member_kind = "Member/";

std::int64_t seconds(WallTime time) {
  return time.time_since_epoch().count() / 1000;
}

Json export_of(std::string_view name, std::string_view subject, std::string_view response) {
  return {{"name", name}, {"subject", subject}, {"type", "service"}, {"response_type", response}};
}

// Which domain may use them is decided by the imports, and those only the control plane can sign.
Json exports() {
  return Json::array({export_of("info", "$JS.API.CONSUMER.INFO.*.*", "Singleton"),
                      export_of("next", "$JS.API.CONSUMER.MSG.NEXT.*.*", "Stream"),
                      export_of("ack", "$JS.ACK.*.*.>", "Singleton")});
}

Json limits() {
  Json all{{"wildcards", true}, {"leaf", 0}};
  for (const char* name : {"subs", "data", "payload", "imports", "exports", "conn", "mem_storage", "disk_storage",
                           "streams", "consumer"}) {
    all[name] = -1;
  }
  return all;
}

Json scope(const std::string& key, const std::string& role, const Permissions& permissions) {
  return {{"kind", "user_scope"},
          {"key", key},
          {"role", role},
          {"template",
           {{"pub", {{"allow", permissions.publish}}},
            {"sub", {{"allow", permissions.subscribe}}},
            {"subs", -1},
            {"data", -1},
            {"payload", -1}}}};
}

Json import_of(const std::string& name, const Import& import) {
  return {{"name", name},
          {"type", "service"},
          {"account", import.account},
          {"subject", import.subject},
          {"local_subject", import.local_subject}};
}

std::vector<std::string> strings(const Json* list) {
  std::vector<std::string> all;
  if (!list || !list->is_array()) return all;
  for (const Json& item : *list) {
    if (item.is_string()) all.push_back(item.get<std::string>());
  }
  std::ranges::sort(all);
  return all;
}

// A scope belongs to a principal if it is exactly what scope() would write for it.
bool read_scope(const Json& item, Account& account) {
  const std::string role = string_at(item, {"role"}), key = string_at(item, {"key"});
  const Permissions permissions{strings(find(item, {"template", "pub", "allow"})),
                                strings(find(item, {"template", "sub", "allow"}))};
  if (item != scope(key, role, permissions)) return false;
  if (role.starts_with(member_kind)) {
    return account.members.emplace(role.substr(member_kind.size()), MemberSpec{key, permissions}).second;
  }
  const ObjectKey owner = parse_key(role);
  if (owner.kind != "Subscription") return false;
  AccessSpec& access = account.accesses[owner];
  if (!access.key.empty()) return false;
  access.key = key;
  access.permissions = permissions;
  return true;
}

bool read_import(const Json& item, Account& account) {
  const std::string name = string_at(item, {"name"});
  const Import import{string_at(item, {"account"}), string_at(item, {"subject"}), string_at(item, {"local_subject"})};
  const ObjectKey owner = parse_key(name);
  if (owner.kind != "Subscription" || item != import_of(name, import)) return false;
  account.accesses[owner].imports.push_back(import);
  return true;
}

// Takes a list out of the claims and hands its items to `read`; what that refuses is a stray.
template <class Read>
void take(Json& claims, const char* name, Account& account, Read read) {
  const auto list = claims.find(name);
  if (list == claims.end()) return;
  if (list->is_array()) {
    for (const Json& item : *list) {
      if (!read(item)) account.base.strays.push_back(std::string(name) + ": " + item.dump());
    }
  }
  claims.erase(list);
}

}  // namespace

DomainKeys domain_keys(const nkeys::Key& operator_key, std::string_view domain) {
  using nkeys::Key;
  using nkeys::KeyType;
  return {Key::derived(KeyType::Account, operator_key, "account:" + std::string(domain)),
          Key::derived(KeyType::Account, operator_key, "account-signing:" + std::string(domain))};
}

Account bare_account(const nkeys::Key& operator_key, const DomainKeys& keys, std::string_view domain,
                     const Mark& mark) {
  const Json frame{{"type", "account"},
                   {"version", 2},
                   {"limits", limits()},
                   {"exports", exports()},
                   {"signing_keys", Json::array({keys.signing.id()})}};
  return {keys.account.id(), std::string(domain), mark, {operator_key.id(), frame.dump(), {}}, {}, {}};
}

std::string write_account(const nkeys::Key& operator_key, const Account& account, WallTime now) {
  Json claims = Json::parse(account.base.frame, nullptr, false);
  if (!claims.is_object()) claims = Json::object();
  if (account.mark) claims["description"] = to_text(*account.mark);
  Json imports = Json::array();
  for (const auto& [owner, access] : account.accesses) {
    if (!access.key.empty()) claims["signing_keys"].push_back(scope(access.key, to_string(owner), access.permissions));
    for (const Import& import : access.imports) imports.push_back(import_of(to_string(owner), import));
  }
  for (const auto& [username, member] : account.members) {
    claims["signing_keys"].push_back(scope(member.key, std::string(member_kind) + username, member.permissions));
  }
  if (!imports.empty()) claims["imports"] = std::move(imports);
  return nkeys::sign_jwt(
      operator_key,
      {{"sub", account.id}, {"name", account.domain}, {"iat", seconds(now)}, {"nats", std::move(claims)}});
}

Result<Account> read_account(std::string_view jwt) {
  DATAMESH_TRY(const Json all, nkeys::read_jwt(jwt));
  const Json* nats = find(all, {"nats"});
  if (!nats || !nats->is_object() || string_at(*nats, {"type"}) != "account") {
    return Error{Code::Invalid, "not an account's JWT"};
  }
  Account account{string_at(all, {"sub"}),
                  string_at(all, {"name"}),
                  read_mark(string_at(*nats, {"description"})),
                  {string_at(all, {"iss"}), "", {}},
                  {},
                  {}};
  Json rest = *nats;
  rest.erase("description");
  Json plain_keys = Json::array();
  take(rest, "signing_keys", account, [&](const Json& item) {
    if (!item.is_string()) return item.is_object() && read_scope(item, account);
    plain_keys.push_back(item);
    return true;
  });
  take(rest, "imports", account, [&](const Json& item) { return item.is_object() && read_import(item, account); });
  for (auto& [owner, access] : account.accesses) std::ranges::sort(access.imports);
  rest["signing_keys"] = std::move(plain_keys);
  account.base.frame = rest.dump();
  return account;
}

AccessSpec access_spec(std::string_view key, std::string_view provider_account, std::string_view provider,
                       std::string_view consumer, std::string_view stream, const ObjectKey& subscription) {
  const std::string at = "." + std::string(stream) + "." + durable_name(subscription);
  const std::string prefix = api_prefix(provider, consumer), ack = "$JS.ACK" + at + ".>";
  AccessSpec spec{std::string(key), {}, {}};
  for (const std::string call : {".CONSUMER.INFO", ".CONSUMER.MSG.NEXT"}) {
    spec.permissions.publish.push_back(prefix + call + at);
    if (provider != consumer) {
      spec.imports.push_back({std::string(provider_account), "$JS.API" + call + at, prefix + call + at});
    }
  }
  spec.permissions.publish.push_back(ack);
  if (provider != consumer) spec.imports.push_back({std::string(provider_account), ack, ack});
  spec.permissions.subscribe = {inbox_prefix(subscription) + ".>"};
  std::ranges::sort(spec.permissions.publish);
  std::ranges::sort(spec.imports);
  return spec;
}

Permissions member_permissions(std::string_view domain, const ObjectKey& principal, bool producer) {
  const std::string inbox = inbox_prefix(principal) + ".>";
  // An empty list would allow everything, so a member who may nothing may send to nobody.
  if (!producer) return {{inbox}, {inbox}};
  // Publishing, and reading back through push consumers without a name: a durable of a subscription is out of reach.
  Permissions permissions{{"$JS.API.CONSUMER.CREATE.*", "$JS.API.DIRECT.GET.*", "$JS.API.DIRECT.GET.*.>",
                           "$JS.API.INFO", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.LIST", "$JS.API.STREAM.MSG.GET.*",
                           "$JS.API.STREAM.NAMES", "$JS.FC.>", subject_root(domain) + ".>"},
                          {inbox}};
  std::ranges::sort(permissions.publish);
  return permissions;
}

std::string user_jwt(const nkeys::Key& signer, bool scoped, std::string_view user, std::string_view name,
                     std::string_view account, WallTime now, std::optional<WallTime> until) {
  Json nats{{"type", "user"}, {"version", 2}, {"issuer_account", account}};
  if (!scoped) nats.update(Json{{"subs", -1}, {"data", -1}, {"payload", -1}});
  Json claims{{"sub", user}, {"name", name}, {"iat", seconds(now)}, {"nats", std::move(nats)}};
  if (until) claims["exp"] = seconds(*until);
  return nkeys::sign_jwt(signer, std::move(claims));
}

std::string delete_jwt(const nkeys::Key& operator_key, std::string_view account, WallTime now) {
  return nkeys::sign_jwt(operator_key,
                         {{"sub", operator_key.id()},
                          {"name", "delete"},
                          {"iat", seconds(now)},
                          {"nats", {{"type", "generic"}, {"version", 2}, {"accounts", Json::array({account})}}}});
}

}  // namespace datamesh::nats

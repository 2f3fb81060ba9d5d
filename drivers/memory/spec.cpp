#include "drivers/memory/spec.hpp"

namespace datamesh::memory {

std::string port_name(const mesh::PortKey& key) {
  return key.domain + "/" + key.product + "/" + key.port + "/v" + std::to_string(key.major);
}

std::string access_name(const ObjectKey& subscription) {
  return subscription.ns + "/" + subscription.name;
}

Desired<Spec> desired(const mesh::Workload& workload) {
  Desired<Spec> wanted;
  wanted.held = workload.held;
  for (const auto& domain : workload.domains) {
    Account account;
    for (const auto& member : domain.members) account.members[member.username] = member.credential_version;
    wanted.resources[{"account", domain.name}] = {std::move(account), domain.owner};
  }
  for (const auto& port : workload.ports) {
    Port spec{.account = port.key.domain, .tables = {}, .roles = {}};
    for (const auto& table : port.tables) {
      for (const auto& column : table.columns) spec.tables[table.name].insert(column.name);
    }
    for (const auto& role : port.roles) spec.roles[role.name] = role.readable;
    wanted.resources[{"port", port_name(port.key)}] = {std::move(spec), port.owner, port.keep, port.adopt};
  }
  for (const auto& access : workload.accesses) {
    if (access.credential_version.empty()) continue;
    wanted.resources[{"access", access_name(access.subscription)}] = {
        Access{port_name(access.port), access.roles, access.credential_version}, access.subscription};
  }
  return wanted;
}

namespace {

std::string detail(const Spec& spec) {
  if (const auto* access = std::get_if<Access>(&spec)) {
    std::string roles;
    for (const auto& role : access->roles) roles += (roles.empty() ? "" : ",") + role;
    return " on " + access->port + " as " + roles + " with credential version " + access->credential_version;
  }
  if (const auto* port = std::get_if<Port>(&spec)) {
    std::string tables;
    for (const auto& [table, columns] : port->tables) {
      tables += (tables.empty() ? "" : ", ") + table + "(" + std::to_string(columns.size()) + ")";
    }
    return " with " + (tables.empty() ? "no tables" : tables);
  }
  return " with " + std::to_string(std::get<Account>(spec).members.size()) + " members";
}

}  // namespace

std::vector<std::string> lower(const Change<Spec>& change) {
  const Verb verb = change.verb == Verb::Hold ? change.intent : change.verb;
  const std::string thing = change.id.kind + " " + change.id.name;
  switch (verb) {
    case Verb::Create:
      return {"create " + thing + detail(*change.after)};
    case Verb::Update:
      return {"alter " + thing + detail(*change.after)};
    case Verb::Release:
      return {"retain " + thing};
    case Verb::Delete:
      if (change.id.kind == "access") return {"deny " + thing, "cut sessions of " + thing, "drop " + thing};
      return {"drop " + thing};
    case Verb::Hold:
      break;
  }
  return {};
}

}  // namespace datamesh::memory

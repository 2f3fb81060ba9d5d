#include "drivers/memory/server.hpp"

#include <algorithm>

namespace datamesh::memory {

void Server::set_fault(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

std::optional<Error> Server::fault(const std::string& operation, const ResourceId& id) const {
  return fault_ ? fault_(operation, id) : std::nullopt;
}

Result<void> Server::refuse(const std::string& why) {
  ++clashes_;
  last_clash_ = why;
  return Error{Code::Conflict, "memory: " + why};
}

Result<Observed<Spec>> Server::observe() const {
  const std::lock_guard lock(mutex_);
  if (auto error = fault("observe", {})) return *error;
  Observed<Spec> seen{{things_.begin(), things_.end()}, {}};
  // A kind that cannot be listed is not absent.
  for (const auto* kind : {"account", "port", "access"}) {
    if (!fault("list", {kind, ""})) continue;
    std::erase_if(seen.resources, [&](const auto& item) { return item.first.kind == kind; });
    seen.unseen.insert(kind);
  }
  return seen;
}

Result<void> Server::create(const ResourceId& id, Found<Spec> thing) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault("create", id)) return *error;
  if (things_.contains(id)) return refuse(id.kind + " " + id.name + " exists");
  if (const auto* port = std::get_if<Port>(&thing.spec); port && !things_.contains({"account", port->account})) {
    return refuse("port " + id.name + ": no account " + port->account);
  }
  if (const auto* access = std::get_if<Access>(&thing.spec); access && !things_.contains({"port", access->port})) {
    return refuse("access " + id.name + ": no port " + access->port);
  }
  things_.emplace(id, std::move(thing));
  ++writes_;
  if (auto error = fault("created", id)) return *error;
  return {};
}

Result<void> Server::alter(const ResourceId& id, Found<Spec> thing) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault("alter", id)) return *error;
  const auto at = things_.find(id);
  if (at == things_.end()) return refuse(id.kind + " " + id.name + " does not exist");
  if (id.kind == "access" && at->second.spec != thing.spec) cut(id.name);
  at->second = std::move(thing);
  ++writes_;
  return {};
}

Result<void> Server::drop(const ResourceId& id) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault("drop", id)) return *error;
  const auto at = things_.find(id);
  if (at == things_.end()) return refuse(id.kind + " " + id.name + " does not exist");
  for (const auto& [other, thing] : things_) {
    const auto* port = std::get_if<Port>(&thing.spec);
    const auto* access = std::get_if<Access>(&thing.spec);
    if ((id.kind == "account" && port && port->account == id.name && !thing.retained) ||
        (id.kind == "port" && access && access->port == id.name)) {
      return refuse(id.kind + " " + id.name + " is needed by " + other.kind + " " + other.name);
    }
  }
  if (id.kind == "access") cut(id.name);
  things_.erase(at);
  ++writes_;
  return {};
}

Result<void> Server::retain(const ResourceId& id) {
  const std::lock_guard lock(mutex_);
  if (auto error = fault("retain", id)) return *error;
  const auto at = things_.find(id);
  if (at == things_.end()) return refuse(id.kind + " " + id.name + " does not exist");
  at->second.retained = true;
  ++writes_;
  return {};
}

Result<int> Server::open(const std::string& access, const std::string& credential_version) {
  const std::lock_guard lock(mutex_);
  const auto at = things_.find({"access", access});
  if (at == things_.end() || std::get<Access>(at->second.spec).credential_version != credential_version) {
    return Error{Code::Denied, "memory: login of " + access + " refused"};
  }
  sessions_[next_session_] = access;
  return next_session_++;
}

Result<void> Server::read(int session, const std::string& table, const std::string& column) const {
  const std::lock_guard lock(mutex_);
  const auto open = sessions_.find(session);
  if (open == sessions_.end()) return Error{Code::Denied, "memory: the session was ended"};
  const auto thing = things_.find({"access", open->second});
  if (thing == things_.end()) return Error{Code::Denied, "memory: no access"};
  const auto& access = std::get<Access>(thing->second.spec);
  const auto port = things_.find({"port", access.port});
  if (port == things_.end()) return Error{Code::NotFound, "memory: no port " + access.port};
  for (const auto& role : access.roles) {
    const auto& roles = std::get<Port>(port->second.spec).roles;
    const auto granted = roles.find(role);
    if (granted == roles.end()) continue;
    const auto columns = granted->second.find(table);
    if (columns != granted->second.end() && columns->second.contains(column)) return {};
  }
  return Error{Code::Denied, "memory: " + table + "." + column + " is not readable"};
}

bool Server::is_open(int session) const {
  const std::lock_guard lock(mutex_);
  return sessions_.contains(session);
}

void Server::cut(const std::string& access) {
  std::erase_if(sessions_, [&](const auto& session) { return session.second == access; });
}

void Server::put_by_hand(const ResourceId& id, Found<Spec> thing) {
  const std::lock_guard lock(mutex_);
  things_.insert_or_assign(id, std::move(thing));
  ++writes_;
}

void Server::erase_by_hand(const ResourceId& id) {
  const std::lock_guard lock(mutex_);
  things_.erase(id);
  ++writes_;
}

std::map<ResourceId, Found<Spec>> Server::things() const {
  const std::lock_guard lock(mutex_);
  return things_;
}

std::size_t Server::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

std::size_t Server::clashes() const {
  const std::lock_guard lock(mutex_);
  return clashes_;
}

std::string Server::last_clash() const {
  const std::lock_guard lock(mutex_);
  return last_clash_;
}

std::shared_ptr<Server> server_named(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<Server>> servers;
  const std::lock_guard lock(mutex);
  auto& server = servers[name];
  if (!server) server = std::make_shared<Server>();
  return server;
}

}  // namespace datamesh::memory

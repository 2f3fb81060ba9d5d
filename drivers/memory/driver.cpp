#include "drivers/memory/driver.hpp"

namespace datamesh::memory {

Result<std::string> Driver::reach(std::stop_token) {
  return std::string("1");
}

Result<Observed<Spec>> Driver::observe(const Scope&, std::stop_token) {
  return server_->observe();
}

void Driver::apply(std::span<Action<Spec>> actions, std::stop_token stop) {
  for (auto& [change, step] : actions) {
    if (stop.stop_requested()) {
      step->error = Error{Code::Cancelled, "stopping"};
      continue;
    }
    Result<void> done;
    switch (change->verb) {
      case Verb::Create:
        done = server_->create(change->id, {*change->after, change->owner, change->keep});
        break;
      case Verb::Update:
        done = server_->alter(change->id, {*change->after, change->owner, change->keep});
        break;
      case Verb::Delete:
        done = server_->drop(change->id);
        break;
      case Verb::Release:
        done = server_->retain(change->id);
        break;
      case Verb::Hold:
        break;
    }
    if (!done) step->error = done.error();
  }
}

Result<std::string> Driver::change_token(std::stop_token) {
  return std::to_string(server_->writes());
}

std::string Driver::prove_granted(const mesh::Port& port, const mesh::Access& access, const std::string& version,
                                  std::vector<std::string>& tried) {
  const auto session = server_->open(access_name(access.subscription), version);
  if (!session) return session.error().message;
  for (const auto& table : port.tables) {
    const auto allowed = access.readable.find(table.name);
    for (const auto& column : table.columns) {
      const bool wanted = allowed != access.readable.end() && allowed->second.contains(column.name);
      const bool can = static_cast<bool>(server_->read(*session, table.name, column.name));
      tried.push_back("read " + table.name + "." + column.name + ": " + (can ? "allowed" : "refused"));
      if (can != wanted) return tried.back() + ", should be " + (wanted ? "allowed" : "refused");
    }
  }
  return "";
}

std::string Driver::prove_revoked(const ObjectKey& subscription, const std::string& version,
                                  std::vector<std::string>& tried) {
  const auto session = server_->open(access_name(subscription), version);
  tried.push_back(std::string("login: ") + (session ? "allowed" : "refused"));
  return session ? "the subscription can still log in" : "";
}

}  // namespace datamesh::memory

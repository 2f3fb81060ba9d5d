#include "drivers/nats/pool.hpp"

#include <algorithm>

#include "controller/core/json.hpp"

namespace datamesh::nats {
namespace {

// Long enough for any connection that is in use; a leaked one is worth little.
constexpr std::chrono::hours user_lifetime{24};
// The first log-in to an account makes it in the server, with all accounts that it imports from.
constexpr std::chrono::seconds answer_timeout{30};

}  // namespace

std::string Pool::system_account() const {
  const auto claims = nkeys::read_jwt(system_user_.jwt);
  if (!claims) return {};
  const std::string account = string_at(*claims, {"nats", "issuer_account"});
  return account.empty() ? string_at(*claims, {"iss"}) : account;
}

Result<std::shared_ptr<Connection>> Pool::system() {
  const std::lock_guard lock(mutex_);
  if (system_ && system_->is_open()) return system_;
  auto opened = Connection::open({.url = url_, .user = system_user_, .timeout = answer_timeout});
  if (!opened) return with_context("system account", opened.error());
  system_ = *opened;
  return system_;
}

Result<std::shared_ptr<Connection>> Pool::account(const std::string& domain) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(accounts_, domain, [](const auto& entry) { return entry.first; });
  if (found != accounts_.end()) {
    accounts_.splice(accounts_.begin(), accounts_, found);
    if (found->second->is_open()) return found->second;
    accounts_.erase(found);
  }
  const DomainKeys& keys = keys_.of(domain);
  auto user = nkeys::Key::generate(nkeys::KeyType::User);
  const WallTime now = clock_.wall();
  const std::string jwt =
      user_jwt(keys.signing, false, user.id(), "datamesh", keys.account.id(), now, now + user_lifetime);
  auto opened = Connection::open({.url = url_, .user = {jwt, std::move(user)}, .timeout = answer_timeout});
  if (!opened) return with_context("account of domain " + domain, opened.error());
  accounts_.emplace_front(domain, *opened);
  if (accounts_.size() > accounts_max) accounts_.pop_back();
  return accounts_.front().second;
}

}  // namespace datamesh::nats

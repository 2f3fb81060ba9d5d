#pragma once
// The control plane's connections: one to the system account, and one to each domain's account that was lately used
// (the JetStream API of an account is only for its own users).

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "drivers/nats/connection.hpp"
#include "drivers/nats/credentials.hpp"

namespace datamesh::nats {

// Thread-safe. Hands out open connections; a closed one is replaced.
class Pool {
 public:
  static constexpr std::size_t accounts_max = 64;  // each costs two threads

  Pool(std::string url, nkeys::UserCredentials system, const Keyring& keys, const Clock& clock)
      : url_(std::move(url)), system_user_(std::move(system)), keys_(keys), clock_(clock) {}

  const std::string& url() const { return url_; }
  // The id of the system account.
  std::string system_account() const;

  Result<std::shared_ptr<Connection>> system();
  // As a user of the domain's account, made for this connection. Denied: the account's claims are not ours.
  Result<std::shared_ptr<Connection>> account(const std::string& domain);

 private:
  std::string url_;
  nkeys::UserCredentials system_user_;
  const Keyring& keys_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<Connection> system_;
  std::list<std::pair<std::string, std::shared_ptr<Connection>>> accounts_;  // latest use first
};

}  // namespace datamesh::nats

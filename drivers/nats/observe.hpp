#pragma once
// What a server holds. Everything: two requests, whatever the size. A scope: one request for each thing in it, all
// under way at once.

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "drivers/nats/claims.hpp"
#include "drivers/nats/pool.hpp"
#include "drivers/nats/spec.hpp"

namespace datamesh::nats {

// The accounts' claims as last read, so that unchanged ones are not parsed and verified again. Thread-safe.
class ClaimsCache {
 public:
  // Invalid: not claims at all.
  Result<std::shared_ptr<const Account>> read(const std::string& id, const std::string& jwt);
  void forget(const std::string& id);
  // Domains' accounts, other than `exporter` itself, that were last seen to import from it.
  std::set<std::string> importers_of(const std::string& exporter) const;

 private:
  struct Entry {
    std::string digest;
    std::shared_ptr<const Account> account;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

// Claims by account id, as the server holds them now; an account that is not there has none.
Result<std::map<std::string, std::string>> look_up(Pool& pool, const std::set<std::string>& accounts,
                                                   std::stop_token stop);

Result<Observed<Spec>> observe_everything(Pool& pool, const Keyring& keys, ClaimsCache& cache, std::stop_token stop);
Result<Observed<Spec>> observe_scope(Pool& pool, const Keyring& keys, ClaimsCache& cache, const Scope& scope,
                                     std::stop_token stop);

// Number of servers that answer a request to all of them, and the version of one.
struct Servers {
  int count = 1;
  std::string version;
};
Result<Servers> servers(Pool& pool, std::stop_token stop);

// JetStream API answers: the error within, if there is one. NotFound: no such stream or consumer.
Result<void> api_error(std::string_view answer);

}  // namespace datamesh::nats

#pragma once
// Carries out a plan:
//
//   1. claims    one new JWT for each account that is touched, from what the server holds at that moment and all its
//                changes: denials and grants alike. Accounts that are new come first and without imports, because an
//                import from an account that is not there stalls the server for seconds.
//   2. cut       sessions of keys that are no longer honoured: asked for until there is none
//   3. streams   created and updated, then durable consumers
//   4. teardown  durables, streams, accounts. An account that still holds a stream is kept, without users and imports.
//
// Requests of a step are under way together, in batches that the fence is asked for (fencing.hpp). A failure is written
// to the step of its change.

#include <span>
#include <stop_token>

#include "controller/core/fence.hpp"
#include "controller/plan/driver.hpp"
#include "drivers/nats/observe.hpp"

namespace datamesh::nats {

void apply(Pool& pool, const Keyring& keys, ClaimsCache& cache, const Clock& clock, const Fence& fence,
           std::span<Action<Spec>> actions, std::stop_token stop);

// Signing keys whose users have a connection to the account.
Result<std::set<std::string>> connected_keys(Pool& pool, const std::string& account, int servers, std::stop_token stop);

}  // namespace datamesh::nats

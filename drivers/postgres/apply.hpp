#pragma once
// Carries out changes in steps, each committed before the next begins:
//
//   1. deny    everything that takes access away
//   2. cut     the open sessions of those who lost it, until none is left
//   3. build   roles, schemas, tables, grants: by owner, in transactions of up to 200 owners, over several sessions
//   4. relate  memberships: they join things of different owners
//   5. drop    what is no longer wanted
//   6. cut     the open sessions of those who owned a thing that was given back
//
// A transaction that fails is done again owner by owner, and an owner's that fails change by change, so that a failure
// costs its own change only. No savepoints: they would slow down the many for the few.

#include <functional>
#include <span>
#include <stop_token>

#include "controller/core/fence.hpp"
#include "controller/plan/driver.hpp"
#include "drivers/postgres/connection.hpp"
#include "drivers/postgres/spec.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {

// The sessions to write with; the first also cuts. Steps get their errors.
struct Writers {
  std::span<Session* const> sessions;
  std::string user;                  // whose sessions they are
  bool superuser = false;            // Otherwise roles are borrowed: membership for the length of a transaction.
  const Fence* fence = &unfenced();  // asked before each transaction, and compared in it (fencing.hpp)
  // One more session, to end those of others that a denial waits for (a lock they hold). nullptr: there is none now.
  std::function<Session*()> spare = {};
};

void apply(const Writers& writers, const mesh::CredentialSource& credentials, std::span<Action<Spec>> actions,
           std::stop_token stop);

// Ends the sessions of roles and of all their members (`losers`, in this database) and of `logins` (everywhere), until
// none is left of those that were open when it was called: later ones got no more than what is left. Unavailable,
// naming how many are left, when they will not go within a few seconds.
Result<void> cut(Session& session, const std::set<std::string>& losers, const std::set<std::string>& logins,
                 std::stop_token stop);

}  // namespace datamesh::postgres

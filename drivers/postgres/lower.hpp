#pragma once
// The SQL of a change. Pure. What takes access away comes apart from what does the rest, because it must be committed,
// and the losers' sessions cut, before anything else is tried.

#include <set>
#include <string>
#include <vector>

#include "controller/plan/plan.hpp"
#include "drivers/postgres/spec.hpp"

namespace datamesh::postgres {

// One statement; `shown` is what people see of it when it holds a secret.
struct Lowered {
  std::vector<std::string> deny = {};   // takes access away
  std::set<std::string> losers = {};    // roles whose sessions, and their members', end then (in this database)
  std::set<std::string> logins = {};    // roles that may not log in any more: their sessions end everywhere
  bool cuts_public = false;             // PUBLIC loses something: whoever uses the relation now is cut
  std::vector<std::string> act = {};    // the rest, in order
  std::set<std::string> former = {};    // owners whose things went to others: their sessions end at last
  std::set<std::string> borrowed = {};  // roles that the control plane has to be a member of meanwhile
  bool late = false;                    // needs other owners' roles: carried out after all roles
  std::string refused = {};             // why this change cannot be made; nothing is sent then
};

// `verifier` stands for the password of a role: what follows PASSWORD in SQL, quoted. For people: 'version:<version>'.
Lowered lower(const Change<Spec>& change, const std::string& verifier);

// The statements as people see them: deny, cut, act.
std::vector<std::string> describe(const Change<Spec>& change);

// The mark that a change leaves on its thing.
Mark mark_of(const Change<Spec>& change);

}  // namespace datamesh::postgres

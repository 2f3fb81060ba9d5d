#pragma once
// What a PostgreSQL server holds for the mesh: one catalogue query, and its rows as values.
//
// Relations (grants, memberships, default privileges) carry no comment; their owner follows from their ends:
//
//   relation            | owner
//   --------------------+----------------------------------------------------------------------------------------
//   membership          | the member's, if its mark names a principal; else the group's, if marked; else the member's
//   grant on an object  | the schema's in which the object is (of a schema: its own), or the marked object's
//   call of a routine   | the schema's, or that of the role whose rights it has (SECURITY DEFINER; others are no risk)
//   default privileges  | the schema's, or that of the role whose objects they are about
//
// So a grant made by hand on a thing of ours is found as ours, and goes when nobody wants it. Relations of things that
// were kept without a declaration are shown only when the other end is ours too. What owners and superusers may do by
// nature is no relation, and neither are the memberships of the control plane's own role.

#include <string>
#include <string_view>

#include "controller/plan/plan.hpp"
#include "drivers/postgres/connection.hpp"
#include "drivers/postgres/spec.hpp"

namespace datamesh::postgres {

// Everything within the scope in one round trip.
Result<Observed<Spec>> observe(Session& session, const Scope& scope, std::stop_token stop);

// One entry of an ACL: "grantee=r*w/grantor"; grantee empty for PUBLIC.
struct AclEntry {
  std::string grantee;
  Privileges privileges;
  bool operator==(const AclEntry&) const = default;
};
// An aclitem[] as text: {"=U/owner","\"odd name\"=r/owner"}. Entries that cannot be read are left out.
std::vector<AclEntry> parse_acl(std::string_view text);
// The elements of an array as text, quotes and escapes undone; a NULL element is empty.
std::vector<std::string> parse_array(std::string_view text);

// A token that moves with every committed change of what observe() reads: the catalogues' own write counters.
Result<std::string> change_token(Session& session, std::stop_token stop);

}  // namespace datamesh::postgres

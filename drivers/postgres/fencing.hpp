#pragma once
// Only the latest term of a control plane writes. A row of the server's own keeps which that is:
//
//   datamesh.fence   plane text (primary key), epoch bigint
//
// A new leader ends the sessions of older terms (their application_name says which they are) and raises the row. Every
// transaction that writes takes the row FOR SHARE first and fails when it is higher than its own epoch. So when
// take_over() has returned, nothing of an older term is under way, and nothing of it will ever be committed. Other
// control planes on the same server have rows of their own.

#include <optional>
#include <stop_token>
#include <string>

#include "controller/core/fence.hpp"
#include "drivers/postgres/connection.hpp"

namespace datamesh::postgres {

inline constexpr const char* kFenceSchema = "datamesh";

// What a session of that term calls itself. At most 63 bytes.
std::string application_name(const Term& term);

// Denied: a later term has been here.
Result<void> take_over(Session& session, const Term& term, std::stop_token stop);

// The first statement of each transaction; empty when nothing is compared (epoch 0).
std::string fence_statement(const Term& term);

// What its refusal comes as: a later term has taken over, or the row is gone.
inline constexpr std::string_view kOutOfTerm = "DM001", kFenceMissing = "DM002";
bool refused_by_fence(const std::optional<Error>& error);

}  // namespace datamesh::postgres

#pragma once
// Only the latest term of a control plane writes, as far as NATS lets one say so. It has no transactions; what it has
// is compare-and-set on a stream. An account of the control plane's own (kFenceAccount) keeps a stream FENCE with one
// message for each control plane: the epoch of its latest term.
//
// Guarantees. A new leader raises the message by compare-and-set before it looks at anything; a term that meets a
// greater one is refused for good. Each batch of up to fence_batch requests asks first, locally (may_write) and then
// the stream. So an older leader that wakes up sends at most the batch it was stopped in the middle of: one that had
// asked before the take-over and not sent yet. What such a batch writes is drift to the new leader, who finds and
// repairs it at its next whole look. That remainder cannot be closed: a server that is sent a request does not compare
// it with anything.

#include <stop_token>

#include "controller/core/fence.hpp"
#include "drivers/nats/pool.hpp"

namespace datamesh::nats {

// No domain can be called that.
inline constexpr const char* kFenceAccount = "_datamesh";
inline constexpr std::size_t fence_batch = 64;

// Denied: a later term has been here. Makes the account and the stream where they are missing.
Result<void> take_over(Pool& pool, const Keyring& keys, const Clock& clock, const Term& term, std::stop_token stop);

// Whether this term may send a batch now. Cancelled: its time is over. Denied: a later one has taken over. Conflict:
// the record is gone, and has to be made again.
Result<void> ask_fence(Pool& pool, const Fence& fence, std::stop_token stop);

}  // namespace datamesh::nats

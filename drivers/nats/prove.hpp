#pragma once
// Tries a subscription's own credential: what must work and what must not.

#include <stop_token>
#include <string>
#include <vector>

#include "drivers/nats/pool.hpp"
#include "mesh/workload.hpp"

namespace datamesh::nats {

struct Proof {
  bool proved = false;
  std::string failure;             // empty if proved: which attempt went wrong, and how
  std::vector<std::string> tried;  // one line an attempt
};

// Must work: log in, look at the durable, reach it with a fetch (one that takes nothing). Must not: publish to the
// port, read, look at or delete its stream, look at another durable.
Proof prove_granted(Pool& pool, const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                    std::stop_token stop);

// The credential opens nothing of the port, and none of its sessions is left.
Proof prove_revoked(Pool& pool, const mesh::Port& port, const ObjectKey& subscription,
                    const mesh::Credential& credential, std::stop_token stop);

}  // namespace datamesh::nats

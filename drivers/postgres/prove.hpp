#pragma once
// Trying an access with the consumer's own identity: what must work, and what must not.

#include <string>
#include <vector>

#include "drivers/postgres/connection.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {

// What became of the attempts.
struct Proof {
  bool proved = false;
  std::string failure;             // empty if proved: which attempt went wrong, and how
  std::vector<std::string> tried;  // one line an attempt: "read sales__orders_v1.orders(order_id): allowed"
};

// Logs in over the network as the consumer. Every readable column can be read, every other is refused, writing is
// refused. Nothing is read and nothing is written: LIMIT 0, and EXPLAIN, which checks the same rights.
Proof prove_granted(const Endpoint& endpoint, const std::string& who, const mesh::Port& port,
                    const mesh::Access& access, const mesh::Credential& credential, std::stop_token stop);

// The login is refused, or opens nothing of the port; and `admin` sees no session of it.
Proof prove_revoked(const Endpoint& endpoint, Session& admin, const mesh::Port& port, const std::string& role,
                    const mesh::Credential& credential, std::stop_token stop);

}  // namespace datamesh::postgres

#pragma once
// A backend's engine as the loops see it: any driver, behind one face. controller/app/ fills the registry.

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/plan/driver.hpp"
#include "mesh/workload.hpp"

namespace datamesh {

// Where a server is and how to enter it, whoever runs it.
struct Connection {
  std::string backend;                        // name of the Backend
  std::string engine;                         // postgresql | nats | memory
  std::string endpoint;                       // URL without credentials
  std::map<std::string, Secret> credentials;  // data of the admin Secret
  bool operator==(const Connection&) const = default;
};

// What became of trying one subscription's own identity: what must work and what must not.
struct Proof {
  bool proved = false;
  std::string failure;             // empty if proved: which attempt went wrong, and how
  std::vector<std::string> tried;  // one line an attempt: "read sales__orders_v1.orders(order_id): allowed"
};

// Thread-safe. Calls on one engine are serialised by its backend's loop, except prove().
class Engine {
 public:
  virtual ~Engine() = default;

  // The server's version; an error says why it cannot be used.
  virtual Result<std::string> reach(std::stop_token stop) = 0;
  virtual Result<std::string> change_token(std::stop_token stop) = 0;
  // Makes the scope as the workload says (see controller/plan/driver.hpp).
  virtual Pass converge(const mesh::Workload& workload, const Scope& scope, const Guard& guard,
                        std::stop_token stop) = 0;

  // A fresh credential with all fields of the binding. It opens nothing before a pass has granted it.
  // `access` for a subscription (with its port), nullptr for a member of `domain`.
  virtual Result<mesh::Credential> mint(const ObjectKey& principal, const std::string& domain, const mesh::Port* port,
                                        const mesh::Access* access) = 0;
  // Granted: every readable column can be read, every other cannot, with the consumer's credential.
  virtual Proof prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                              std::stop_token stop) = 0;
  // Revoked: the consumer's credential opens nothing of the port, and no session of it is left.
  virtual Proof prove_revoked(const mesh::Port& port, const ObjectKey& subscription, const mesh::Credential& credential,
                              std::stop_token stop) = 0;

  // OpenLineage dataset name space and name of a port, for its status.
  virtual std::pair<std::string, std::string> dataset(const mesh::Port& port) const = 0;
};

// One kind of engine. `version_of` as in Engine, for a stored credential whose backend may be away.
struct EngineKind {
  std::function<Result<std::shared_ptr<Engine>>(const Connection&, const mesh::CredentialSource&)> connect;
  std::function<std::string(const std::map<std::string, Secret>& fields)> version_of;
};
using EngineRegistry = std::map<std::string, EngineKind, std::less<>>;  // by engine name

// Servers that the control plane runs itself (Backend.spec.managed).
class ManagedServers {
 public:
  virtual ~ManagedServers() = default;
  // Runs the server if it does not run, and says where it is. Blocks until it answers. Repeatable.
  virtual Result<Connection> ensure(const std::string& backend, const std::string& engine, std::stop_token stop) = 0;
  // Stops the server and forgets it; its data stay. Not an error if there is none.
  virtual Result<void> release(const std::string& backend) = 0;
};

}  // namespace datamesh

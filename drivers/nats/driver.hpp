#pragma once
// The driver for NATS JetStream in operator mode. README.md has the mapping.

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/fence.hpp"
#include "controller/core/log.hpp"
#include "controller/plan/driver.hpp"
#include "drivers/nats/prove.hpp"
#include "drivers/nats/spec.hpp"
#include "mesh/workload.hpp"

namespace datamesh::nats {

// What the admin Secret holds.
inline constexpr const char* kOperatorSeedField = "operatorSigningKey";      // SO..., listed by the server's operator
inline constexpr const char* kSystemCredentialsField = "systemCredentials";  // .creds text of a system account's user

struct Options {
  std::string backend;   // its name, for messages
  std::string endpoint;  // nats://host:port
  Secret operator_signing_seed;
  Secret system_credentials;
  const Fence* fence = &unfenced();  // the right to write, see fencing.hpp; outlives the driver
};
// Invalid: a field is missing.
Result<Options> options_from(std::string backend, std::string endpoint, const std::map<std::string, Secret>& fields);

// Thread-safe. One look or apply at a time is expected; proofs may run beside it.
class Driver {
 public:
  using Spec = nats::Spec;

  // Invalid: a key or the endpoint cannot be read. Opens no connection yet.
  static Result<std::unique_ptr<Driver>> create(const Options& options, const Clock& clock);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // The server's version. Denied: its operator does not list our signing key, or the log-in failed; or a later term of
  // this control plane has been here. The first look of a term shuts all older ones out.
  Result<std::string> reach(std::stop_token stop);

  Desired<Spec> desired(const mesh::Workload& workload) const;
  Result<Observed<Spec>> observe(const Scope& scope, std::stop_token stop);
  // Empty: NATS has nothing cheap that moves with a change of claims or configuration.
  Result<std::string> change_token(std::stop_token stop);
  void apply(std::span<Action<Spec>> actions, std::stop_token stop);
  static std::vector<std::string> lower(const Change<Spec>& change);
  static int rank(const Spec& spec);
  static bool holds_data(const Spec& spec);

  // Opens nothing before a pass has granted it. `port`: what a subscription reads; null for a member
  // (mesh::member_principal). `until`: the server ends the credential by itself; without it, it ends when a pass takes
  // it back.
  Result<mesh::Credential> mint(const ObjectKey& principal, const mesh::Port* port, const std::string& domain,
                                std::optional<WallTime> until = {}) const;
  static std::string version_of(const std::map<std::string, Secret>& fields);

  Proof prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                      std::stop_token stop);
  Proof prove_revoked(const mesh::Port& port, const ObjectKey& subscription, const mesh::Credential& credential,
                      std::stop_token stop);

  // {"nats://host:port", stream}
  std::pair<std::string, std::string> dataset(const mesh::Port& port) const;

 private:
  struct State;
  Result<void> enter_term(std::stop_token stop);
  explicit Driver(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};
static_assert(datamesh::Driver<Driver>);

}  // namespace datamesh::nats

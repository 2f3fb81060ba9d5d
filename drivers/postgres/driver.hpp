#pragma once
// PostgreSQL as a target of the mesh: tables ports, members' roles, subscriptions' logins. See README.md for the
// mapping.
//
// One Driver is one server. Not thread-safe, except mint(), version_of(), dataset() and the two proofs, which may be
// called at any time. Sessions are opened when first needed and again after they broke; an error names the backend
// ("postgresql/warehouse: connection refused: ...") and never holds a password.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/fence.hpp"
#include "controller/plan/driver.hpp"
#include "drivers/postgres/connection.hpp"
#include "drivers/postgres/desired.hpp"
#include "drivers/postgres/prove.hpp"
#include "drivers/postgres/spec.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {

struct Options {
  std::string backend;          // its name in the mesh: for messages
  Endpoint endpoint;            // see parse_endpoint()
  Login admin;                  // CREATEROLE, CREATE on the database, pg_signal_backend; need not be a superuser
  std::size_t connections = 2;  // that write; two double the rate of CREATE TABLE, more help little
  mesh::CredentialSource credentials = {};  // passwords of members and subscriptions, when a role is made
  const Fence* fence = &unfenced();         // the right to write, see fencing.hpp; outlives the driver
};

class Driver {
 public:
  using Spec = postgres::Spec;

  explicit Driver(Options options);

  // The server's version ("15.20"). Denied, saying what to grant, when the admin role may not do what it has to; or
  // when a later term of this control plane has been here. The first look of a term shuts all older ones out.
  Result<std::string> reach(std::stop_token stop);

  static Desired<Spec> desired(const mesh::Workload& workload) { return postgres::desired(workload); }
  Result<Observed<Spec>> observe(const Scope& scope, std::stop_token stop);
  static std::vector<std::string> lower(const Change<Spec>& change);
  static int rank(const Spec& spec);
  static bool holds_data(const Spec& spec);
  static std::vector<ResourceId> needs(const Spec& spec);
  void apply(std::span<Action<Spec>> actions, std::stop_token stop);
  Result<std::string> change_token(std::stop_token stop);

  // A fresh password with all fields of the binding, for a subscription (its port given) or a member of `domain`. It
  // opens nothing before a pass has granted it. Invalid for principals of other kinds.
  Result<mesh::Credential> mint(const ObjectKey& principal, const std::string& domain, const mesh::Port* port) const;
  static std::string version_of(const std::map<std::string, Secret>& fields);

  Proof prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                      std::stop_token stop);
  Proof prove_revoked(const mesh::Port& port, const ObjectKey& subscription, const mesh::Credential& credential,
                      std::stop_token stop);

  // OpenLineage: {"postgres://host:port", "mesh.sales__orders_v1.orders"}; without the table when there are several.
  std::pair<std::string, std::string> dataset(const mesh::Port& port) const;

 private:
  Result<Session*> session(std::size_t index, std::stop_token stop);
  Result<Session> open(std::stop_token stop) const;
  Result<void> enter_term(Session& session, std::stop_token stop);
  Result<void> take_turn(Session& writer, std::stop_token stop) const;
  Result<void> in_term(Session& writer, const std::function<Result<void>()>& act, std::stop_token stop) const;
  static Result<void> ensure_nobody(Session& writer, std::stop_token stop);
  void make_heir(Session& writer, std::span<Action<Spec>> actions, std::stop_token stop);
  Session* spare(std::stop_token stop);

  const Options options_;
  const std::string who_;
  std::vector<std::optional<Session>> sessions_;  // the first also reads
  std::optional<Session> spare_;
  std::optional<bool> superuser_;
  std::int64_t entered_ = 0;  // the epoch that older ones were shut out with
  std::mutex prover_mutex_;
  std::optional<Session> prover_;
};

static_assert(datamesh::Driver<Driver>);

}  // namespace datamesh::postgres

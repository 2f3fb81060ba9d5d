#pragma once
// The set-based loop: one pass at a time per backend. Declarations that changed fold into one pass; a pass compiles
// what the backend should serve, lets the engine close the difference, and writes down what was seen. Subscriptions
// whose access changed are then proved with their own identity.
//
//   due owners / interval / change token -> compile (under the lock) -> converge (no lock) -> ledger -> objects, proofs

#include <set>
#include <string>

#include "controller/runtime/workers.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

// One subscription on one backend.
struct ProofKey {
  std::string backend;
  ObjectKey subscription;
  auto operator<=>(const ProofKey&) const = default;
};

class BackendLoop {
 public:
  // `newcomers_max`: new declarations that one pass serves.
  BackendLoop(Context& context, std::function<void(const ProofKey&)> wake_proof,
              std::size_t newcomers_max = BackendLedger::kNewcomersPerPass)
      : context_(context), wake_proof_(std::move(wake_proof)), newcomers_max_(newcomers_max) {}

  // One visit to the backend: connects, looks if there is a reason to, and says when to come again.
  Result<Next> visit(const std::string& name, std::stop_token stop);
  // Tries one subscription's identity, if that is due.
  Result<Next> prove(const ProofKey& key, std::stop_token stop);

 private:
  struct Visit;
  Result<void> connect(Visit& visit, std::stop_token stop);
  bool due(Visit& visit, std::stop_token stop);
  Result<void> pass(Visit& visit, std::stop_token stop);
  void note_grants(const Visit& visit, const Pass& pass, const mesh::Workload& workload, BackendLedger& ledger,
                   std::set<ObjectKey>& proofs) const;
  void answer_confirmation(const Visit& visit, const Pass& pass) const;
  void tell(const Visit& visit, const Pass& pass, const std::map<std::string, std::size_t>& drift) const;

  Context& context_;
  std::function<void(const ProofKey&)> wake_proof_;
  const std::size_t newcomers_max_;
};

// The annotation of a declaration; Enabled when it is not known.
api::ReconcileMode mode_of(const mesh::Catalog& catalog, const ObjectKey& key);
std::string uid_of(const mesh::Catalog& catalog, const ObjectKey& key);

// Where managed servers' connections are written down: a Secret each, with `endpoint` and the admin credentials.
inline constexpr std::string_view kSystemNamespace = "datamesh-system";
inline std::string managed_secret_name(const std::string& backend) {
  return backend + "-admin";
}

// Where a Backend's server is and how to enter it: from its Secret, or from the platform that runs it
// (nullptr: this process does not, so from what the platform wrote down).
Result<Connection> resolve_connection(kube::Store& store, ManagedServers* managed, const api::Backend& backend,
                                      std::stop_token stop);

}  // namespace datamesh

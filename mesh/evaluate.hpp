#pragma once
// What is true of one declaration at one time, from declarations alone. Pure: the same catalog and the same time give
// the same verdict. Statuses are views of verdicts and passes; compile() grants exactly what verdicts allow.

#include <optional>
#include <string>
#include <vector>

#include "mesh/catalog.hpp"

namespace datamesh::mesh {

// Why something does not hold: a CamelCase reason and a sentence that says what to do. Empty reason: it holds.
struct Objection {
  std::string reason, message;
  bool terminal = false;  // waits for its own spec to change (Stalled), not for something else to appear
  explicit operator bool() const { return !reason.empty(); }
  bool operator==(const Objection&) const = default;
};

struct PortVerdict {
  std::string name, version;
  PortKey key;
  std::string backend;       // where it is served from; empty: undecided
  Objection objection;       // BackendNotFound, BackendNotAllowed, ContractNotFound, ContractInvalid, PortClaimed,
                             // PortTypeUnsupported, ...
  std::optional<Port> port;  // set when there is no objection
  std::int64_t subscriptions = 0;  // active ones
};

struct ProductVerdict {
  std::string domain;   // name of the owning Domain; empty: none
  Objection objection;  // of the product as a whole: DomainNotFound, NamespaceNotOwned, QuotaExceeded, Invalid
  Objection contract;   // ContractValid=False
  Objection policy;     // PolicyCompliant=False
  std::vector<PortVerdict> ports;
  std::vector<ObjectKey> blocking;  // active subscriptions of other teams: why deletionPolicy Delete cannot proceed
  bool provisioned_wanted = false;  // its lifecycle asks for provisioning (not proposed, draft, retired)
};

struct SubscriptionVerdict {
  api::Phase phase =
      api::Phase::Pending;      // Pending | Approved | Rejected | Expired | Revoked; Active is an observation
  Objection approved;           // Approved=False: AwaitingApproval, Rejected, DeniedByPolicy, Expired, ...
  std::string approved_reason;  // when approved: ApprovedByPolicy | ApprovedByProvider
  Objection objection;          // PortNotFound, DataProductNotFound, RoleNotFound, DomainNotFound, ...
  std::vector<api::ApprovalRecord> approvals;
  std::vector<std::string> roles;  // after defaulting
  std::string consumer_domain;
  std::string backend;
  std::optional<Port> port;             // of the provider, when it can be resolved
  std::optional<Access> access;         // set exactly when access is to be given now
  std::optional<WallTime> next_change;  // when time alone may change this verdict
};

struct ApprovalVerdict {
  // SubscriptionNotFound, NotTheProvider, DoesNotCover, NotEntitled, Expired; empty: it counts
  Objection applied;
  std::optional<WallTime> next_change;
};

struct DomainVerdict {
  Objection objection;                  // Invalid, NamespaceTaken, ParentNotFound, BackendNotFound
  std::vector<std::string> namespaces;  // that it owns
  std::vector<std::string> backends;    // where it needs an account: products, subscriptions or members
  std::int64_t data_products = 0, subscriptions = 0;
  std::vector<std::string> blocking;  // "DataProduct sales/orders", ...: why it cannot go yet
};

struct ContractVerdict {
  Objection objection;
  std::int64_t ports = 0;
};

struct BackendVerdict {
  Objection objection;               // Invalid, EngineUnknown
  std::vector<std::string> used_by;  // "DataProduct sales/orders": why it cannot go yet
};

struct PolicyVerdict {
  Objection objection;
  std::vector<std::string> not_acted_on;
};

ProductVerdict evaluate_product(const Catalog& catalog, const ObjectKey& product, WallTime now);
SubscriptionVerdict evaluate_subscription(const Catalog& catalog, const ObjectKey& subscription, WallTime now);
ApprovalVerdict evaluate_approval(const Catalog& catalog, const ObjectKey& approval, WallTime now);
DomainVerdict evaluate_domain(const Catalog& catalog, const ObjectKey& domain, WallTime now);
ContractVerdict evaluate_contract(const Catalog& catalog, const ObjectKey& contract, WallTime now);
BackendVerdict evaluate_backend(const Catalog& catalog, const ObjectKey& backend, WallTime now);
PolicyVerdict evaluate_policy(const Catalog& catalog, const ObjectKey& policy, WallTime now);

// Everything `backend` should serve at `now`; with `scope`, only what those owners (Domains, DataProducts,
// Subscriptions) need. Deterministic. What must be known to be absent is absent; what is not understood is `held`.
Workload compile(const Catalog& catalog, const std::string& backend, WallTime now,
                 const std::set<ObjectKey>* scope = nullptr);

// What is wrong with writing `after` over `before` (either may be null: create, delete), beyond what one document alone
// can show: deleting what others use, a breaking contract change under active subscriptions (naming subscribers and
// columns), a port on a backend the domain may not use, more than a Domain's quota, an Approval from outside the
// provider's namespace or in somebody else's name, immutable fields. The server asks before it stores; the words are
// the users'.
// `user`: who asks. A member of a Domain's team approves in no other name than the own; whoever is no member (an
// applier of what is in Git, an administrator) passes on what was decided elsewhere. Empty: nobody in particular.
std::vector<api::Problem> admit(const Catalog& catalog, const nlohmann::json* before, const nlohmann::json* after,
                                WallTime now, std::string_view user = {});

}  // namespace datamesh::mesh

#pragma once
// Where a port stands: its product, domain, contract, backend and the rules over it. The steps that the verdicts and
// compile() share, so that they cannot disagree. Internal to this folder; valid while the catalog is not changed.

#include <string>
#include <vector>

#include "mesh/evaluate.hpp"

namespace datamesh::mesh {

// What the Policies say about one port at one time.
struct Rules {
  std::optional<api::ApprovalRule> approval;  // the strictest; empty: none says
  std::vector<std::string> approval_by;       // names of the Policies that say so
  int levels = 1;
  std::optional<std::chrono::milliseconds> max_duration;
  std::vector<const api::Obligation*> hides;
  std::optional<WallTime> next_change;
};

struct PortView {
  const api::OutputPort* port = nullptr;
  PortKey key;
  PortType type = PortType::Tables;
  std::string backend;  // empty: undecided
  std::shared_ptr<const api::DataContract> contract;
  Objection objection;
  Objection contract_objection;  // a part of it: what ContractValid says
  Rules rules;
  std::vector<PortRole> roles;  // in the contract's order; empty when there is an objection

  const PortRole* role(std::string_view name) const;
};

struct ProductView {
  std::shared_ptr<const api::DataProduct> product;
  std::shared_ptr<const api::Domain> domain;
  Objection objection;
  bool wanted = false;              // its lifecycle asks for provisioning, and it is not on its way out
  std::vector<ObjectKey> blocking;  // why it cannot go yet, though deleted
  std::vector<PortView> ports;      // as declared, for the ports asked for
};

ObjectKey key_of(const api::DataProduct& product);
ObjectKey key_of(const api::Subscription& subscription);

// Which of its ports: all, those that are or may be on a backend, or the one with a name and major.
struct PortFilter {
  const std::string* backend = nullptr;
  const api::PortRef* port = nullptr;
};
ProductView view_of(const Catalog& catalog, std::shared_ptr<const api::DataProduct> product, WallTime now,
                    const PortFilter& filter = {});

// The backend a port is served from; empty with the objection that says why not.
std::string backend_of(const Catalog& catalog, const api::Domain& domain, const api::OutputPort& port,
                       Objection& objection);
bool may_use(const api::Domain& domain, const api::Backend& backend);
std::optional<PortType> port_type(std::string_view text);
bool engine_is_known(std::string_view engine);

std::shared_ptr<const api::DataContract> contract_of(const Catalog& catalog, const api::DataProduct& product,
                                                     const api::OutputPort& port);

// Its contractId is not the id of the contract that its contractRef names (ContractMismatch).
Objection contract_id_objection(const Catalog& catalog, const api::DataProduct& product, const api::OutputPort& port);

Rules rules_for(const Catalog& catalog, const std::string& domain, const api::DataProduct& product,
                const api::DataContract& contract, WallTime now);

// What a subscription comes to, given its provider's view (with at least the port it names; null: no such product).
struct Decision {
  SubscriptionVerdict verdict;  // without `port`
  bool held = false;            // approved, but what it needs is not known: what it has stays
};
Decision decide(const Catalog& catalog, const api::Subscription& subscription, const ProductView* provider,
                WallTime now);
const PortView* find_port(const ProductView& product, const api::PortRef& ref);

// The neutral port of a view without objection.
Port make_port(const ProductView& product, const PortView& view);

std::optional<WallTime> earlier(std::optional<WallTime> a, std::optional<WallTime> b);
std::string list_of(const std::vector<std::string>& words);  // "a, b"

}  // namespace datamesh::mesh

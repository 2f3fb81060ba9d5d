#pragma once
// All declarations, typed and indexed by what compile() and the statuses ask. A plain data structure: no threads, no
// I/O, no clock; its owner guards it with one lock. Look-ups cost a hash or a tree step, never a scan of a kind.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/backend.hpp"
#include "api/data_contract.hpp"
#include "api/data_product.hpp"
#include "api/domain.hpp"
#include "api/policy.hpp"
#include "api/subscription.hpp"
#include "controller/core/ids.hpp"
#include "mesh/workload.hpp"

namespace datamesh::mesh {

// What a change may have touched. Over-approximating is allowed, missing something is not.
struct Dirty {
  std::set<ObjectKey> objects;  // statuses to evaluate again (the changed object included)
  // Owners to look at on a backend: Domains, DataProducts, Subscriptions. Both the backends before and after.
  std::map<std::string, std::set<ObjectKey>> owners;
  std::set<std::string> whole;  // backends where everything may have changed (a Policy, the Backend itself)

  void merge(const Dirty& other);
};

class Catalog {
 public:
  Catalog();
  ~Catalog();
  Catalog(Catalog&&) noexcept;

  // Puts what was decoded. A status-only change (equal spec, labels, annotations, finalizers, deletion) dirties only
  // the object itself.
  Dirty put(api::Backend value);
  Dirty put(api::Domain value);
  Dirty put(api::DataProduct value);
  Dirty put(api::DataContract value);
  Dirty put(api::Subscription value);
  Dirty put(api::Approval value);
  Dirty put(api::Policy value);
  // The newest version of `key` cannot be decoded. What was known stays in force. Where nothing ever was, the owner is
  // held (Workload::held).
  Dirty put_invalid(const ObjectKey& key, std::string why);
  Dirty remove(const ObjectKey& key);
  // The credential that a Secret in the cluster holds for a principal; "" takes it away.
  Dirty put_credential(const ObjectKey& principal, std::string version);
  std::string credential_version(const ObjectKey& principal) const;

  // nullptr: not there, or never understood. Kinds by name: "Backend", "Domain", ...
  std::shared_ptr<const api::Backend> backend(std::string_view name) const;
  std::shared_ptr<const api::Domain> domain(std::string_view name) const;
  std::shared_ptr<const api::DataProduct> product(std::string_view ns, std::string_view name) const;
  std::shared_ptr<const api::DataContract> contract(std::string_view ns, std::string_view name) const;
  std::shared_ptr<const api::Subscription> subscription(std::string_view ns, std::string_view name) const;
  std::shared_ptr<const api::Approval> approval(std::string_view ns, std::string_view name) const;
  std::shared_ptr<const api::Policy> policy(std::string_view name) const;
  // Why the newest version is not understood; "" if it is.
  std::string invalid(const ObjectKey& key) const;
  // Sorted; those that were never understood included.
  std::vector<ObjectKey> keys(std::string_view kind) const;
  // Those of which no version was ever understood.
  const std::set<ObjectKey>& never_understood() const;
  const std::map<std::string, std::shared_ptr<const api::Backend>, std::less<>>& backends() const;
  const std::map<std::string, std::shared_ptr<const api::Domain>, std::less<>>& domains() const;
  const std::map<std::string, std::shared_ptr<const api::Policy>, std::less<>>& policies() const;

  // The domain that owns a namespace. Where several claim it, the oldest (then the first by name) has it.
  std::shared_ptr<const api::Domain> domain_of_namespace(std::string_view ns) const;
  std::vector<std::string> namespaces_of(const api::Domain& domain) const;  // of those it lists: those it has
  // Of the contracts with this ODCS id in a namespace the first by name.
  std::shared_ptr<const api::DataContract> contract_by_id(std::string_view ns, std::string_view id) const;
  // The product that owns a port name of a domain: two products cannot share one. Oldest, then first by name, wins.
  // Only `domain` and `port` of the key count; proposed and draft products claim nothing.
  std::optional<ObjectKey> claimant(const PortKey& key) const;
  std::vector<std::shared_ptr<const api::DataProduct>> products_with_port(std::string_view domain,
                                                                          std::string_view port) const;

  std::vector<std::shared_ptr<const api::Subscription>> subscriptions_to(const ObjectKey& product) const;
  std::vector<std::shared_ptr<const api::Subscription>> subscriptions_of_domain(std::string_view consumer_domain) const;
  std::vector<std::shared_ptr<const api::Approval>> approvals_for(const ObjectKey& subscription) const;
  std::vector<std::shared_ptr<const api::DataProduct>> products_using_contract(const ObjectKey& contract) const;
  // Those that name it by name, or by nothing but its id.
  std::vector<std::shared_ptr<const api::DataProduct>> products_naming_contract(std::string_view ns,
                                                                                std::string_view name,
                                                                                std::string_view id) const;
  // Those with a port that names it, or names none (evaluate_product says where those are served from).
  std::vector<std::shared_ptr<const api::DataProduct>> products_on_backend(std::string_view backend) const;
  std::vector<std::shared_ptr<const api::DataProduct>> products_of_domain(std::string_view domain) const;
  std::vector<std::shared_ptr<const api::DataProduct>> products_in(std::string_view ns) const;
  std::vector<std::shared_ptr<const api::Subscription>> subscriptions_in(std::string_view ns) const;
  std::size_t count_products(const api::Domain& domain) const;
  std::size_t count_subscriptions(const api::Domain& domain) const;
  // Whether `is` holds for one of the products of a namespace that have a port that names the backend ("": names none).
  bool any_on_backend(std::string_view ns, std::string_view backend,
                      const std::function<bool(const api::DataProduct&)>& is) const;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace datamesh::mesh

// All declarations, as one backend has to serve them.

#include <algorithm>
#include <unordered_map>

#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

class Compiler {
 public:
  Compiler(const Catalog& catalog, const std::string& backend, WallTime now)
      : catalog_(catalog), backend_(backend), now_(now) {
    workload_.backend = backend;
  }

  Workload everything() {
    for (const ObjectKey& key : catalog_.never_understood()) hold_unknown(key);
    for (const auto& product : catalog_.products_on_backend(backend_)) {
      const ProductView view = view_of(catalog_, product, now_, {&backend_, nullptr});
      add_product(view);
      if (!view.wanted) continue;
      for (const auto& subscription : catalog_.subscriptions_to(key_of(*product)))
        add_access(*subscription, &view, false);
    }
    for (const auto& [name, domain] : catalog_.domains())
      if (listed_for_members(*domain)) domains_.insert(name);
    return finish();
  }

  Workload only(const std::set<ObjectKey>& scope) {
    std::set<std::string> in_scope;
    for (const ObjectKey& key : scope) {
      if (catalog_.never_understood().contains(key)) hold_unknown(key);
      if (key.kind == "Domain") in_scope.insert(key.name);
      if (key.kind == "DataProduct")
        if (const auto product = catalog_.product(key.ns, key.name)) add_product(provider_view(product));
      if (key.kind != "Subscription") continue;
      if (const auto domain = catalog_.domain_of_namespace(key.ns)) in_scope.insert(domain->metadata.name);
      if (const auto subscription = catalog_.subscription(key.ns, key.name)) add_access_of(*subscription);
    }
    for (const std::string& name : in_scope) add_domain_in_scope(name);
    // What was added uses other domains as well, which are not asked for.
    for (auto* names : {&domains_, &doubtful_domains_})
      std::erase_if(*names, [&](const std::string& name) { return !in_scope.contains(name); });
    return finish();
  }

 private:
  void hold_unknown(const ObjectKey& key) {
    workload_.held.insert(key);
    if (key.kind != "DataProduct") return;
    for (const auto& subscription : catalog_.subscriptions_to(key)) add_access(*subscription, nullptr, false);
  }

  bool listed_for_members(const api::Domain& domain) const {
    if (domain.members.empty() || std::ranges::find(domain.backends, backend_) == domain.backends.end()) return false;
    const auto backend = catalog_.backend(backend_);
    return backend && may_use(domain, *backend);
  }

  bool is_here(const PortView& port) const {
    return port.backend == backend_ || (port.backend.empty() && port.port->backend.empty());
  }

  // Its ports here. One that is in doubt holds what the product has.
  void add_product(const ProductView& view) {
    if (!view.wanted) return;
    for (const PortView& port : view.ports) {
      if (!is_here(port)) continue;
      if (port.objection)
        workload_.held.insert(key_of(*view.product));
      else
        add_port(view, port);
      if (view.domain) (port.backend.empty() ? doubtful_domains_ : domains_).insert(view.domain->metadata.name);
    }
  }

  void add_port(const ProductView& view, const PortView& port) {
    if (ports_.insert(port.key).second) workload_.ports.push_back(make_port(view, port));
  }

  // Next to it, another port of the product may be in doubt: as add_product() would say.
  void add_port_of_access(const ProductView& view, const PortView& port) {
    add_port(view, port);
    for (const PortView& other : view.ports)
      if (is_here(other) && other.objection) workload_.held.insert(key_of(*view.product));
  }

  void add_access(const api::Subscription& subscription, const ProductView* view, bool with_port) {
    const PortView* port = view ? find_port(*view, subscription.output_port) : nullptr;
    if (view && (!port || !is_here(*port))) return;
    if (accesses_.contains(key_of(subscription))) return;
    Decision decision = decide(catalog_, subscription, view, now_);
    if (decision.held) workload_.held.insert(key_of(subscription));
    if (decision.verdict.access) {
      accesses_.insert(key_of(subscription));
      workload_.accesses.push_back(std::move(*decision.verdict.access));
      if (with_port) add_port_of_access(*view, *port);
    }
    if (!decision.verdict.access && !decision.held) return;
    const bool decided = port && port->backend == backend_;
    (decided ? domains_ : doubtful_domains_).insert(decision.verdict.consumer_domain);
  }

  const ProductView& provider_view(const std::shared_ptr<const api::DataProduct>& product) {
    const auto [found, fresh] = views_.try_emplace(product.get());
    if (fresh) found->second = view_of(catalog_, product, now_, {&backend_, nullptr});
    return found->second;
  }

  void add_access_of(const api::Subscription& subscription) {
    if (const auto product = catalog_.product(subscription.product.ns, subscription.product.name))
      add_access(subscription, &provider_view(product), true);
    else
      add_access(subscription, nullptr, true);
  }

  void add_domain_in_scope(const std::string& name) {
    const auto domain = catalog_.domain(name);
    if (!domain) return;
    for (const auto& subscription : catalog_.subscriptions_of_domain(name)) add_access_of(*subscription);
    if (domains_.contains(name)) return;
    if (listed_for_members(*domain) || provides(*domain, backend_)) domains_.insert(name);
    if (provides(*domain, "")) doubtful_domains_.insert(name);
  }

  // Whether a product of the domain has a port here; with "", one that is undecided.
  bool provides(const api::Domain& domain, const std::string& where) const {
    const auto here = [&](const api::DataProduct& product) {
      const auto found = catalog_.product(product.metadata.ns, product.metadata.name);
      const ProductView view = view_of(catalog_, found, now_, {&backend_, nullptr});
      return view.wanted && std::ranges::any_of(view.ports, [&](const PortView& port) {
               return port.backend == where && is_here(port);
             });
    };
    return std::ranges::any_of(catalog_.namespaces_of(domain), [&](const std::string& ns) {
      return catalog_.any_on_backend(ns, where, here) || (!where.empty() && catalog_.any_on_backend(ns, "", here));
    });
  }

  DomainUse use_of(const api::Domain& domain) const {
    DomainUse use{{"Domain", "", domain.metadata.name}, domain.metadata.name, {}};
    for (const api::TeamMember& member : domain.members) {
      const bool producer = member.role == api::TeamRole::Owner || member.role == api::TeamRole::Developer;
      const ObjectKey principal = member_principal(domain.metadata.name, backend_, member.username);
      use.members.push_back({member.username, producer, catalog_.credential_version(principal)});
    }
    std::ranges::sort(use.members, {}, &Member::username);
    return use;
  }

  Workload finish() {
    for (const std::string& name : domains_)
      if (const auto domain = catalog_.domain(name)) workload_.domains.push_back(use_of(*domain));
    // Whose port may be here or not: neither made nor taken away for that.
    for (const std::string& name : doubtful_domains_)
      if (!name.empty() && !domains_.contains(name)) workload_.held.insert({"Domain", "", name});
    std::ranges::sort(workload_.ports, {}, &Port::key);
    std::ranges::sort(workload_.accesses, {}, &Access::subscription);
    return std::move(workload_);
  }

  const Catalog& catalog_;
  const std::string& backend_;
  WallTime now_;
  Workload workload_;
  std::set<std::string> domains_, doubtful_domains_;
  std::set<PortKey> ports_;
  std::set<ObjectKey> accesses_;
  std::unordered_map<const api::DataProduct*, ProductView> views_;
};

}  // namespace

Workload compile(const Catalog& catalog, const std::string& backend, WallTime now, const std::set<ObjectKey>* scope) {
  Compiler compiler(catalog, backend, now);
  return scope ? compiler.only(*scope) : compiler.everything();
}

}  // namespace datamesh::mesh

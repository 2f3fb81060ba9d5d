#include "mesh/evaluate.hpp"

#include <algorithm>

#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

Objection invalid(const std::string& why) {
  return {"Invalid", why, true};
}

std::string words(const ObjectKey& key) {
  return key.kind + " " + (key.ns.empty() ? "" : key.ns + "/") + key.name;
}

// "sales" of a namespace it lists but does not own: who has it.
Objection namespace_objection(const Catalog& catalog, const api::Domain& domain) {
  for (const std::string& ns : domain.namespaces) {
    const auto owner = catalog.domain_of_namespace(ns);
    if (owner && owner->metadata.name != domain.metadata.name)
      return {"NamespaceTaken", "the namespace " + ns + " belongs to the Domain " + owner->metadata.name};
  }
  return {};
}

Objection parent_objection(const Catalog& catalog, const api::Domain& domain) {
  std::set<std::string> seen{domain.metadata.name};
  std::string parent = domain.parent;
  while (!parent.empty()) {
    if (!seen.insert(parent).second)
      return {"ParentCycle", "the Domain " + parent + " would be a part of itself: see spec.parent", true};
    const auto next = catalog.domain(parent);
    if (!next) return {"ParentNotFound", "there is no Domain " + parent + " (spec.parent)"};
    parent = next->parent;
  }
  return {};
}

Objection backends_objection(const Catalog& catalog, const api::Domain& domain) {
  for (const std::string& name : domain.backends) {
    const auto backend = catalog.backend(name);
    if (!backend) return {"BackendNotFound", "there is no Backend " + name + " (spec.backends)"};
    if (!may_use(domain, *backend))
      return {"BackendNotAllowed", "the Backend " + name + " is not open to the Domain " + domain.metadata.name};
  }
  return {};
}

std::set<std::string> backends_used(const Catalog& catalog, const api::Domain& domain, WallTime now) {
  std::set<std::string> used;
  if (!domain.members.empty())
    for (const std::string& name : domain.backends)
      if (const auto backend = catalog.backend(name); backend && may_use(domain, *backend)) used.insert(name);
  for (const auto& product : catalog.products_of_domain(domain.metadata.name)) {
    const ProductView view = view_of(catalog, product, now);
    for (const PortView& port : view.ports)
      if (view.wanted && !port.objection) used.insert(port.backend);
  }
  for (const auto& subscription : catalog.subscriptions_of_domain(domain.metadata.name)) {
    const auto verdict = evaluate_subscription(catalog, key_of(*subscription), now);
    if (verdict.access) used.insert(verdict.backend);
  }
  return used;
}

}  // namespace

ProductVerdict evaluate_product(const Catalog& catalog, const ObjectKey& key, WallTime now) {
  ProductVerdict verdict;
  const std::string why = catalog.invalid(key);
  const auto product = catalog.product(key.ns, key.name);
  if (!product) {
    verdict.objection = invalid(why.empty() ? "it does not exist" : why);
    return verdict;
  }
  const ProductView view = view_of(catalog, product, now);
  verdict.domain = view.domain ? view.domain->metadata.name : "";
  verdict.objection = why.empty() ? view.objection : invalid(why);
  verdict.blocking = view.blocking;
  verdict.provisioned_wanted = view.wanted;
  std::map<const PortView*, std::int64_t> active;
  for (const auto& subscription : catalog.subscriptions_to(key))
    if (decide(catalog, *subscription, &view, now).verdict.access) ++active[find_port(view, subscription->output_port)];
  for (const PortView& port : view.ports) {
    PortVerdict line{port.port->name, port.port->version, port.key, port.backend, port.objection, {}, active[&port]};
    if (!port.objection) line.port = make_port(view, port);
    if (port.contract_objection && !verdict.contract)
      verdict.contract = {port.contract_objection.reason,
                          "output port " + line.name + ": " + port.contract_objection.message,
                          port.contract_objection.terminal};
    verdict.ports.push_back(std::move(line));
  }
  return verdict;
}

SubscriptionVerdict evaluate_subscription(const Catalog& catalog, const ObjectKey& key, WallTime now) {
  const std::string why = catalog.invalid(key);
  const auto subscription = catalog.subscription(key.ns, key.name);
  if (!subscription) {
    SubscriptionVerdict verdict;
    verdict.objection = invalid(why.empty() ? "it does not exist" : why);
    verdict.approved = verdict.objection;
    return verdict;
  }
  std::optional<ProductView> provider;
  if (auto product = catalog.product(subscription->product.ns, subscription->product.name))
    provider = view_of(catalog, std::move(product), now, {nullptr, &subscription->output_port});
  SubscriptionVerdict verdict = decide(catalog, *subscription, provider ? &*provider : nullptr, now).verdict;
  if (!why.empty()) verdict.objection = invalid(why);
  const PortView* port = provider ? find_port(*provider, subscription->output_port) : nullptr;
  if (port && !port->objection) verdict.port = make_port(*provider, *port);
  return verdict;
}

DomainVerdict evaluate_domain(const Catalog& catalog, const ObjectKey& key, WallTime now) {
  DomainVerdict verdict;
  const std::string why = catalog.invalid(key);
  const auto domain = catalog.domain(key.name);
  if (!domain) {
    verdict.objection = invalid(why.empty() ? "it does not exist" : why);
    return verdict;
  }
  for (const auto check : {namespace_objection, parent_objection, backends_objection})
    if (!verdict.objection) verdict.objection = check(catalog, *domain);
  if (!why.empty()) verdict.objection = invalid(why);
  verdict.namespaces = catalog.namespaces_of(*domain);
  const auto used = backends_used(catalog, *domain, now);
  verdict.backends = {used.begin(), used.end()};
  for (const auto& product : catalog.products_of_domain(key.name)) verdict.blocking.push_back(words(key_of(*product)));
  for (const auto& one : catalog.subscriptions_of_domain(key.name)) verdict.blocking.push_back(words(key_of(*one)));
  verdict.data_products = static_cast<std::int64_t>(catalog.count_products(*domain));
  verdict.subscriptions = static_cast<std::int64_t>(catalog.count_subscriptions(*domain));
  return verdict;
}

ContractVerdict evaluate_contract(const Catalog& catalog, const ObjectKey& key, WallTime) {
  ContractVerdict verdict;
  if (const std::string why = catalog.invalid(key); !why.empty()) verdict.objection = invalid(why);
  const auto contract = catalog.contract(key.ns, key.name);
  if (!contract) {
    if (!verdict.objection) verdict.objection = invalid("it does not exist");
    return verdict;
  }
  for (const auto& product : catalog.products_using_contract(key))
    verdict.ports += std::ranges::count_if(
        product->output_ports, [&](const auto& port) { return contract_of(catalog, *product, port) == contract; });
  return verdict;
}

BackendVerdict evaluate_backend(const Catalog& catalog, const ObjectKey& key, WallTime) {
  BackendVerdict verdict;
  const auto backend = catalog.backend(key.name);
  if (const std::string why = catalog.invalid(key); !why.empty() || !backend) {
    verdict.objection = invalid(why.empty() ? "it does not exist" : why);
  } else if (!engine_is_known(backend->engine)) {
    verdict.objection = {"EngineUnknown",
                         "this version has no engine " + backend->engine + ": it has memory, nats, postgresql", true};
  }
  for (const auto& product : catalog.products_on_backend(key.name)) {
    const auto domain = catalog.domain_of_namespace(product->metadata.ns);
    const bool uses = std::ranges::any_of(product->output_ports, [&](const auto& port) {
      Objection ignored;
      return port.backend == key.name || (domain && backend_of(catalog, *domain, port, ignored) == key.name);
    });
    if (uses) verdict.used_by.push_back(words(key_of(*product)));
  }
  return verdict;
}

PolicyVerdict evaluate_policy(const Catalog& catalog, const ObjectKey& key, WallTime) {
  PolicyVerdict verdict;
  const auto policy = catalog.policy(key.name);
  if (const std::string why = catalog.invalid(key); !why.empty() || !policy)
    verdict.objection = invalid(why.empty() ? "it does not exist" : why);
  if (policy) verdict.not_acted_on = api::not_acted_on(*policy);
  return verdict;
}

}  // namespace datamesh::mesh

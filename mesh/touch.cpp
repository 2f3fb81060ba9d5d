// What a change may have touched: statuses to evaluate again, and owners to look at on the backends that serve them.

#include <algorithm>

#include "mesh/index.hpp"
#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

class Toucher {
 public:
  Toucher(const Catalog& catalog, Dirty& dirty) : catalog_(catalog), dirty_(dirty) {}

  void subscription(const api::Subscription& it) {
    const ObjectKey key = key_of(it);
    if (!subscriptions_.insert(key).second) return;
    dirty_.objects.insert(key);
    for (const auto& approval : catalog_.approvals_for(key)) dirty_.objects.insert(approval_key(*approval));
    const auto consumer = catalog_.domain_of_namespace(it.metadata.ns);
    if (consumer) {
      dirty_.objects.insert({"Domain", "", consumer->metadata.name});
      const auto quota = consumer->quota_subscriptions;
      if (quota && static_cast<std::int64_t>(catalog_.count_subscriptions(*consumer)) > *quota)
        for (const auto& other : catalog_.subscriptions_of_domain(consumer->metadata.name)) subscription(*other);
    }
    const auto product = catalog_.product(it.product.ns, it.product.name);
    if (!product) {
      if (catalog_.never_understood().contains({"DataProduct", it.product.ns, it.product.name})) {
        owner_everywhere(key);
        if (consumer) owner_everywhere({"Domain", "", consumer->metadata.name});
      }
      return;
    }
    dirty_.objects.insert(key_of(*product));
    const auto provider = catalog_.domain_of_namespace(product->metadata.ns);
    for (const api::OutputPort& port : product->output_ports) {
      if (port.name != it.output_port.name || api::major_of(port.version) != api::major_of(it.output_port.version))
        continue;
      const auto add = [&](const std::string& backend) {
        auto& owners = dirty_.owners[backend];
        owners.insert(key);
        if (consumer) owners.insert({"Domain", "", consumer->metadata.name});
        // A product that goes waits for its subscribers.
        if (product->metadata.deletion_time) owners.insert(key_of(*product));
      };
      const std::string backend = served_from(provider.get(), port);
      if (!backend.empty())
        add(backend);
      else
        for (const auto& [name, undecided] : catalog_.backends()) add(name);
    }
  }

  void product(const api::DataProduct& it) {
    const ObjectKey key = key_of(it);
    if (!products_.insert(key).second) return;
    dirty_.objects.insert(key);
    const auto domain = catalog_.domain_of_namespace(it.metadata.ns);
    if (domain) dirty_.objects.insert({"Domain", "", domain->metadata.name});
    for (const api::OutputPort& port : it.output_ports) {
      if (const auto contract = contract_of(catalog_, it, port))
        dirty_.objects.insert({"DataContract", contract->metadata.ns, contract->metadata.name});
      const std::string backend = served_from(domain.get(), port);
      if (backend.empty()) {  // undecided: in doubt everywhere
        owner_everywhere(key);
        if (domain) owner_everywhere({"Domain", "", domain->metadata.name});
        continue;
      }
      dirty_.owners[backend].insert(key);
      if (domain && first_use(*domain, it, backend))
        dirty_.owners[backend].insert({"Domain", "", domain->metadata.name});
      if (const auto served = catalog_.backend(backend); served && served->metadata.deletion_time)
        dirty_.objects.insert({"Backend", "", backend});
    }
    for (const auto& one : catalog_.subscriptions_to(key)) subscription(*one);
    if (domain) rivals(it, *domain);
  }

  void domain(const api::Domain& it) {
    const ObjectKey key{"Domain", "", it.metadata.name};
    dirty_.objects.insert(key);
    for (const auto& [name, other] : catalog_.domains()) {
      const bool related =
          other->parent == it.metadata.name || std::ranges::any_of(other->namespaces, [&](const auto& ns) {
            return std::ranges::find(it.namespaces, ns) != it.namespaces.end();
          });
      if (related) dirty_.objects.insert({"Domain", "", name});
      if (related && name != it.metadata.name) owner_everywhere({"Domain", "", name});
    }
    owner_everywhere(key);
    for (const std::string& ns : it.namespaces) in_namespace(ns);
  }

  void contract(const std::string& ns, const std::string& name, const std::string& id) {
    dirty_.objects.insert({"DataContract", ns, name});
    for (const auto& user : catalog_.products_naming_contract(ns, name, id)) product(*user);
  }

  void approval(const api::Approval& it) {
    dirty_.objects.insert(approval_key(it));
    const auto asked = catalog_.subscription(it.subscription_ref.ns, it.subscription_ref.name);
    if (asked) subscription(*asked);
  }

  void policy(const ObjectKey& key) {
    dirty_.objects.insert(key);
    for (const auto& [name, backend] : catalog_.backends()) dirty_.whole.insert(name);
    for (const char* kind : {"DataProduct", "Subscription"})
      for (ObjectKey& other : catalog_.keys(kind)) dirty_.objects.insert(std::move(other));
  }

  void backend(const ObjectKey& key) {
    dirty_.objects.insert(key);
    dirty_.whole.insert(key.name);
    for (const auto& one : catalog_.products_on_backend(key.name)) product(*one);
    for (const auto& [name, domain] : catalog_.domains()) dirty_.objects.insert({"Domain", "", name});
  }

 private:
  static ObjectKey approval_key(const api::Approval& it) { return {"Approval", it.metadata.ns, it.metadata.name}; }

  std::string served_from(const api::Domain* domain, const api::OutputPort& port) const {
    if (!port.backend.empty() || !domain) return port.backend;
    Objection ignored;
    return backend_of(catalog_, *domain, port, ignored);
  }

  // Whether without this product its domain would have nothing on the backend.
  bool first_use(const api::Domain& domain, const api::DataProduct& it, const std::string& backend) const {
    const auto another = [&](const api::DataProduct& other) {
      if (other.metadata.name == it.metadata.name && other.metadata.ns == it.metadata.ns) return false;
      if (other.metadata.deletion_time || (other.lifecycle != "active" && other.lifecycle != "deprecated"))
        return false;
      return std::ranges::any_of(other.output_ports,
                                 [&](const auto& port) { return served_from(&domain, port) == backend; });
    };
    return std::ranges::none_of(catalog_.namespaces_of(domain), [&](const std::string& ns) {
      return catalog_.any_on_backend(ns, backend, another) || catalog_.any_on_backend(ns, "", another);
    });
  }

  // Others that want one of its port names, or its place within the quota.
  void rivals(const api::DataProduct& it, const api::Domain& domain) {
    for (const api::OutputPort& port : it.output_ports)
      for (const auto& other : catalog_.products_with_port(domain.metadata.name, port.name)) product(*other);
    const auto quota = domain.quota_data_products;
    if (quota && static_cast<std::int64_t>(catalog_.count_products(domain)) > *quota)
      for (const auto& other : catalog_.products_of_domain(domain.metadata.name)) product(*other);
  }

  void in_namespace(const std::string& ns) {
    for (const auto& one : catalog_.products_in(ns)) product(*one);
    for (const auto& one : catalog_.subscriptions_in(ns)) subscription(*one);
  }

  void owner_everywhere(const ObjectKey& key) {
    for (const auto& [name, backend] : catalog_.backends()) dirty_.owners[name].insert(key);
  }

  const Catalog& catalog_;
  Dirty& dirty_;
  std::set<ObjectKey> products_;
  std::set<ObjectKey> subscriptions_;
};

}  // namespace

void touch(const Catalog& catalog, const api::Backend& value, Dirty& dirty) {
  Toucher(catalog, dirty).backend({"Backend", "", value.metadata.name});
}
void touch(const Catalog& catalog, const api::Domain& value, Dirty& dirty) {
  Toucher(catalog, dirty).domain(value);
}
void touch(const Catalog& catalog, const api::DataProduct& value, Dirty& dirty) {
  Toucher(catalog, dirty).product(value);
}
void touch(const Catalog& catalog, const api::DataContract& value, Dirty& dirty) {
  Toucher(catalog, dirty).contract(value.metadata.ns, value.metadata.name, value.id);
}
void touch(const Catalog& catalog, const api::Subscription& value, Dirty& dirty) {
  Toucher(catalog, dirty).subscription(value);
}
void touch(const Catalog& catalog, const api::Approval& value, Dirty& dirty) {
  Toucher(catalog, dirty).approval(value);
}
void touch(const Catalog& catalog, const api::Policy& value, Dirty& dirty) {
  Toucher(catalog, dirty).policy({"Policy", "", value.metadata.name});
}

void touch(const Catalog& catalog, const ObjectKey& key, Dirty& dirty) {
  Toucher toucher(catalog, dirty);
  if (key.kind == "Backend") return toucher.backend(key);
  if (key.kind == "Policy") return toucher.policy(key);
  if (key.kind == "DataContract") {
    const auto it = catalog.contract(key.ns, key.name);
    toucher.contract(key.ns, key.name, it ? it->id : "");
  } else if (key.kind == "Domain") {
    if (const auto it = catalog.domain(key.name)) toucher.domain(*it);
  } else if (key.kind == "DataProduct") {
    if (const auto it = catalog.product(key.ns, key.name)) return toucher.product(*it);
    for (const auto& one : catalog.subscriptions_to(key)) toucher.subscription(*one);
  } else if (key.kind == "Subscription") {
    if (const auto it = catalog.subscription(key.ns, key.name)) toucher.subscription(*it);
  } else if (key.kind == "Approval") {
    if (const auto it = catalog.approval(key.ns, key.name)) toucher.approval(*it);
  }
}

}  // namespace datamesh::mesh

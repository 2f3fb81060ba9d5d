#include "mesh/resolve.hpp"

#include <algorithm>
#include <array>

#include "mesh/index.hpp"

namespace datamesh::mesh {
namespace {

constexpr std::array kPortTypes{PortType::Tables, PortType::Documents, PortType::KeyValue,
                                PortType::Topic,  PortType::Files,     PortType::Api};

struct Offer {
  std::string_view engine;
  std::vector<PortType> types;
};
const std::vector<Offer>& offers() {
  static const std::vector<Offer> all = {
      {"memory", {PortType::Tables, PortType::Topic}}, {"nats", {PortType::Topic}}, {"postgresql", {PortType::Tables}}};
  return all;
}

bool serves(const api::Backend& backend, PortType type) {
  return std::ranges::any_of(offers(), [&](const Offer& offer) {
    return offer.engine == backend.engine && std::ranges::find(offer.types, type) != offer.types.end();
  });
}

std::string engines_that_serve(PortType type) {
  std::vector<std::string> names;
  for (const Offer& offer : offers())
    if (std::ranges::find(offer.types, type) != offer.types.end()) names.emplace_back(offer.engine);
  return names.empty() ? "no engine of this version serves it" : "it is served by " + list_of(names);
}

bool over_quota(const Catalog& catalog, const api::DataProduct& product, const api::Domain& domain) {
  if (!domain.quota_data_products) return false;
  const std::int64_t quota = *domain.quota_data_products;
  if (static_cast<std::int64_t>(catalog.count_products(domain)) <= quota) return false;
  const auto all = catalog.products_of_domain(domain.metadata.name);
  const auto before =
      std::ranges::count_if(all, [&](const auto& other) { return older(other->metadata, product.metadata); });
  return before >= quota;
}

Objection product_objection(const Catalog& catalog, const api::DataProduct& product, const api::Domain* domain) {
  const std::string& ns = product.metadata.ns;
  if (!domain)
    return {"DomainNotFound", "no Domain has the namespace " + ns + ": add it to the spec.namespaces of one"};
  if (!product.domain.empty() && product.domain != domain->metadata.name)
    return {"NamespaceNotOwned", "spec.domain is " + product.domain + ", but the namespace " + ns +
                                     " belongs to the Domain " + domain->metadata.name};
  if (over_quota(catalog, product, *domain))
    return {"QuotaExceeded", "the Domain " + domain->metadata.name + " may have " +
                                 std::to_string(*domain->quota_data_products) +
                                 " data products (spec.quota.dataProducts)"};
  return {};
}

// `known`: the domain's claimant of this port name, if it is not the product itself.
Objection claim_objection(const Catalog& catalog, const ProductView& product, const PortView& view) {
  const auto holder = catalog.claimant(view.key);
  if (!holder || *holder == key_of(*product.product)) return {};
  return {"PortClaimed", "the port name " + view.key.port + " of the Domain " + view.key.domain +
                             " belongs to DataProduct " + holder->ns + "/" + holder->name + ": choose another name"};
}

Objection contract_problem(const Catalog& catalog, const api::DataProduct& product, const PortView& view) {
  const api::OutputPort& port = *view.port;
  const std::string& ns = product.metadata.ns;
  if (port.contract_ref.empty() && port.contract_id.empty())
    return {"ContractNotFound", "names no contract: set provisioning.contractRef.name or contractId", true};
  if (!view.contract) {
    const std::string why = catalog.invalid({"DataContract", ns, port.contract_ref});
    if (!why.empty()) return {"ContractInvalid", "DataContract " + ns + "/" + port.contract_ref + ": " + why};
    if (!port.contract_ref.empty())
      return {"ContractNotFound", "there is no DataContract " + port.contract_ref + " in the namespace " + ns};
    return {"ContractNotFound", "no DataContract in the namespace " + ns + " has the id " + port.contract_id};
  }
  if (Objection mismatch = contract_id_objection(catalog, product, port)) return mismatch;
  if (view.type == PortType::Tables) {
    const bool columns =
        !view.contract->schema.empty() &&
        std::ranges::none_of(view.contract->schema, [](const auto& table) { return table.properties.empty(); });
    if (!columns)
      return {"ContractInvalid", "DataContract " + ns + "/" + view.contract->metadata.name +
                                     ": a port of type tables needs a schema in which every table has properties"};
  }
  return {};
}

Readable readable_by(const api::ContractRole& role, const api::DataContract& contract, const Rules& rules) {
  const auto hidden = [&](const api::Property& column) {
    return std::ranges::any_of(rules.hides, [&](const api::Obligation* hide) {
      if (std::ranges::find(hide->unless_roles, role.role) != hide->unless_roles.end()) return false;
      const bool classified =
          hide->classifications.empty() ||
          std::ranges::find(hide->classifications, column.classification) != hide->classifications.end();
      const bool tagged = hide->tags.empty() || std::ranges::any_of(hide->tags, [&](const std::string& tag) {
                            return std::ranges::find(column.tags, tag) != column.tags.end();
                          });
      return classified && tagged;
    });
  };
  Readable readable;
  for (const api::SchemaObject& table : contract.schema) {
    std::set<std::string>* columns = nullptr;
    for (const api::Property& column : table.properties) {
      if (column.classification > role.max_classification || hidden(column)) continue;
      if (!columns) columns = &readable[table.physical_name];
      columns->insert(column.name);
    }
  }
  return readable;
}

void add_roles(PortView& view) {
  static const std::vector<api::ContractRole> reader{{"reader", "read", "", "", api::Classification::Internal}};
  const auto& roles = view.contract->roles.empty() ? reader : view.contract->roles;
  for (const api::ContractRole& role : roles)
    view.roles.push_back({role.role, readable_by(role, *view.contract, view.rules)});
}

PortView port_view(const Catalog& catalog, const ProductView& product, const api::OutputPort& port, WallTime now) {
  PortView view;
  view.port = &port;
  view.type = port_type(port.type).value_or(PortType::Tables);
  view.key = {product.domain ? product.domain->metadata.name : "", product.product->metadata.name, port.name,
              api::major_of(port.version).value_or(0)};
  view.contract = contract_of(catalog, *product.product, port);
  view.contract_objection = contract_problem(catalog, *product.product, view);
  if (!product.domain) {
    view.backend = port.backend;
    view.objection = product.objection;
    return view;
  }
  view.backend = backend_of(catalog, *product.domain, port, view.objection);
  if (view.contract_objection) view.objection = view.contract_objection;
  if (const Objection claimed = claim_objection(catalog, product, view)) view.objection = claimed;
  if (product.objection) view.objection = product.objection;
  if (!view.contract) return view;
  view.rules = rules_for(catalog, view.key.domain, *product.product, *view.contract, now);
  if (!view.objection) add_roles(view);
  return view;
}

// Active subscriptions of other teams to ports whose data would be deleted: they keep a product from going.
std::vector<ObjectKey> blockers(const Catalog& catalog, const api::DataProduct& product, WallTime now) {
  std::vector<ObjectKey> result;
  const bool deletes = std::ranges::any_of(
      product.output_ports, [](const auto& port) { return port.deletion_policy == api::DeletionPolicy::Delete; });
  if (!deletes) return result;
  api::DataProduct staying = product;
  staying.metadata.deletion_time.reset();
  const ProductView view = view_of(catalog, std::make_shared<const api::DataProduct>(std::move(staying)), now);
  for (const auto& subscription : catalog.subscriptions_to(key_of(product))) {
    const PortView* port = find_port(view, subscription->output_port);
    if (!port || port->port->deletion_policy != api::DeletionPolicy::Delete) continue;
    const Decision decision = decide(catalog, *subscription, &view, now);
    const bool other_team = decision.verdict.consumer_domain != port->key.domain;
    if (other_team && (decision.verdict.access || decision.held)) result.push_back(key_of(*subscription));
  }
  return result;
}

bool asked_for(const api::OutputPort& port, const PortFilter& filter) {
  if (filter.backend && !port.backend.empty() && port.backend != *filter.backend) return false;
  if (!filter.port) return true;
  return port.name == filter.port->name && api::major_of(port.version) == api::major_of(filter.port->version);
}

}  // namespace

const PortRole* PortView::role(std::string_view name) const {
  for (const PortRole& role : roles)
    if (role.name == name) return &role;
  return nullptr;
}

ObjectKey key_of(const api::DataProduct& product) {
  return {"DataProduct", product.metadata.ns, product.metadata.name};
}
ObjectKey key_of(const api::Subscription& subscription) {
  return {"Subscription", subscription.metadata.ns, subscription.metadata.name};
}

std::optional<PortType> port_type(std::string_view text) {
  for (const PortType type : kPortTypes)
    if (to_string(type) == text) return type;
  return std::nullopt;
}

bool engine_is_known(std::string_view engine) {
  return std::ranges::any_of(offers(), [&](const Offer& offer) { return offer.engine == engine; });
}

bool may_use(const api::Domain& domain, const api::Backend& backend) {
  const auto lists = [](const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
  };
  return lists(backend.domains, domain.metadata.name) && lists(domain.backends, backend.metadata.name);
}

std::string backend_of(const Catalog& catalog, const api::Domain& domain, const api::OutputPort& port,
                       Objection& objection) {
  const PortType type = port_type(port.type).value_or(PortType::Tables);
  if (!port.backend.empty()) {
    const auto backend = catalog.backend(port.backend);
    if (!backend) {
      const std::string why = catalog.invalid({"Backend", "", port.backend});
      objection = {"BackendNotFound",
                   why.empty() ? "there is no Backend " + port.backend : "Backend " + port.backend + ": " + why};
    } else if (!may_use(domain, *backend)) {
      objection = {"BackendNotAllowed", "the Domain " + domain.metadata.name + " may not use the Backend " +
                                            port.backend +
                                            ": see spec.backends of the one and spec.domains of the other"};
    } else if (!serves(*backend, type)) {
      objection = {"PortTypeUnsupported",
                   "the Backend " + port.backend + " (" + backend->engine + ") does not serve " +
                       std::string(to_string(type)) + ": " + engines_that_serve(type),
                   true};
    }
    return port.backend;
  }
  std::vector<std::string> fitting;
  for (const auto& [name, backend] : catalog.backends())
    if (may_use(domain, *backend) && serves(*backend, type)) fitting.push_back(name);
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty())
    objection = {"BackendNotFound", "the Domain " + domain.metadata.name + " may use no Backend that serves " +
                                        std::string(to_string(type)) + ": " + engines_that_serve(type)};
  else
    objection = {"BackendAmbiguous", "set provisioning.backend to one of " + list_of(fitting), true};
  return "";
}

std::shared_ptr<const api::DataContract> contract_of(const Catalog& catalog, const api::DataProduct& product,
                                                     const api::OutputPort& port) {
  if (!port.contract_ref.empty()) return catalog.contract(product.metadata.ns, port.contract_ref);
  if (!port.contract_id.empty()) return catalog.contract_by_id(product.metadata.ns, port.contract_id);
  return nullptr;
}

Objection contract_id_objection(const Catalog& catalog, const api::DataProduct& product, const api::OutputPort& port) {
  if (port.contract_ref.empty() || port.contract_id.empty()) return {};
  const auto contract = catalog.contract(product.metadata.ns, port.contract_ref);
  if (!contract || contract->id == port.contract_id) return {};
  return {"ContractMismatch", "must be " + contract->id + ", the id of the DataContract " + port.contract_ref +
                                  " that provisioning.contractRef names; contractId is " + port.contract_id};
}

ProductView view_of(const Catalog& catalog, std::shared_ptr<const api::DataProduct> product, WallTime now,
                    const PortFilter& filter) {
  ProductView view;
  view.product = std::move(product);
  const api::DataProduct& it = *view.product;
  view.domain = catalog.domain_of_namespace(it.metadata.ns);
  view.objection = product_objection(catalog, it, view.domain.get());
  view.wanted = it.lifecycle == "active" || it.lifecycle == "deprecated";
  if (it.metadata.deletion_time) {
    view.blocking = blockers(catalog, it, now);
    if (view.blocking.empty()) view.wanted = false;
  }
  for (const api::OutputPort& port : it.output_ports)
    if (asked_for(port, filter)) view.ports.push_back(port_view(catalog, view, port, now));
  return view;
}

const PortView* find_port(const ProductView& product, const api::PortRef& ref) {
  for (const PortView& view : product.ports)
    if (asked_for(*view.port, {nullptr, &ref})) return &view;
  return nullptr;
}

std::optional<WallTime> earlier(std::optional<WallTime> a, std::optional<WallTime> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace datamesh::mesh

#include "mesh/catalog.hpp"

#include <algorithm>

#include "mesh/index.hpp"

namespace datamesh::mesh {
namespace {

constexpr std::string_view kind_name(const api::Backend*) {
  return "Backend";
}
constexpr std::string_view kind_name(const api::Domain*) {
  return "Domain";
}
constexpr std::string_view kind_name(const api::DataProduct*) {
  return "DataProduct";
}
constexpr std::string_view kind_name(const api::DataContract*) {
  return "DataContract";
}
constexpr std::string_view kind_name(const api::Subscription*) {
  return "Subscription";
}
constexpr std::string_view kind_name(const api::Approval*) {
  return "Approval";
}
constexpr std::string_view kind_name(const api::Policy*) {
  return "Policy";
}

template <class T>
ObjectKey key_of(const T& value) {
  return {std::string(kind_name(&value)), value.metadata.ns, value.metadata.name};
}

// Whether nothing but the status, and what the server counts, differs.
template <class T>
bool only_status_differs(const T& before, const T& after) {
  T masked = after;
  masked.status = before.status;
  masked.metadata.resource_version = before.metadata.resource_version;
  masked.metadata.generation = before.metadata.generation;
  return masked == before;
}

// Answers the name under which the table keeps it.
template <class T>
const Name& assign(ByName<T>& table, const Name& name, std::shared_ptr<const T> value) {
  table.insert_or_assign(name.name, std::move(value));
  return name;
}
template <class T>
const Name& assign(Objects<T>& table, const Name& name, std::shared_ptr<const T> value) {
  return table.insert_or_assign(name, std::move(value)).first->first;
}

template <class T>
std::shared_ptr<const T> get(const ByName<T>& table, std::string_view, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}
template <class T>
std::shared_ptr<const T> get(const Objects<T>& table, std::string_view ns, std::string_view name) {
  const auto found = table.find(NameView(ns, name));
  return found == table.end() ? nullptr : found->second;
}

// Lists grow by doubling while they are read; here they stay for long.
template <class... Lists>
void fit(Lists&... lists) {
  (lists.shrink_to_fit(), ...);
}
void fit(api::DataContract& it) {
  for (api::SchemaObject& object : it.schema) fit(object.properties);
  fit(it.schema, it.roles, it.tags, it.status.conditions, it.metadata.finalizers);
}
void fit(api::DataProduct& it) {
  fit(it.output_ports, it.input_ports, it.tags, it.status.conditions, it.status.output_ports, it.metadata.finalizers);
}
void fit(api::Subscription& it) {
  for (auto& [table, columns] : it.status.readable) fit(columns);
  fit(it.roles, it.status.conditions, it.status.approvals, it.metadata.finalizers);
}
void fit(api::Approval& it) {
  fit(it.roles, it.status.conditions, it.metadata.finalizers);
}
void fit(api::Backend&) {}
void fit(api::Domain&) {}
void fit(api::Policy&) {}

// Puts a value in its table and its relations, and says what that may have touched.
template <class Tables, class TableOf, class T>
Dirty put_into(const Catalog& catalog, Tables& index, TableOf& table, T value) {
  const ObjectKey key = key_of(value);
  const Name name{key.ns, key.name};
  const std::shared_ptr<const T> before = get(table, key.ns, key.name);
  Dirty dirty;
  dirty.objects.insert(key);
  const bool was_invalid = index.invalid.erase(key) > 0;
  index.never_understood.erase(key);
  fit(value);
  auto after = std::make_shared<const T>(std::move(value));
  if (before && !was_invalid && only_status_differs(*before, *after)) {
    assign(table, name, std::shared_ptr<const T>(std::move(after)));
    return dirty;
  }
  // What both versions lead to, as things were and as they are.
  const auto touch_both = [&] {
    if (before) touch(catalog, *before, dirty);
    touch(catalog, *after, dirty);
  };
  touch_both();
  const Name& kept = assign(table, name, after);
  if (before) index.link(*before, kept, false);
  index.link(*after, kept, true);
  touch_both();
  return dirty;
}

template <class T>
void erase(ByName<T>& table, const Name& name) {
  table.erase(name.name);
}
template <class T>
void erase(Objects<T>& table, const Name& name) {
  table.erase(name);
}

template <class Tables, class TableOf>
void take_out(const Catalog& catalog, Tables& index, TableOf& table, const ObjectKey& key, Dirty& dirty) {
  const auto value = get(table, key.ns, key.name);
  if (!value) return;
  touch(catalog, *value, dirty);
  index.link(*value, {key.ns, key.name}, false);
  erase(table, {key.ns, key.name});
  touch(catalog, *value, dirty);
}

// The objects that a relation leads to, in the order of their names.
template <class T>
std::vector<std::shared_ptr<const T>> follow(const Relation& relation, NameView from, const Objects<T>& table) {
  std::vector<std::shared_ptr<const T>> result;
  const auto found = relation.find(from);
  if (found == relation.end()) return result;
  result.reserve(found->second.size());
  for (const Name* name : found->second)
    if (auto value = get(table, name->ns, name->name)) result.push_back(std::move(value));
  return result;
}

template <class T>
void append(std::vector<std::shared_ptr<const T>>& to, std::vector<std::shared_ptr<const T>> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

template <class T>
void sort_by_name(std::vector<std::shared_ptr<const T>>& values) {
  const auto name = [](const std::shared_ptr<const T>& value) {
    return NameView(value->metadata.ns, value->metadata.name);
  };
  std::ranges::sort(values, {}, name);
  const auto same = [&](const auto& a, const auto& b) { return name(a) == name(b); };
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
}

}  // namespace

void Dirty::merge(const Dirty& other) {
  objects.insert(other.objects.begin(), other.objects.end());
  for (const auto& [backend, keys] : other.owners) owners[backend].insert(keys.begin(), keys.end());
  whole.insert(other.whole.begin(), other.whole.end());
}

Catalog::Catalog() : index_(std::make_unique<Index>()) {}
Catalog::~Catalog() = default;
Catalog::Catalog(Catalog&&) noexcept = default;

Dirty Catalog::put(api::Backend value) {
  return put_into(*this, *index_, index_->backends, std::move(value));
}
Dirty Catalog::put(api::Domain value) {
  return put_into(*this, *index_, index_->domains, std::move(value));
}
Dirty Catalog::put(api::DataProduct value) {
  return put_into(*this, *index_, index_->products, std::move(value));
}
Dirty Catalog::put(api::DataContract value) {
  return put_into(*this, *index_, index_->contracts, std::move(value));
}
Dirty Catalog::put(api::Subscription value) {
  return put_into(*this, *index_, index_->subscriptions, std::move(value));
}
Dirty Catalog::put(api::Approval value) {
  return put_into(*this, *index_, index_->approvals, std::move(value));
}
Dirty Catalog::put(api::Policy value) {
  return put_into(*this, *index_, index_->policies, std::move(value));
}

Dirty Catalog::put_invalid(const ObjectKey& key, std::string why) {
  Dirty dirty;
  dirty.objects.insert(key);
  index_->invalid[key] = std::move(why);
  const auto known = [&]() -> bool {
    if (key.kind == "Backend") return backend(key.name) != nullptr;
    if (key.kind == "Domain") return domain(key.name) != nullptr;
    if (key.kind == "DataProduct") return product(key.ns, key.name) != nullptr;
    if (key.kind == "DataContract") return contract(key.ns, key.name) != nullptr;
    if (key.kind == "Subscription") return subscription(key.ns, key.name) != nullptr;
    if (key.kind == "Approval") return approval(key.ns, key.name) != nullptr;
    return policy(key.name) != nullptr;
  }();
  if (!known) {
    index_->never_understood.insert(key);
    for (const auto& [name, backend] : index_->backends) dirty.owners[name].insert(key);
  }
  touch(*this, key, dirty);
  return dirty;
}

Dirty Catalog::remove(const ObjectKey& key) {
  Dirty dirty;
  dirty.objects.insert(key);
  touch(*this, key, dirty);
  index_->invalid.erase(key);
  if (index_->never_understood.erase(key) > 0)
    for (const auto& [name, backend] : index_->backends) dirty.owners[name].insert(key);
  if (key.kind == "Backend") take_out(*this, *index_, index_->backends, key, dirty);
  if (key.kind == "Domain") take_out(*this, *index_, index_->domains, key, dirty);
  if (key.kind == "DataProduct") take_out(*this, *index_, index_->products, key, dirty);
  if (key.kind == "DataContract") take_out(*this, *index_, index_->contracts, key, dirty);
  if (key.kind == "Subscription") take_out(*this, *index_, index_->subscriptions, key, dirty);
  if (key.kind == "Approval") take_out(*this, *index_, index_->approvals, key, dirty);
  if (key.kind == "Policy") take_out(*this, *index_, index_->policies, key, dirty);
  touch(*this, key, dirty);
  return dirty;
}

Dirty Catalog::put_credential(const ObjectKey& principal, std::string version) {
  Dirty dirty;
  if (credential_version(principal) == version) return dirty;
  if (version.empty())
    index_->credentials.erase(principal);
  else
    index_->credentials[principal] = std::move(version);
  if (principal.kind == "Member") {
    const std::size_t at = principal.ns.find('@');
    const ObjectKey owner{"Domain", "", principal.ns.substr(0, at)};
    dirty.objects.insert(owner);
    if (at != std::string::npos) dirty.owners[principal.ns.substr(at + 1)].insert(owner);
  } else {
    dirty.objects.insert(principal);
    touch(*this, principal, dirty);
  }
  return dirty;
}

std::string Catalog::credential_version(const ObjectKey& principal) const {
  const auto found = index_->credentials.find(principal);
  return found == index_->credentials.end() ? "" : found->second;
}

std::shared_ptr<const api::Backend> Catalog::backend(std::string_view name) const {
  return get(index_->backends, "", name);
}
std::shared_ptr<const api::Domain> Catalog::domain(std::string_view name) const {
  return get(index_->domains, "", name);
}
std::shared_ptr<const api::DataProduct> Catalog::product(std::string_view ns, std::string_view name) const {
  return get(index_->products, ns, name);
}
std::shared_ptr<const api::DataContract> Catalog::contract(std::string_view ns, std::string_view name) const {
  return get(index_->contracts, ns, name);
}
std::shared_ptr<const api::Subscription> Catalog::subscription(std::string_view ns, std::string_view name) const {
  return get(index_->subscriptions, ns, name);
}
std::shared_ptr<const api::Approval> Catalog::approval(std::string_view ns, std::string_view name) const {
  return get(index_->approvals, ns, name);
}
std::shared_ptr<const api::Policy> Catalog::policy(std::string_view name) const {
  return get(index_->policies, "", name);
}

std::string Catalog::invalid(const ObjectKey& key) const {
  if (index_->invalid.empty()) return "";
  const auto found = index_->invalid.find(key);
  return found == index_->invalid.end() ? "" : found->second;
}

std::vector<ObjectKey> Catalog::keys(std::string_view kind) const {
  std::vector<ObjectKey> result;
  const auto add = [&](const auto& table) {
    for (const auto& [name, value] : table)
      result.push_back({std::string(kind), value->metadata.ns, value->metadata.name});
  };
  if (kind == "Backend") add(index_->backends);
  if (kind == "Domain") add(index_->domains);
  if (kind == "DataProduct") add(index_->products);
  if (kind == "DataContract") add(index_->contracts);
  if (kind == "Subscription") add(index_->subscriptions);
  if (kind == "Approval") add(index_->approvals);
  if (kind == "Policy") add(index_->policies);
  for (const ObjectKey& key : index_->never_understood)
    if (key.kind == kind) result.push_back(key);
  std::ranges::sort(result);
  return result;
}

const std::set<ObjectKey>& Catalog::never_understood() const {
  return index_->never_understood;
}
const ByName<api::Backend>& Catalog::backends() const {
  return index_->backends;
}
const ByName<api::Domain>& Catalog::domains() const {
  return index_->domains;
}
const ByName<api::Policy>& Catalog::policies() const {
  return index_->policies;
}

std::shared_ptr<const api::Domain> Catalog::domain_of_namespace(std::string_view ns) const {
  const auto found = index_->domains_claiming.find(NameView("", ns));
  if (found == index_->domains_claiming.end()) return nullptr;
  std::shared_ptr<const api::Domain> best;
  for (const Name& name : found->second) {
    auto candidate = domain(name.name);
    if (candidate && (!best || older(candidate->metadata, best->metadata))) best = std::move(candidate);
  }
  return best;
}

std::vector<std::string> Catalog::namespaces_of(const api::Domain& domain) const {
  std::vector<std::string> result;
  for (const std::string& ns : domain.namespaces) {
    const auto owner = domain_of_namespace(ns);
    if (owner && owner->metadata.name == domain.metadata.name) result.push_back(ns);
  }
  return result;
}

std::shared_ptr<const api::DataContract> Catalog::contract_by_id(std::string_view ns, std::string_view id) const {
  const auto found = index_->contracts_by_id.find(NameView(ns, id));
  if (found == index_->contracts_by_id.end()) return nullptr;
  return contract(ns, found->second.front()->name);
}

std::vector<std::shared_ptr<const api::DataProduct>> Catalog::products_with_port(std::string_view domain_name,
                                                                                 std::string_view port) const {
  std::vector<std::shared_ptr<const api::DataProduct>> result;
  if (const auto owner = domain(domain_name))
    for (const std::string& ns : namespaces_of(*owner))
      append(result, follow(index_->port_names, {ns, port}, index_->products));
  return result;
}

std::optional<ObjectKey> Catalog::claimant(const PortKey& key) const {
  auto all = products_with_port(key.domain, key.port);
  std::erase_if(all,
                [](const auto& product) { return product->lifecycle == "proposed" || product->lifecycle == "draft"; });
  const auto best =
      std::ranges::min_element(all, [](const auto& a, const auto& b) { return older(a->metadata, b->metadata); });
  return best == all.end() ? std::nullopt : std::optional(key_of(**best));
}

std::vector<std::shared_ptr<const api::Subscription>> Catalog::subscriptions_to(const ObjectKey& product) const {
  return follow(index_->subscriptions_to, {product.ns, product.name}, index_->subscriptions);
}

std::vector<std::shared_ptr<const api::Subscription>> Catalog::subscriptions_of_domain(
    std::string_view consumer_domain) const {
  std::vector<std::shared_ptr<const api::Subscription>> result;
  if (const auto owner = domain(consumer_domain))
    for (const std::string& ns : namespaces_of(*owner)) append(result, subscriptions_in(ns));
  return result;
}

std::vector<std::shared_ptr<const api::Approval>> Catalog::approvals_for(const ObjectKey& subscription) const {
  return follow(index_->approvals_for, {subscription.ns, subscription.name}, index_->approvals);
}

std::vector<std::shared_ptr<const api::DataProduct>> Catalog::products_using_contract(const ObjectKey& key) const {
  const auto known = contract(key.ns, key.name);
  return products_naming_contract(key.ns, key.name, known ? known->id : "");
}

std::vector<std::shared_ptr<const api::DataProduct>> Catalog::products_naming_contract(std::string_view ns,
                                                                                       std::string_view name,
                                                                                       std::string_view id) const {
  auto result = follow(index_->users_by_contract_name, {ns, name}, index_->products);
  auto by_id = follow(index_->users_by_contract_id, {ns, id}, index_->products);
  if (by_id.empty()) return result;
  append(result, std::move(by_id));
  sort_by_name(result);
  return result;
}

std::vector<std::shared_ptr<const api::DataProduct>> Catalog::products_on_backend(std::string_view backend) const {
  auto result = follow(index_->products_by_backend, {"", backend}, index_->products);
  auto undecided = follow(index_->products_by_backend, {"", ""}, index_->products);
  if (!undecided.empty()) {
    append(result, std::move(undecided));
    sort_by_name(result);
  }
  return result;
}

std::vector<std::shared_ptr<const api::DataProduct>> Catalog::products_of_domain(std::string_view name) const {
  std::vector<std::shared_ptr<const api::DataProduct>> result;
  if (const auto owner = domain(name))
    for (const std::string& ns : namespaces_of(*owner)) append(result, products_in(ns));
  return result;
}

std::vector<std::shared_ptr<const api::DataProduct>> Catalog::products_in(std::string_view ns) const {
  return follow(index_->products_in, {"", ns}, index_->products);
}
std::vector<std::shared_ptr<const api::Subscription>> Catalog::subscriptions_in(std::string_view ns) const {
  return follow(index_->subscriptions_in, {"", ns}, index_->subscriptions);
}

std::size_t Catalog::count_products(const api::Domain& domain) const {
  std::size_t count = 0;
  for (const std::string& ns : namespaces_of(domain))
    if (const auto found = index_->products_in.find(NameView("", ns)); found != index_->products_in.end())
      count += found->second.size();
  return count;
}
std::size_t Catalog::count_subscriptions(const api::Domain& domain) const {
  std::size_t count = 0;
  for (const std::string& ns : namespaces_of(domain))
    if (const auto found = index_->subscriptions_in.find(NameView("", ns)); found != index_->subscriptions_in.end())
      count += found->second.size();
  return count;
}

bool Catalog::any_on_backend(std::string_view ns, std::string_view backend,
                             const std::function<bool(const api::DataProduct&)>& is) const {
  const auto found = index_->products_by_backend.find(NameView("", backend));
  if (found == index_->products_by_backend.end()) return false;
  // Names are sorted by namespace, so those of one stand together.
  const auto space = [](const Name* name) -> std::string_view { return name->ns; };
  auto at = std::ranges::lower_bound(found->second, ns, {}, space);
  for (; at != found->second.end() && space(*at) == ns; ++at) {
    if (const auto candidate = product((*at)->ns, (*at)->name); candidate && is(*candidate)) return true;
  }
  return false;
}

}  // namespace datamesh::mesh

#include "mesh/index.hpp"

#include <algorithm>

namespace datamesh::mesh {
namespace {

void relate(Relation& relation, const NameView& from, const Name& to, bool on) {
  auto found = relation.find(from);
  if (found == relation.end()) {
    if (!on) return;
    found = relation.emplace(Name{std::string(from.first), std::string(from.second)}, Names()).first;
  }
  Names& names = found->second;
  const auto at = std::ranges::lower_bound(names, to, {}, [](const Name* name) -> const Name& { return *name; });
  const bool is_there = at != names.end() && **at == to;
  if (on && !is_there) names.insert(at, &to);
  if (!on && is_there) names.erase(at);
  if (names.empty()) relation.erase(found);
}

}  // namespace

bool older(const api::Metadata& a, const api::Metadata& b) {
  const auto age = [](const api::Metadata& metadata) { return metadata.creation_time.value_or(WallTime::max()); };
  return std::tuple(age(a), std::string_view(a.ns), std::string_view(a.name)) <
         std::tuple(age(b), std::string_view(b.ns), std::string_view(b.name));
}

void Catalog::Index::link(const api::Domain& domain, const Name& name, bool on) {
  for (const std::string& ns : domain.namespaces) {
    auto& claims = domains_claiming[{"", ns}];
    if (on) {
      claims.insert(name);
    } else {
      claims.erase(name);
    }
    if (claims.empty()) domains_claiming.erase({"", ns});
  }
}

void Catalog::Index::link(const api::DataProduct& product, const Name& name, bool on) {
  relate(products_in, {"", name.ns}, name, on);
  for (const api::OutputPort& port : product.output_ports) {
    relate(port_names, {name.ns, port.name}, name, on);
    if (!port.contract_ref.empty())
      relate(users_by_contract_name, {name.ns, port.contract_ref}, name, on);
    else if (!port.contract_id.empty())
      relate(users_by_contract_id, {name.ns, port.contract_id}, name, on);
    relate(products_by_backend, {"", port.backend}, name, on);
  }
}

void Catalog::Index::link(const api::DataContract& contract, const Name& name, bool on) {
  relate(contracts_by_id, {contract.metadata.ns, contract.id}, name, on);
}

void Catalog::Index::link(const api::Subscription& subscription, const Name& name, bool on) {
  relate(subscriptions_in, {"", name.ns}, name, on);
  relate(subscriptions_to, {subscription.product.ns, subscription.product.name}, name, on);
}

void Catalog::Index::link(const api::Approval& approval, const Name& name, bool on) {
  relate(approvals_for, {approval.subscription_ref.ns, approval.subscription_ref.name}, name, on);
}

}  // namespace datamesh::mesh

#include "mesh/index.hpp"

namespace datamesh::mesh {
namespace {

void relate(Relation& relation, Name from, const Name& to, bool on) {
  if (on) {
    relation[std::move(from)].insert(to);
    return;
  }
  const auto found = relation.find(from);
  if (found == relation.end()) return;
  found->second.erase(to);
  if (found->second.empty()) relation.erase(found);
}

Name name_of(const api::Metadata& metadata) {
  return {metadata.ns, metadata.name};
}

}  // namespace

bool older(const api::Metadata& a, const api::Metadata& b) {
  const auto age = [](const api::Metadata& metadata) { return metadata.creation_time.value_or(WallTime::max()); };
  return std::tuple(age(a), std::string_view(a.ns), std::string_view(a.name)) <
         std::tuple(age(b), std::string_view(b.ns), std::string_view(b.name));
}

void Catalog::Index::link(const api::Domain& domain, bool on) {
  for (const std::string& ns : domain.namespaces) relate(domains_claiming, {"", ns}, name_of(domain.metadata), on);
}

void Catalog::Index::link(const api::DataProduct& product, bool on) {
  const Name name = name_of(product.metadata);
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

void Catalog::Index::link(const api::DataContract& contract, bool on) {
  relate(contracts_by_id, {contract.metadata.ns, contract.id}, name_of(contract.metadata), on);
}

void Catalog::Index::link(const api::Subscription& subscription, bool on) {
  const Name name = name_of(subscription.metadata);
  relate(subscriptions_in, {"", name.ns}, name, on);
  relate(subscriptions_to, {subscription.product.ns, subscription.product.name}, name, on);
}

void Catalog::Index::link(const api::Approval& approval, bool on) {
  relate(approvals_for, {approval.subscription_ref.ns, approval.subscription_ref.name}, name_of(approval.metadata), on);
}

}  // namespace datamesh::mesh

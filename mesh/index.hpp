#pragma once
// The tables behind the Catalog, and the indexes that are kept with them. Internal to this folder.

#include <functional>
#include <utility>

#include "mesh/catalog.hpp"

namespace datamesh::mesh {

struct Name {
  std::string ns, name;
  auto operator<=>(const Name&) const = default;
};
using NameView = std::pair<std::string_view, std::string_view>;

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(const NameView& name) const {
    return std::hash<std::string_view>()(name.first) * 31 + std::hash<std::string_view>()(name.second);
  }
  std::size_t operator()(const Name& name) const { return (*this)(NameView(name.ns, name.name)); }
};
struct NameEqual {
  using is_transparent = void;
  static NameView view(const Name& name) { return {name.ns, name.name}; }
  static NameView view(const NameView& name) { return name; }
  bool operator()(const auto& a, const auto& b) const { return view(a) == view(b); }
};

template <class T>
using Objects = std::unordered_map<Name, std::shared_ptr<const T>, NameHash, NameEqual>;
template <class T>
using ByName = std::map<std::string, std::shared_ptr<const T>, std::less<>>;
// What a name leads to: objects in the order of their names, as the keys of the table that holds them. With ten
// thousand products there are a hundred thousand of these, most of them to one object.
using Names = std::vector<const Name*>;
using Relation = std::unordered_map<Name, Names, NameHash, NameEqual>;
using Claims = std::unordered_map<Name, std::set<Name>, NameHash, NameEqual>;

struct Catalog::Index {
  ByName<api::Backend> backends;
  ByName<api::Domain> domains;
  ByName<api::Policy> policies;
  Objects<api::DataProduct> products;
  Objects<api::DataContract> contracts;
  Objects<api::Subscription> subscriptions;
  Objects<api::Approval> approvals;

  std::map<ObjectKey, std::string> invalid;
  std::set<ObjectKey> never_understood;  // of `invalid` those of which nothing is known
  std::map<ObjectKey, std::string> credentials;

  // Relations by what they lead from. {"", x} where one name is enough.
  Claims domains_claiming;                 // namespace -> Domains that list it
  Relation products_in, subscriptions_in;  // namespace -> objects
  Relation port_names;                     // {namespace, port name} -> products
  Relation subscriptions_to;               // product -> subscriptions
  Relation approvals_for;                  // subscription -> approvals
  Relation users_by_contract_name;         // {namespace, contract} -> products that name it
  Relation users_by_contract_id;           // {namespace, contract id} -> products that name only the id
  Relation contracts_by_id;                // {namespace, contract id} -> contracts
  Relation products_by_backend;            // backend, "" for none named -> products

  // `name`: of the object, and but for Domains the key in its table, which outlives the link.
  void link(const api::Domain& domain, const Name& name, bool on);
  void link(const api::DataProduct& product, const Name& name, bool on);
  void link(const api::DataContract& contract, const Name& name, bool on);
  void link(const api::Subscription& subscription, const Name& name, bool on);
  void link(const api::Approval& approval, const Name& name, bool on);
  void link(const api::Backend&, const Name&, bool) {}
  void link(const api::Policy&, const Name&, bool) {}
};

// Of two claimants the one with the better right: the older, then the first by namespace and name.
bool older(const api::Metadata& a, const api::Metadata& b);

// What a change of one object may touch, as the catalog stands. Asked before and after the change, with its old and its
// new version, and merged.
void touch(const Catalog& catalog, const api::Backend& value, Dirty& dirty);
void touch(const Catalog& catalog, const api::Domain& value, Dirty& dirty);
void touch(const Catalog& catalog, const api::DataProduct& value, Dirty& dirty);
void touch(const Catalog& catalog, const api::DataContract& value, Dirty& dirty);
void touch(const Catalog& catalog, const api::Subscription& value, Dirty& dirty);
void touch(const Catalog& catalog, const api::Approval& value, Dirty& dirty);
void touch(const Catalog& catalog, const api::Policy& value, Dirty& dirty);
// The same of an object of which perhaps no version is known.
void touch(const Catalog& catalog, const ObjectKey& key, Dirty& dirty);

}  // namespace datamesh::mesh

#include "controller/kube/store.hpp"

#include <cstdlib>

namespace datamesh::kube {
namespace {

ResourceType mesh_type(std::string plural, std::string kind, bool namespaced) {
  return {"datamesh.dev", "v1alpha1", std::move(plural), std::move(kind), namespaced};
}

}  // namespace

const std::vector<ResourceType>& mesh_types() {
  static const std::vector<ResourceType> types = {mesh_type("backends", "Backend", false),
                                                  mesh_type("domains", "Domain", false),
                                                  mesh_type("dataproducts", "DataProduct", true),
                                                  mesh_type("datacontracts", "DataContract", true),
                                                  mesh_type("subscriptions", "Subscription", true),
                                                  mesh_type("approvals", "Approval", true),
                                                  mesh_type("policies", "Policy", false)};
  return types;
}

const ResourceType& namespaces() {
  static const ResourceType type{"", "v1", "namespaces", "Namespace", false};
  return type;
}
const ResourceType& secrets() {
  static const ResourceType type{"", "v1", "secrets", "Secret", true};
  return type;
}
const ResourceType& role_bindings() {
  static const ResourceType type{"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true};
  return type;
}
const ResourceType& roles() {
  static const ResourceType type{"rbac.authorization.k8s.io", "v1", "roles", "Role", true};
  return type;
}
const ResourceType& events() {
  static const ResourceType type{"events.k8s.io", "v1", "events", "Event", true};
  return type;
}
const ResourceType& leases() {
  static const ResourceType type{"coordination.k8s.io", "v1", "leases", "Lease", true};
  return type;
}

const ResourceType& type_of_kind(std::string_view kind) {
  for (const auto& type : mesh_types()) {
    if (type.kind == kind) return type;
  }
  for (const auto* type : {&namespaces(), &secrets(), &role_bindings(), &roles(), &events(), &leases()}) {
    if (type->kind == kind) return *type;
  }
  std::abort();
}

}  // namespace datamesh::kube

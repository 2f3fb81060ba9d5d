#pragma once
// Kubernetes RBAC (rbac.authorization.k8s.io/v1): who may do what, from roles and bindings. An index kept up to date by
// put() and remove(); everything is safe to call from many threads.

#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/auth/user.hpp"

namespace datamesh::apiserver {

struct PolicyRule {
  std::vector<std::string> verbs, groups, resources, names, urls;
  bool operator==(const PolicyRule&) const = default;
};

// One thing somebody wants to do. `path` non-empty: a URL that is no resource, and then only it and `verb` count.
struct Action {
  std::string verb, group, resource, subresource, ns, name, path;
};

bool allows(const PolicyRule& rule, const Action& action);
// Whether `owned` together allow everything that `wanted` allows: nobody may hand out more than they have.
bool covers(const std::vector<PolicyRule>& owned, const PolicyRule& wanted);
std::vector<PolicyRule> decode_rules(const nlohmann::json& rules);
nlohmann::json encode_rule(const PolicyRule& rule);
// 'User "bo" cannot create resource "secrets" in API group "" in the namespace "sales"'.
std::string refusal(const User& user, const Action& action);

class Rbac {
 public:
  // `object` is a Role, ClusterRole, RoleBinding or ClusterRoleBinding, by its `kind`.
  void put(const nlohmann::json& object);
  void remove(const nlohmann::json& object);

  bool authorize(const User& user, const Action& action) const;
  // Every rule that holds for the user in `ns`; "" is the whole cluster.
  std::vector<PolicyRule> rules_of(const User& user, const std::string& ns) const;
  // The rules of a role as a binding in `ns` refers to it; nullptr: there is no such role.
  std::shared_ptr<const std::vector<PolicyRule>> role(const std::string& kind, const std::string& ns,
                                                      const std::string& name) const;

 private:
  using Rules = std::shared_ptr<const std::vector<PolicyRule>>;
  struct Binding {
    std::string ns, role;  // role: its key
    std::vector<std::string> subjects;
  };
  struct ClusterRole {
    std::map<std::string, std::string> labels;
    std::vector<PolicyRule> own;
    std::vector<std::string> selectors;  // aggregationRule's, as label selector texts of matchLabels alone
  };

  void aggregate();
  void drop_binding(const std::string& key);
  template <class Visit>
  void visit_bindings(const User& user, const std::string& ns, Visit visit) const;

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Rules> roles_;  // "ns/name"; cluster roles "/name"
  std::map<std::string, ClusterRole> cluster_roles_;
  std::unordered_map<std::string, Binding> bindings_;
  std::unordered_map<std::string, std::set<std::string>> by_subject_;  // "User:bo" -> keys of bindings
};

}  // namespace datamesh::apiserver

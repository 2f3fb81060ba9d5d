// Nobody hands out rights that they do not have.

#include "apiserver/prepare.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

Action on_role(const std::string& verb, const std::string& kind, const std::string& ns, const std::string& name) {
  return {verb, "rbac.authorization.k8s.io", kind == "Role" ? "roles" : "clusterroles", "", ns, name, ""};
}

std::string list_of(const std::vector<PolicyRule>& rules) {
  std::string out;
  for (const PolicyRule& rule : rules) out += "\n" + encode_rule(rule).dump();
  return out;
}

std::vector<PolicyRule> missing(const Rbac& rbac, const User& user, const std::string& ns,
                                const std::vector<PolicyRule>& wanted) {
  const std::vector<PolicyRule> owned = rbac.rules_of(user, ns);
  std::vector<PolicyRule> out;
  for (const PolicyRule& rule : wanted) {
    if (!covers(owned, rule)) out.push_back(rule);
  }
  return out;
}

}  // namespace

Outcome<void> check_escalation(const Rbac& rbac, const User& user, const Resource& resource, const Json& object,
                               const Json* live) {
  if (is_master(user)) return {};
  const std::string ns = string_at(object, {"metadata", "namespace"});
  const std::string name = string_at(object, {"metadata", "name"});
  std::vector<PolicyRule> wanted;
  if (resource.kind.ends_with("Role")) {
    if (live != nullptr && object.value("rules", Json()) == live->value("rules", Json())) return {};
    if (rbac.authorize(user, on_role("escalate", resource.kind, ns, name))) return {};
    wanted = decode_rules(object.value("rules", Json()));
    // An aggregated role grows by itself, so only who has everything may make one.
    if (object.contains("aggregationRule")) wanted.push_back({{"*"}, {"*"}, {"*"}, {}, {}});
  } else {
    if (live != nullptr && object.value("subjects", Json()) == live->value("subjects", Json())) return {};
    const std::string kind = string_at(object, {"roleRef", "kind"});
    const std::string role_name = string_at(object, {"roleRef", "name"});
    if (rbac.authorize(user, on_role("bind", kind, ns, role_name))) return {};
    const auto role = rbac.role(kind, ns, role_name);
    if (!role) return not_found({"rbac.authorization.k8s.io", kind == "Role" ? "roles" : "clusterroles"}, role_name);
    wanted = *role;
  }
  const std::vector<PolicyRule> lacking = missing(rbac, user, ns, wanted);
  if (lacking.empty()) return {};
  return forbidden(
      resource.name(), name,
      "user \"" + user.name + "\" is attempting to grant RBAC permissions not currently held:" + list_of(lacking));
}

}  // namespace datamesh::apiserver

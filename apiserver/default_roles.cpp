#include "apiserver/bootstrap.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"
#include "crds/crds.hpp"

namespace datamesh::apiserver {

namespace {

constexpr const char* kRbac = "rbac.authorization.k8s.io";
constexpr const char* kMesh = "datamesh.dev";

using Words = std::vector<std::string>;

const Words kRead = {"get", "list", "watch"};
const Words kWrite = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
const Words kNamespaced = {"approvals", "datacontracts", "dataproducts", "subscriptions"};
const Words kNamespacedStatus = {"approvals/status", "datacontracts/status", "dataproducts/status",
                                 "subscriptions/status"};

Json rule(const Words& groups, const Words& resources, const Words& verbs) {
  return {{"apiGroups", groups}, {"resources", resources}, {"verbs", verbs}};
}

Json urls(const Words& paths, const Words& verbs) {
  return {{"nonResourceURLs", paths}, {"verbs", verbs}};
}

Json role(const std::string& name, Json rules, Json labels = Json::object()) {
  labels[kBootstrapLabel] = "rbac-defaults";
  return {{"apiVersion", std::string(kRbac) + "/v1"},
          {"kind", "ClusterRole"},
          {"metadata",
           {{"name", name},
            {"labels", std::move(labels)},
            {"annotations", {{"rbac.authorization.kubernetes.io/autoupdate", "true"}}}}},
          {"rules", std::move(rules)}};
}

Json binding(const std::string& name, const Words& groups) {
  Json subjects = Json::array();
  for (const std::string& group : groups) {
    subjects.push_back({{"kind", "Group"}, {"apiGroup", kRbac}, {"name", group}});
  }
  return {{"apiVersion", std::string(kRbac) + "/v1"},
          {"kind", "ClusterRoleBinding"},
          {"metadata", {{"name", name}, {"labels", {{kBootstrapLabel, "rbac-defaults"}}}}},
          {"roleRef", {{"kind", "ClusterRole"}, {"apiGroup", kRbac}, {"name", name}}},
          {"subjects", std::move(subjects)}};
}

Json aggregated(const std::string& name, const Words& from) {
  Json out = role(name, Json::array());
  for (const std::string& label : from) {
    Json selector;
    selector["matchLabels"]["rbac.authorization.k8s.io/aggregate-to-" + label] = "true";
    out["aggregationRule"]["clusterRoleSelectors"].push_back(std::move(selector));
  }
  return out;
}

Json label(const std::string& to) {
  Json labels = Json::object();
  labels["rbac.authorization.k8s.io/aggregate-to-" + to] = "true";
  return labels;
}

Json events_rule() {
  return rule({"", "events.k8s.io"}, {"events"}, kRead);
}

void add_kubernetes(std::vector<Json>& out) {
  out.push_back(role("cluster-admin", {rule({"*"}, {"*"}, {"*"}), urls({"*"}, {"*"})}));
  out.push_back(binding("cluster-admin", {kMasters}));
  out.push_back(role("system:discovery", {urls({"/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
                                                "/openapi/*", "/readyz", "/version", "/version/"},
                                               {"get"})}));
  out.push_back(binding("system:discovery", {kAuthenticated}));
  out.push_back(role("system:basic-user", {rule({"authorization.k8s.io"},
                                                {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}, {"create"}),
                                           rule({"authentication.k8s.io"}, {"selfsubjectreviews"}, {"create"})}));
  out.push_back(binding("system:basic-user", {kAuthenticated}));
  out.push_back(
      role("system:public-info-viewer", {urls({"/healthz", "/livez", "/readyz", "/version", "/version/"}, {"get"})}));
  out.push_back(binding("system:public-info-viewer", {kAuthenticated}));

  // admin > edit > view; each takes up what roles of users' own add to it.
  out.push_back(aggregated("admin", {"admin", "edit", "view"}));
  out.push_back(aggregated("edit", {"edit", "view"}));
  out.push_back(aggregated("view", {"view"}));
  out.push_back(role("system:aggregate-to-admin",
                     {rule({kRbac}, {"rolebindings", "roles"}, kWrite),
                      rule({"authorization.k8s.io"}, {"localsubjectaccessreviews"}, {"create"})},
                     label("admin")));
  out.push_back(role("system:aggregate-to-edit",
                     {rule({""}, {"configmaps", "events", "secrets", "serviceaccounts"}, kWrite),
                      rule({""}, {"serviceaccounts/token"}, {"create"}), rule({"events.k8s.io"}, {"events"}, kWrite),
                      rule({"coordination.k8s.io"}, {"leases"}, kWrite),
                      rule({kMesh}, {"datacontracts", "dataproducts", "subscriptions"}, kWrite)},
                     label("edit")));
  out.push_back(role("system:aggregate-to-view",
                     {rule({""}, {"configmaps", "namespaces", "resourcequotas", "serviceaccounts"}, kRead),
                      events_rule(), rule({kMesh}, kNamespaced, kRead), rule({kMesh}, kNamespacedStatus, {"get"})},
                     label("view")));
}

// The mesh's own, of one text with what is installed on a cluster.
void add_mesh(std::vector<Json>& out) {
  const auto roles = kube::parse_yaml(team_roles());
  if (!roles) return;  // tests/apiserver expects them
  for (Json role : *roles) {
    role["metadata"]["labels"][kBootstrapLabel] = "rbac-defaults";
    out.push_back(std::move(role));
  }
}

}  // namespace

std::vector<Json> default_roles() {
  std::vector<Json> out;
  add_kubernetes(out);
  add_mesh(out);
  return out;
}

}  // namespace datamesh::apiserver

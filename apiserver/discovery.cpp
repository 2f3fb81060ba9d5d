// Discovery: which groups, versions and resources there are, as lists (discovery.k8s.io of old) and aggregated
// (apidiscovery.k8s.io/v2 and v2beta1, which have the same shape).

#include <algorithm>

#include "apiserver/catalog.hpp"
#include "apiserver/schema/crd.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

const std::vector<std::string> kAllVerbs = {"create", "delete", "deletecollection", "get",
                                            "list",   "patch",  "update",           "watch"};
const std::vector<std::string> kPartVerbs = {"get", "patch", "update"};

using Resources = std::vector<ResourcePtr>;

struct Part {
  std::string name;
  std::string group, version, kind;  // of what it takes and answers
  std::vector<std::string> verbs;
};

// The sub-resources of one version.
std::vector<Part> parts_of(const Resource& resource, const Version& version) {
  std::vector<Part> out;
  if (version.status) out.push_back({"status", resource.group, version.name, resource.kind, kPartVerbs});
  if (version.scale) out.push_back({"scale", "autoscaling", "v1", "Scale", kPartVerbs});
  for (const std::string& name : resource.subresources) {
    if (name == "token") out.push_back({name, "authentication.k8s.io", "v1", "TokenRequest", {"create"}});
    if (name == "finalize") out.push_back({name, resource.group, version.name, resource.kind, {"update"}});
  }
  return out;
}

std::vector<std::string> verbs_of(const Resource& resource) {
  return resource.review ? std::vector<std::string>{"create"} : kAllVerbs;
}

// "StorageVersionHash" of Kubernetes: equal as long as objects are stored in the same form.
std::string storage_hash(const Resource& resource) {
  return base64_encode(sha256_hex(resource.group + "/" + resource.storage_version + "/" + resource.kind).substr(0, 8));
}

Json resource_list(const std::string& group_version, const std::string& version_name, const Resources& resources) {
  Json list = Json::array();
  for (const ResourcePtr& resource : resources) {
    const Version* version = resource->version(version_name);
    if (version == nullptr) continue;
    Json entry = {{"name", resource->plural},
                  {"singularName", resource->singular},
                  {"namespaced", resource->namespaced},
                  {"kind", resource->kind},
                  {"verbs", verbs_of(*resource)}};
    if (!resource->short_names.empty()) entry["shortNames"] = resource->short_names;
    if (!resource->categories.empty()) entry["categories"] = resource->categories;
    if (!resource->review) entry["storageVersionHash"] = storage_hash(*resource);
    list.push_back(std::move(entry));
    for (const Part& part : parts_of(*resource, *version)) {
      Json sub = {{"name", resource->plural + "/" + part.name},
                  {"singularName", ""},
                  {"namespaced", resource->namespaced},
                  {"kind", part.kind},
                  {"verbs", part.verbs}};
      if (part.kind != resource->kind) {
        sub["group"] = part.group;
        sub["version"] = part.version;
      }
      list.push_back(std::move(sub));
    }
  }
  return {{"kind", "APIResourceList"}, {"apiVersion", "v1"}, {"groupVersion", group_version}, {"resources", list}};
}

Json group_version_kind(const std::string& group, const std::string& version, const std::string& kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

Json aggregated_version(const std::string& version_name, const Resources& resources) {
  Json list = Json::array();
  for (const ResourcePtr& resource : resources) {
    const Version* version = resource->version(version_name);
    if (version == nullptr) continue;
    Json entry = {{"resource", resource->plural},
                  {"responseKind", group_version_kind(resource->group, version_name, resource->kind)},
                  {"scope", resource->namespaced ? "Namespaced" : "Cluster"},
                  {"singularResource", resource->singular},
                  {"verbs", verbs_of(*resource)}};
    if (!resource->short_names.empty()) entry["shortNames"] = resource->short_names;
    if (!resource->categories.empty()) entry["categories"] = resource->categories;
    for (const Part& part : parts_of(*resource, *version)) {
      entry["subresources"].push_back({{"subresource", part.name},
                                       {"responseKind", group_version_kind(part.group, part.version, part.kind)},
                                       {"verbs", part.verbs}});
    }
    list.push_back(std::move(entry));
  }
  return {{"version", version_name}, {"freshness", "Current"}, {"resources", list}};
}

std::vector<std::string> versions_of(const Resources& resources) {
  std::vector<std::string> versions;
  for (const ResourcePtr& resource : resources) {
    for (const Version& version : resource->versions) {
      if (version.served && std::find(versions.begin(), versions.end(), version.name) == versions.end()) {
        versions.push_back(version.name);
      }
    }
  }
  std::sort(versions.begin(), versions.end(),
            [](const std::string& a, const std::string& b) { return version_before(a, b); });
  return versions;
}

Json group_document(const std::string& group, const std::vector<std::string>& versions) {
  Json list = Json::array();
  for (const std::string& version : versions) {
    list.push_back({{"groupVersion", group + "/" + version}, {"version", version}});
  }
  return {{"name", group}, {"versions", list}, {"preferredVersion", list[0]}};
}

Json aggregated_list(const char* api_version, Json items) {
  return {{"kind", "APIGroupDiscoveryList"},
          {"apiVersion", api_version},
          {"metadata", Json::object()},
          {"items", std::move(items)}};
}

}  // namespace

DiscoveryDocuments discovery_documents(const std::map<std::string, ResourcePtr>& resources) {
  std::map<std::string, Resources> groups;
  for (const auto& [name, resource] : resources) groups[resource->group].push_back(resource);

  DiscoveryDocuments out;
  Json group_list = Json::array(), core_items = Json::array(), group_items = Json::array();
  for (const auto& [group, members] : groups) {
    const std::vector<std::string> versions = versions_of(members);
    if (versions.empty()) continue;
    Json aggregated = {{"metadata", Json::object()}, {"versions", Json::array()}};
    for (const std::string& version : versions) {
      const std::string group_version = group.empty() ? version : group + "/" + version;
      out.plain[(group.empty() ? "/api/" : "/apis/") + group_version] =
          resource_list(group_version, version, members).dump();
      aggregated["versions"].push_back(aggregated_version(version, members));
    }
    if (group.empty()) {
      core_items.push_back(std::move(aggregated));
      continue;
    }
    aggregated["metadata"]["name"] = group;
    group_items.push_back(std::move(aggregated));
    Json document = group_document(group, versions);
    group_list.push_back(document);
    document["kind"] = "APIGroup";
    document["apiVersion"] = "v1";
    out.plain["/apis/" + group] = document.dump();
  }
  out.plain["/api"] =
      Json{{"kind", "APIVersions"}, {"versions", {"v1"}}, {"serverAddressByClientCIDRs", Json::array()}}.dump();
  out.plain["/apis"] = Json{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", group_list}}.dump();
  for (const auto& [path, items] : {std::pair{"/api", &core_items}, std::pair{"/apis", &group_items}}) {
    out.v2[path] = aggregated_list("apidiscovery.k8s.io/v2", *items).dump();
    out.v2beta1[path] = aggregated_list("apidiscovery.k8s.io/v2beta1", *items).dump();
  }
  return out;
}

std::string git_version() {
  return std::string("v1.34.1+datamesh.") + DATAMESH_VERSION;
}

Json version_document() {
  return {{"major", "1"},    {"minor", "34"},           {"gitVersion", git_version()},
          {"gitCommit", ""}, {"gitTreeState", "clean"}, {"buildDate", "1970-01-01T00:00:00Z"},
          {"goVersion", ""}, {"compiler", "g++"},       {"platform", "linux/amd64"}};
}

}  // namespace datamesh::apiserver

#pragma once
// What this server serves at one moment: the built-in kinds and those of the CRDs. A value that never changes; a new
// one is made when a CRD changes. Safe to share between threads.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/names.hpp"
#include "apiserver/schema/openapi.hpp"
#include "apiserver/schema/structural.hpp"
#include "apiserver/schema/table.hpp"
#include "apiserver/status.hpp"

namespace datamesh::apiserver {

struct Version {
  std::string name;
  Schema schema;
  TableColumns columns;
  bool served = true;
  bool status = false, scale = false;
  std::string scale_spec_path, scale_status_path, scale_selector_path;
  std::vector<std::string> selectable_fields;
  std::string deprecation_warning;
};

struct Resource {
  std::string group, plural, singular, kind, list_kind;
  std::vector<std::string> short_names, categories;
  bool namespaced = false;
  bool builtin = true;
  bool review = false;       // answered, never stored
  bool terminating = false;  // its CRD is being deleted
  NameRule names = NameRule::Subdomain;
  std::vector<std::string> subresources;  // besides status and scale: "token", "finalize"
  std::vector<Version> versions;          // in order of preference
  std::string storage_version;
  std::string storage;  // the store's name for it: "datamesh.dev/dataproducts"; events have one for both groups
  std::vector<std::string> indexed_fields;  // what drafts carry for field selectors, of all versions

  const Version* version(std::string_view name) const;  // served ones only
  GroupResource name() const { return {group, plural}; }
  std::string api_version(std::string_view version) const;
};
using ResourcePtr = std::shared_ptr<const Resource>;

struct DiscoveryDocuments {
  // By path ("/api", "/apis", "/apis/g", "/apis/g/v", "/api/v1").
  std::map<std::string, std::string> plain;
  // Aggregated: of "/api" and of "/apis".
  std::map<std::string, std::string> v2, v2beta1;
};

class Catalog {
 public:
  // `crds` as stored. One that does not compile (it was accepted once) is left out, and said in the log.
  // `before`, if any, lends what has not changed.
  static std::shared_ptr<const Catalog> build(std::vector<nlohmann::json> crds, const Catalog* before = nullptr);
  ~Catalog();

  ResourcePtr find(std::string_view group, std::string_view plural) const;
  ResourcePtr find_kind(std::string_view group, std::string_view kind) const;
  // By the store's name.
  ResourcePtr find_storage(std::string_view storage) const;
  const std::map<std::string, ResourcePtr>& all() const { return by_name_; }  // "group/plural"

  const std::vector<nlohmann::json>& crds() const { return crds_; }
  const DiscoveryDocuments& discovery() const;  // made when first asked for
  const OpenApiDocuments& openapi() const;

 private:
  Catalog() = default;
  std::vector<nlohmann::json> crds_;
  std::map<std::string, ResourcePtr> by_name_;
  std::map<std::string, ResourcePtr, std::less<>> by_storage_;
  std::map<std::string, ResourcePtr> of_crd_;  // CRD name + uid + resourceVersion
  mutable std::once_flag discovery_made_, openapi_made_;
  mutable std::unique_ptr<DiscoveryDocuments> discovery_;
  mutable std::unique_ptr<OpenApiDocuments> openapi_;
};

// The order in which groups are preferred; and the documents themselves. Pure.
DiscoveryDocuments discovery_documents(const std::map<std::string, ResourcePtr>& resources);
// What GET /version answers.
nlohmann::json version_document();
std::string git_version();

}  // namespace datamesh::apiserver

#include "apiserver/catalog.hpp"

#include <algorithm>

#include "apiserver/schema/builtin_schemas.hpp"
#include "apiserver/schema/crd.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"

namespace datamesh::apiserver {

namespace {

std::string name_of(std::string_view group, std::string_view plural) {
  return std::string(group) + "/" + std::string(plural);
}

// Both groups of events are two views of one set of objects.
std::string storage_of(const std::string& group, const std::string& plural) {
  return group == "events.k8s.io" ? name_of("", plural) : name_of(group, plural);
}

void add_builtin(const BuiltinType& type, std::map<std::string, std::shared_ptr<Resource>>& out) {
  const Schema* schema = builtin_schema(type.group, type.version, type.kind);
  if (schema == nullptr) return;
  auto& resource = out[name_of(type.group, type.plural)];
  if (!resource) {
    resource = std::make_shared<Resource>();
    resource->group = type.group;
    resource->plural = type.plural;
    resource->singular = type.singular;
    resource->kind = type.kind;
    resource->list_kind = type.kind + "List";
    resource->short_names = type.short_names;
    resource->namespaced = type.namespaced;
    resource->review = type.review;
    resource->names = type.names;
    resource->storage = storage_of(type.group, type.plural);
    resource->storage_version = type.version;
    if (type.group.empty() && type.plural == "serviceaccounts") resource->subresources = {"token"};
    if (type.group.empty() && type.plural == "namespaces") resource->subresources = {"finalize"};
  }
  Version version{type.version,
                  *schema,
                  TableColumns::of_builtin(type.group, type.kind),
                  true,
                  type.status,
                  false,
                  {},
                  {},
                  {},
                  type.selectable_fields,
                  {}};
  resource->versions.push_back(std::move(version));
}

ResourcePtr compile_resource(const Json& crd) {
  auto compiled = compile_crd(crd);
  if (!compiled) {
    log_error("a stored CustomResourceDefinition does not compile",
              {{"name", string_at(crd, {"metadata", "name"})}, {"error", compiled.error().message}});
    return nullptr;
  }
  auto resource = std::make_shared<Resource>();
  CrdNames& names = compiled->names;
  resource->group = names.group;
  resource->plural = names.plural;
  resource->singular = names.singular;
  resource->kind = names.kind;
  resource->list_kind = names.list_kind;
  resource->short_names = names.short_names;
  resource->categories = names.categories;
  resource->namespaced = names.namespaced;
  resource->builtin = false;
  resource->terminating = find(crd, {"metadata", "deletionTimestamp"}) != nullptr;
  resource->storage = storage_of(names.group, names.plural);
  for (CrdVersion& from : compiled->versions) {
    if (from.storage) resource->storage_version = from.name;
    Version version{from.name,
                    from.schema,
                    std::move(from.columns),
                    from.served,
                    from.status,
                    from.scale,
                    from.scale_spec_path,
                    from.scale_status_path,
                    from.scale_selector_path,
                    from.selectable_fields,
                    {}};
    if (from.deprecated) {
      version.deprecation_warning = from.deprecation_warning.empty()
                                        ? names.group + "/" + from.name + " " + names.kind + " is deprecated"
                                        : from.deprecation_warning;
    }
    resource->versions.push_back(std::move(version));
  }
  return resource;
}

bool is_established(const Json& crd) {
  const Json* conditions = find(crd, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  return std::any_of(conditions->begin(), conditions->end(), [](const Json& condition) {
    return string_at(condition, {"type"}) == "Established" && string_at(condition, {"status"}) == "True";
  });
}

void index_fields(const Resource& stored, Resource& resource) {
  for (const Version& version : stored.versions) {
    for (const std::string& field : version.selectable_fields) {
      auto& fields = resource.indexed_fields;
      if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
    }
  }
}

}  // namespace

const Version* Resource::version(std::string_view wanted) const {
  for (const Version& version : versions) {
    if (version.name == wanted) return version.served ? &version : nullptr;
  }
  return nullptr;
}

std::string Resource::api_version(std::string_view version) const {
  return group.empty() ? std::string(version) : group + "/" + std::string(version);
}

Catalog::~Catalog() = default;

std::shared_ptr<const Catalog> Catalog::build(std::vector<Json> crds, const Catalog* before) {
  const std::shared_ptr<Catalog> catalog(new Catalog());
  catalog->crds_ = std::move(crds);
  std::map<std::string, std::shared_ptr<Resource>> builtin;
  for (const BuiltinType& type : builtin_types()) add_builtin(type, builtin);
  for (auto& [name, resource] : builtin) {
    // Stored objects have the fields of the core view, whichever view wrote them.
    index_fields(resource->group == "events.k8s.io" ? *builtin.at(name_of("", resource->plural)) : *resource,
                 *resource);
    catalog->by_name_[name] = resource;
    // Of the two views of events the core one is how they are stored.
    if (resource->group != "events.k8s.io" && !resource->review) catalog->by_storage_[resource->storage] = resource;
  }
  for (const Json& crd : catalog->crds_) {
    if (!is_established(crd)) continue;
    const std::string key = string_at(crd, {"metadata", "name"}) + "/" + string_at(crd, {"metadata", "uid"}) + "/" +
                            string_at(crd, {"metadata", "resourceVersion"});
    ResourcePtr resource;
    if (before != nullptr) {
      if (const auto it = before->of_crd_.find(key); it != before->of_crd_.end()) resource = it->second;
    }
    if (!resource) resource = compile_resource(crd);
    if (!resource || builtin.contains(name_of(resource->group, resource->plural))) continue;
    auto indexed = std::make_shared<Resource>(*resource);
    indexed->indexed_fields.clear();
    index_fields(*indexed, *indexed);
    catalog->of_crd_[key] = indexed;
    catalog->by_name_[name_of(indexed->group, indexed->plural)] = indexed;
    catalog->by_storage_[indexed->storage] = indexed;
  }
  return catalog;
}

ResourcePtr Catalog::find(std::string_view group, std::string_view plural) const {
  const auto it = by_name_.find(name_of(group, plural));
  return it == by_name_.end() ? nullptr : it->second;
}

ResourcePtr Catalog::find_kind(std::string_view group, std::string_view kind) const {
  for (const auto& [name, resource] : by_name_) {
    if (resource->group == group && resource->kind == kind) return resource;
  }
  return nullptr;
}

ResourcePtr Catalog::find_storage(std::string_view storage) const {
  const auto it = by_storage_.find(storage);
  return it == by_storage_.end() ? nullptr : it->second;
}

const DiscoveryDocuments& Catalog::discovery() const {
  std::call_once(discovery_made_,
                 [this] { discovery_ = std::make_unique<DiscoveryDocuments>(discovery_documents(by_name_)); });
  return *discovery_;
}

const OpenApiDocuments& Catalog::openapi() const {
  std::call_once(openapi_made_, [this] {
    std::vector<const Json*> established;
    for (const Json& crd : crds_) {
      if (is_established(crd)) established.push_back(&crd);
    }
    openapi_ = std::make_unique<OpenApiDocuments>(openapi_documents(established, git_version()));
  });
  return *openapi_;
}

}  // namespace datamesh::apiserver

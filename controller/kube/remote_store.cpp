#include "controller/kube/remote_store.hpp"

#include "controller/core/json.hpp"

namespace datamesh::kube {
namespace {

std::string content_type(PatchType type) {
  switch (type) {
    case PatchType::Merge:
      return "application/merge-patch+json";
    case PatchType::Json:
      return "application/json-patch+json";
    case PatchType::Apply:
      return "application/apply-patch+yaml";
    case PatchType::Strategic:
      return "application/strategic-merge-patch+json";
  }
  return "application/merge-patch+json";
}

JsonLimits list_limits() {
  return {.bytes = 256u << 20, .depth = 120};
}

}  // namespace

RemoteStore::RemoteStore(std::unique_ptr<http::Client> client, ListWatchOptions options)
    : client_(std::move(client)), options_(options) {}
RemoteStore::~RemoteStore() = default;

Result<Json> RemoteStore::request(const http::Call& call) {
  auto response = client_->request(call);
  if (!response) return response.error();
  if (response->status >= 400) return error_of(*response);
  return parse_json(response->body, list_limits());
}

Result<std::vector<ResourceType>> RemoteStore::discover(const std::string& group_version) {
  const auto slash = group_version.find('/');
  const bool core = slash == std::string::npos;
  DATAMESH_TRY(const Json found, request({.target = (core ? "/api/" : "/apis/") + group_version}));
  std::vector<ResourceType> types;
  const Json* resources = find(found, {"resources"});
  if (!resources || !resources->is_array()) return types;
  for (const auto& resource : *resources) {
    ResourceType type{core ? "" : group_version.substr(0, slash),
                      core ? group_version : group_version.substr(slash + 1), string_at(resource, {"name"}),
                      string_at(resource, {"kind"}), resource.value("namespaced", false)};
    if (type.plural.find('/') == std::string::npos) types.push_back(std::move(type));
  }
  return types;
}

Result<Json> RemoteStore::get(const ResourceType& type, const std::string& ns, const std::string& name) {
  return request({.target = path_of(type, ns, name)});
}

Result<std::vector<Json>> RemoteStore::list(const ResourceType& type, const std::string& ns) {
  std::vector<Json> items;
  const auto listed = list_pages(
      *client_, type, ns, "", options_.page_size, [&](Json& item) { items.push_back(std::move(item)); },
      [&] { items.clear(); }, {});
  if (!listed) return listed.error();
  return items;
}

Result<Json> RemoteStore::create(const ResourceType& type, const Json& object) {
  return request({.method = "POST",
                  .target = path_of(type, string_at(object, {"metadata", "namespace"}), "") + "?fieldManager=datamesh",
                  .headers = {{"Content-Type", "application/json"}},
                  .body = object.dump()});
}

Result<Json> RemoteStore::update(const ResourceType& type, const Json& object) {
  return request(
      {.method = "PUT",
       .target = path_of(type, string_at(object, {"metadata", "namespace"}), string_at(object, {"metadata", "name"})) +
                 "?fieldManager=datamesh",
       .headers = {{"Content-Type", "application/json"}},
       .body = object.dump()});
}

Result<Json> RemoteStore::patch(const ResourceType& type, const std::string& ns, const std::string& name,
                                const Patch& patch) {
  std::string target =
      path_of(type, ns, name, patch.subresource) + "?fieldManager=" + http::percent_encode(patch.field_manager);
  if (patch.type == PatchType::Apply && patch.force) target += "&force=true";
  return request({.method = "PATCH",
                  .target = target,
                  .headers = {{"Content-Type", content_type(patch.type)}},
                  .body = patch.body});
}

Result<void> RemoteStore::remove(const ResourceType& type, const std::string& ns, const std::string& name,
                                 const std::string& uid) {
  Json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!uid.empty()) options["preconditions"] = {{"uid", uid}};
  const auto done = request({.method = "DELETE",
                             .target = path_of(type, ns, name),
                             .headers = {{"Content-Type", "application/json"}},
                             .body = options.dump()});
  if (!done && done.error().code != Code::NotFound) return done.error();
  return {};
}

void RemoteStore::watch(const ResourceType& type, const std::string& label_selector,
                        const std::function<void(const Event&)>& sink, std::stop_token stop) {
  follow(*client_, type, label_selector, sink, options_, std::move(stop));
}

}  // namespace datamesh::kube

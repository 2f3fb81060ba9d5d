#include "controller/kube/remote_store.hpp"

#include <condition_variable>
#include <mutex>
#include <random>

#include "controller/core/json.hpp"

namespace datamesh::kube {
namespace {

constexpr int kPageSize = 500;
constexpr auto kWatchSeconds = 300;
// The server sends a bookmark about every minute; silence for longer means that the connection is dead.
constexpr auto kWatchSilence = std::chrono::seconds(150);

Code code_of(int status) {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return Code::Invalid;
    case 401:
    case 403:
      return Code::Denied;
    case 404:
      return Code::NotFound;
    case 409:
    case 410:
      return Code::Conflict;
    default:
      return status >= 500 || status == 429 ? Code::Unavailable : Code::Internal;
  }
}

Error error_of(const http::Response& response) {
  const auto status = parse_json(response.body);
  std::string message = status ? string_at(*status, {"message"}) : std::string();
  if (message.empty()) message = "the server answered " + std::to_string(response.status);
  return {code_of(response.status), message};
}

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

// Waits without holding a stop up.
void rest(std::chrono::milliseconds delay, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, delay, [&] { return stop.stop_requested(); });
}

JsonLimits list_limits() {
  return {.bytes = 256u << 20, .depth = 120};
}

}  // namespace

struct RemoteStore::Listed {
  std::string resource_version;
};

std::string path_of(const ResourceType& type, const std::string& ns, const std::string& name,
                    const std::string& subresource) {
  std::string path = type.group.empty() ? "/api/" + type.version : "/apis/" + type.group + "/" + type.version;
  if (type.namespaced && !ns.empty()) path += "/namespaces/" + http::percent_encode(ns);
  path += "/" + type.plural;
  if (!name.empty()) path += "/" + http::percent_encode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

RemoteStore::RemoteStore(std::unique_ptr<http::Client> client) : client_(std::move(client)) {}
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

Result<RemoteStore::Listed> RemoteStore::list_all(const ResourceType& type, const std::string& ns,
                                                  const std::string& selector, const std::function<void(Json&)>& each,
                                                  std::stop_token stop) {
  std::string next;
  for (;;) {
    std::string target = path_of(type, ns, "") + "?limit=" + std::to_string(kPageSize);
    if (!selector.empty()) target += "&labelSelector=" + http::percent_encode(selector);
    if (!next.empty()) target += "&continue=" + http::percent_encode(next);
    auto response = client_->request({.target = target}, stop);
    if (!response) return response.error();
    if (response->status >= 400) return error_of(*response);
    DATAMESH_TRY(Json page, parse_json(response->body, list_limits()));
    if (const auto items = page.find("items"); items != page.end() && items->is_array()) {
      for (auto& item : *items) {
        // Items of a list do not repeat what the list says of them.
        item["apiVersion"] = type.group.empty() ? type.version : type.group + "/" + type.version;
        item["kind"] = type.kind;
        each(item);
      }
    }
    next = string_at(page, {"metadata", "continue"});
    if (next.empty()) return Listed{string_at(page, {"metadata", "resourceVersion"})};
  }
}

Result<std::vector<Json>> RemoteStore::list(const ResourceType& type, const std::string& ns) {
  std::vector<Json> items;
  const auto listed = list_all(type, ns, "", [&](Json& item) { items.push_back(std::move(item)); }, {});
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
  std::minstd_rand random{std::random_device{}()};
  std::string version;  // empty: list first
  bool listed_before = false;
  int failures = 0;
  const auto back_off = [&](const Error& error) {
    log_warn("watch interrupted", {{"kind", type.kind}, {"error", error.message}});
    const auto delay = std::min<std::int64_t>(30'000, 800LL << std::min(failures++, 6));
    rest(std::chrono::milliseconds(delay / 2 + static_cast<std::int64_t>(random() % static_cast<unsigned>(delay))),
         stop);
  };
  while (!stop.stop_requested()) {
    if (version.empty()) {
      if (listed_before) sink({Event::Type::Relist, nullptr});
      const auto listed = list_all(
          type, "", label_selector,
          [&](Json& item) {
            sink({Event::Type::Put, &item});
          },
          stop);
      if (!listed) {
        if (!stop.stop_requested()) back_off(listed.error());
        listed_before = true;
        continue;
      }
      version = listed->resource_version;
      listed_before = true;
      sink({Event::Type::Synced, nullptr});
    }
    std::string target = path_of(type, "", "") + "?watch=1&allowWatchBookmarks=true&resourceVersion=" + version +
                         "&timeoutSeconds=" + std::to_string(kWatchSeconds);
    if (!label_selector.empty()) target += "&labelSelector=" + http::percent_encode(label_selector);
    std::optional<Error> trouble;
    const auto ended = client_->lines(
        {.target = target, .timeout = kWatchSilence},
        [&](std::string_view line) {
          if (line.empty()) return true;
          const auto event = parse_json(line);
          const Json* object = event ? find(*event, {"object"}) : nullptr;
          if (!object) {
            trouble = Error{Code::Unavailable, "an event that cannot be read"};
            return false;
          }
          const std::string kind = string_at(*event, {"type"});
          if (kind == "ERROR") {
            trouble = Error{Code::Conflict, string_at(*object, {"message"})};
            return false;
          }
          version = string_at(*object, {"metadata", "resourceVersion"});
          failures = 0;
          if (kind == "BOOKMARK") return true;
          sink({kind == "DELETED" ? Event::Type::Removed : Event::Type::Put, object});
          return !stop.stop_requested();
        },
        stop);
    if (stop.stop_requested()) return;
    if (!trouble && !ended) trouble = ended.error();
    if (!trouble && ended->status >= 400) trouble = error_of(*ended);
    if (!trouble) continue;  // its time was over: go on from the last version
    // 410 in either form: the version is too old, so list again.
    if (trouble->code == Code::Conflict) version.clear();
    back_off(*trouble);
  }
}

}  // namespace datamesh::kube

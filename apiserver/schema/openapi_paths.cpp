#include <cctype>
#include <vector>

#include "apiserver/schema/openapi_parts.hpp"

namespace datamesh::apiserver {

namespace {

struct Verb {
  const char* method;
  const char* action;  // x-kubernetes-action
  const char* id;      // of the operationId
  bool writes;         // takes dryRun, fieldManager, fieldValidation
};

std::vector<const char*> patch_types(const OpenApiResource& resource) {
  std::vector<const char*> types = {"application/apply-patch+yaml", "application/json-patch+json",
                                    "application/merge-patch+json"};
  if (!resource.custom) types.push_back("application/strategic-merge-patch+json");
  return types;
}

class PathWriter {
 public:
  PathWriter(const OpenApiResource& resource, OpenApiVersion version) : resource_(resource), version_(version) {}

  Json run() {
    const std::string root =
        resource_.group.empty() ? "/api/" + resource_.version : "/apis/" + resource_.group + "/" + resource_.version;
    const std::string collection = root + (resource_.namespaced ? "/namespaces/{namespace}/" : "/") + resource_.plural;
    if (resource_.review) {
      add(collection, {{"post", "post", "create", true}}, false);
      return std::move(paths_);
    }
    add(collection,
        {{"get", "list", "list", false},
         {"post", "post", "create", true},
         {"delete", "deletecollection", "deleteCollection", false}},
        false);
    const std::vector<Verb> item = {{"get", "get", "read", false},
                                    {"put", "put", "replace", true},
                                    {"patch", "patch", "patch", true},
                                    {"delete", "delete", "delete", false}};
    add(collection + "/{name}", item, true);
    if (resource_.status) add(collection + "/{name}/status", {item[0], item[1], item[2]}, true, "Status");
    if (resource_.namespaced)
      add(root + "/" + resource_.plural, {{"get", "list", "list", false}}, false, "ForAllNamespaces");
    return std::move(paths_);
  }

 private:
  Json reference(const std::string& definition) const {
    return {{"$ref", (version_ == OpenApiVersion::V2 ? "#/definitions/" : "#/components/schemas/") + definition}};
  }

  Json parameter(const char* name, const char* in, const char* type, const char* description) const {
    Json out = {{"name", name}, {"in", in}, {"description", description}};
    if (std::string_view{in} == "path") out["required"] = true;
    if (version_ == OpenApiVersion::V2) {
      out["type"] = type;
    } else {
      out["schema"] = {{"type", type}};
    }
    if (version_ == OpenApiVersion::V2 || std::string_view{in} == "path") out["uniqueItems"] = true;
    if (version_ == OpenApiVersion::V3) out.erase("uniqueItems");
    return out;
  }

  Json parameters(const Verb& verb) const {
    Json out = Json::array();
    const std::string_view action = verb.action;
    if (verb.writes || action == "delete" || action == "deletecollection") {
      out.push_back(parameter("dryRun", "query", "string",
                              "When present, indicates that modifications should not be persisted. Valid value: All."));
    }
    if (verb.writes) {
      out.push_back(
          parameter("fieldManager", "query", "string",
                    "fieldManager is a name associated with the actor or entity that is making these changes."));
      out.push_back(parameter("fieldValidation", "query", "string",
                              "fieldValidation instructs the server on how to handle objects in the request containing "
                              "unknown or duplicate fields: Ignore, Warn or Strict."));
    }
    if (action == "patch") {
      out.push_back(parameter("force", "query", "boolean",
                              "Force is going to \"force\" Apply requests. It means user will re-acquire conflicting "
                              "fields owned by other people."));
    }
    if (action == "list" || action == "deletecollection") {
      for (const char* name :
           {"labelSelector", "fieldSelector", "continue", "resourceVersion", "resourceVersionMatch"}) {
        out.push_back(parameter(name, "query", "string", "Restricts what is listed."));
      }
      out.push_back(parameter("limit", "query", "integer", "The most objects to answer at once."));
      out.push_back(parameter("watch", "query", "boolean", "Watch for changes instead of listing."));
    }
    return out;
  }

  Json body(const Verb& verb) const {
    const bool patch = std::string_view{verb.action} == "patch";
    return patch ? Json{{"type", "object"}} : reference(resource_.definition);
  }

  Json response(const Verb& verb) const {
    const std::string_view action = verb.action;
    const std::string definition = action == "list"               ? resource_.definition + "List"
                                   : action.starts_with("delete") ? "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
                                                                  : resource_.definition;
    if (version_ == OpenApiVersion::V2) return {{"description", "OK"}, {"schema", reference(definition)}};
    return {{"description", "OK"}, {"content", {{"application/json", {{"schema", reference(definition)}}}}}};
  }

  Json operation(const Verb& verb, const std::string& suffix) const {
    std::string prefix = resource_.group.empty() ? "core" : resource_.group.substr(0, resource_.group.find('.'));
    prefix[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(prefix[0])));
    std::string version = resource_.version;
    version[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(version[0])));
    const bool space = resource_.namespaced && suffix != "ForAllNamespaces";
    Json out = {{"description", std::string{verb.id} + " objects of kind " + resource_.kind},
                {"operationId", verb.id + prefix + version + (space ? "Namespaced" : "") + resource_.kind + suffix},
                {"parameters", parameters(verb)},
                {"responses", {{"200", response(verb)}, {"401", {{"description", "Unauthorized"}}}}},
                {"x-kubernetes-action", verb.action},
                {"x-kubernetes-group-version-kind",
                 {{"group", resource_.group}, {"version", resource_.version}, {"kind", resource_.kind}}}};
    if (!verb.writes) return out;
    if (version_ == OpenApiVersion::V2) {
      out["parameters"].push_back({{"name", "body"}, {"in", "body"}, {"required", true}, {"schema", body(verb)}});
      if (std::string_view{verb.action} == "patch") {
        for (const char* type : patch_types(resource_)) out["consumes"].push_back(type);
      }
      return out;
    }
    Json content = Json::object();
    if (std::string_view{verb.action} == "patch") {
      for (const char* type : patch_types(resource_)) content[type] = {{"schema", body(verb)}};
    } else {
      content["application/json"] = {{"schema", body(verb)}};
    }
    out["requestBody"] = {{"required", true}, {"content", std::move(content)}};
    return out;
  }

  void add(const std::string& path, const std::vector<Verb>& verbs, bool named, const std::string& suffix = {}) {
    Json& item = paths_[path];
    item["parameters"] = Json::array();
    if (named) item["parameters"].push_back(parameter("name", "path", "string", "name of the object"));
    if (path.find("{namespace}") != std::string::npos) {
      item["parameters"].push_back(
          parameter("namespace", "path", "string", "object name and auth scope, such as for teams and projects"));
    }
    for (const Verb& verb : verbs) item[verb.method] = operation(verb, suffix);
  }

  const OpenApiResource& resource_;
  OpenApiVersion version_;
  Json paths_ = Json::object();
};

}  // namespace

Json openapi_paths(const OpenApiResource& resource, OpenApiVersion version) {
  return PathWriter{resource, version}.run();
}

}  // namespace datamesh::apiserver

#include "apiserver/bootstrap.hpp"

#include "apiserver/kinds.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::apiserver {

namespace {

Json namespace_object(const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}};
}

// Whether `live` already says everything that `wanted` says.
bool contains(const Json& live, const Json& wanted) {
  if (wanted.is_object()) {
    if (!live.is_object()) return false;
    for (const auto& [key, value] : wanted.items()) {
      const auto it = live.find(key);
      if (it == live.end() || !contains(*it, value)) return false;
    }
    return true;
  }
  if (wanted.is_array()) {
    if (!live.is_array() || live.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!contains(live[i], wanted[i])) return false;
    }
    return true;
  }
  return live == wanted;
}

std::pair<std::string, std::string> group_version(const std::string& api_version) {
  const std::size_t slash = api_version.find('/');
  if (slash == std::string::npos) return {"", api_version};
  return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

Result<Target> target_of(const Catalog& catalog, const Json& object) {
  const auto [group, version] = group_version(string_at(object, {"apiVersion"}));
  const std::string kind = string_at(object, {"kind"});
  Target target;
  target.resource = catalog.find_kind(group, kind);
  target.version = target.resource ? target.resource->version(version) : nullptr;
  if (target.version == nullptr) return Error{Code::NotFound, "no kind " + kind + " in " + group + "/" + version};
  target.ns = string_at(object, {"metadata", "namespace"});
  target.name = string_at(object, {"metadata", "name"});
  return target;
}

Result<void> install_crds(Engine& engine, const std::vector<std::string>& documents) {
  for (const std::string& text : documents) {
    DATAMESH_TRY(const std::vector<Json> objects, kube::parse_yaml(text));
    for (const Json& object : objects) {
      if (auto ok = ensure_object(engine, object); !ok) {
        return with_context("CustomResourceDefinition " + string_at(object, {"metadata", "name"}), ok.error());
      }
    }
  }
  return {};
}

}  // namespace

User self() {
  return {"system:datamesh", "", {kMasters, kAuthenticated}, {}};
}

Result<void> ensure_object(Engine& engine, const Json& object) {
  const auto catalog = engine.catalog();
  DATAMESH_TRY(const Target target, target_of(*catalog, object));
  WriteContext context;
  context.user = self();
  context.manager = "datamesh";
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto live = engine.get(target);
    if (!live && live.error().code != 404) return to_error(live.error());
    Outcome<Answer> written = Answer{};
    if (!live) {
      written = Engine::wait([&](AnswerDone done) { engine.create(target, object, context, std::move(done)); });
    } else {
      const Json before = parse_stored(live->body);
      if (contains(before, object)) return {};
      Json wanted = object;
      wanted["metadata"]["resourceVersion"] = string_at(before, {"metadata", "resourceVersion"});
      if (before.contains("status") && !wanted.contains("status")) wanted["status"] = before["status"];
      if (const Json* finalizers = find(before, {"metadata", "finalizers"}); finalizers != nullptr) {
        wanted["metadata"]["finalizers"] = *finalizers;
      }
      written = Engine::wait([&](AnswerDone done) { engine.update(target, wanted, context, std::move(done)); });
    }
    if (written) return {};
    if (written.error().code != 409) return to_error(written.error());
  }
  return Error{Code::Conflict, "somebody keeps writing " + target.name};
}

Result<void> bootstrap(Engine& engine, const std::vector<std::string>& crd_documents) {
  for (const char* name : {"default", "kube-system", "datamesh-system"}) {
    DATAMESH_CHECK(ensure_object(engine, namespace_object(name)));
  }
  for (const Json& object : default_roles()) DATAMESH_CHECK(ensure_object(engine, object));
  return install_crds(engine, crd_documents);
}

}  // namespace datamesh::apiserver

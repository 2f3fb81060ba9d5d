#include <algorithm>
#include <iostream>
#include <map>

#include "controller/app/cli.hpp"
#include "controller/app/manifests.hpp"
#include "controller/core/json.hpp"

namespace datamesh::app {
namespace {

// What others need comes first; the rest stays in the order of the files.
int turn(const Json& object) {
  const std::string kind = string_at(object, {"kind"});
  if (kind == "Namespace" || kind == "CustomResourceDefinition") return 0;
  if (kind == "Secret" || kind == "Backend" || kind == "Policy") return 1;
  if (kind == "Domain") return 2;
  return 3;
}

class Kinds {
 public:
  explicit Kinds(kube::RemoteStore& store) : store_(store) {}

  Result<kube::ResourceType> find(const std::string& group_version, const std::string& kind) {
    auto known = known_.find(group_version);
    if (known == known_.end()) {
      auto types = store_.discover(group_version);
      if (!types) return types.error();
      known = known_.emplace(group_version, *std::move(types)).first;
    }
    for (const auto& type : known->second) {
      if (type.kind == kind) return type;
    }
    return Error{Code::NotFound, "the server has no kind " + kind + " in " + group_version};
  }

 private:
  kube::RemoteStore& store_;
  std::map<std::string, std::vector<kube::ResourceType>> known_;
};

Result<std::string> apply_one(kube::RemoteStore& store, Kinds& kinds, Json object, const std::string& default_namespace,
                              bool dry_run) {
  DATAMESH_TRY(const auto type, kinds.find(string_at(object, {"apiVersion"}), string_at(object, {"kind"})));
  const std::string name = string_at(object, {"metadata", "name"});
  if (name.empty()) return Error{Code::Invalid, "metadata.name is required"};
  std::string ns;
  if (type.namespaced) {
    ns = string_at(object, {"metadata", "namespace"});
    if (ns.empty()) object["metadata"]["namespace"] = ns = default_namespace;
  }
  const auto before = store.get(type, ns, name);
  const std::string target = kube::path_of(type, ns, name) +
                             "?fieldManager=datamesh-apply&force=true&fieldValidation=Strict" +
                             (dry_run ? "&dryRun=All" : "");
  DATAMESH_TRY(const Json after, store.request({.method = "PATCH",
                                                .target = target,
                                                .headers = {{"Content-Type", "application/apply-patch+yaml"}},
                                                .body = object.dump()}));
  const std::string version = string_at(after, {"metadata", "resourceVersion"});
  const char* word = !before                                                          ? "created"
                     : string_at(*before, {"metadata", "resourceVersion"}) == version ? "unchanged"
                                                                                      : "configured";
  std::string kind = type.kind;
  std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kind + (type.group.empty() ? "" : "." + type.group) + "/" + name + " " + word + (dry_run ? " (dry run)" : "");
}

}  // namespace

int run_apply(const ApplyOptions& options) {
  Manifests manifests = read_manifests(options.files);
  std::string ns;
  auto store = connect(options.server, &ns);
  if (!store) {
    std::cerr << "error: " << store.error().message << '\n';
    return kFailed;
  }
  bool failed = !manifests.problems.empty();
  for (const auto& problem : manifests.problems) std::cerr << "error: " << problem << '\n';
  std::ranges::stable_sort(manifests.objects, {}, [](const Manifest& manifest) { return turn(*manifest.object); });
  Kinds kinds(**store);
  for (const auto& manifest : manifests.objects) {
    const auto done = apply_one(**store, kinds, *manifest.object, ns, options.dry_run);
    if (done) {
      std::cout << *done << '\n';
    } else {
      failed = true;
      std::cerr << "error: " << manifest.source << ": " << done.error().message << '\n';
    }
  }
  return failed ? kFailed : kDone;
}

}  // namespace datamesh::app

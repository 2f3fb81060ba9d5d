#include "apiserver/kinds.hpp"

#include <algorithm>

#include "apiserver/object.hpp"
#include "apiserver/schema/crd.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t kDataBytesMax = 1u << 20;  // of a Secret or ConfigMap, as Kubernetes has it
constexpr const char* kRbacGroup = "rbac.authorization.k8s.io";

bool is(const Resource& resource, std::string_view group, std::string_view plural) {
  return resource.builtin && resource.group == group && resource.plural == plural;
}

void prepare_namespace(Json& object, const Json* live, const std::string& subresource) {
  if (live == nullptr) {
    object["spec"]["finalizers"] = {"kubernetes"};
    object["status"] = {{"phase", "Active"}};
  } else if (subresource != "finalize") {
    object["spec"] = live->value("spec", Json::object());
  }
  object["metadata"]["labels"]["kubernetes.io/metadata.name"] = string_at(object, {"metadata", "name"});
}

void prepare_secret(Json& object) {
  if (const auto plain = object.find("stringData"); plain != object.end()) {
    if (plain->is_object()) {
      for (const auto& [key, value] : plain->items()) {
        if (value.is_string()) object["data"][key] = base64_encode(value.get_ref<const std::string&>());
      }
    }
    object.erase("stringData");
  }
  if (string_at(object, {"type"}).empty()) object["type"] = "Opaque";
}

void prepare_crd(Json& object, const Json* live, const std::vector<Json>& crds, const std::string& now) {
  default_crd(object);
  if (live == nullptr) {
    object.erase("status");
    auto finalizers = finalizers_of(object);
    if (std::find(finalizers.begin(), finalizers.end(), kCrdFinalizer) == finalizers.end()) {
      finalizers.emplace_back(kCrdFinalizer);
      set_finalizers(object, finalizers);
    }
  }
  std::vector<const Json*> others;
  for (const Json& crd : crds) {
    if (string_at(crd, {"metadata", "name"}) != string_at(object, {"metadata", "name"})) others.push_back(&crd);
  }
  // An object that is not valid yet is refused after this; its status must not be worked out from wrong types.
  if (validate_crd(object, live).empty()) accept_crd(object, others, now);
}

void prepare_rbac(Json& object) {
  if (auto ref = object.find("roleRef"); ref != object.end() && ref->is_object()) {
    if (string_at(*ref, {"apiGroup"}).empty()) (*ref)["apiGroup"] = kRbacGroup;
  }
  auto subjects = object.find("subjects");
  if (subjects == object.end() || !subjects->is_array()) return;
  for (Json& subject : *subjects) {
    const std::string kind = string_at(subject, {"kind"});
    if ((kind == "User" || kind == "Group") && string_at(subject, {"apiGroup"}).empty()) {
      subject["apiGroup"] = kRbacGroup;
    }
  }
}

bool is_data_key(const std::string& key) {
  if (key.empty() || key.size() > 253 || key == "." || key.starts_with("..")) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

void check_data(const Json& object, const char* field, bool base64, std::size_t& bytes, FieldErrors& errors) {
  const auto data = object.find(field);
  if (data == object.end() || !data->is_object()) return;
  for (const auto& [key, value] : data->items()) {
    if (!is_data_key(key)) {
      errors.push_back(invalid(std::string(field) + "[" + key + "]", key,
                               "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"));
    }
    if (!value.is_string()) continue;
    const auto& text = value.get_ref<const std::string&>();
    bytes += base64 ? text.size() / 4 * 3 : text.size();
    if (base64 && !text.empty() && base64_decode(text).empty()) {
      errors.push_back(invalid(std::string(field) + "[" + key + "]", "<omitted>", "must be base64"));
    }
  }
}

void check_immutable(const Json& object, const Json& live, const char* kind, FieldErrors& errors) {
  if (!live.value("immutable", Json(false)).is_boolean() || live.value("immutable", Json(false)) != Json(true)) return;
  const std::string what = std::string("field is immutable when `immutable` is set");
  if (object.value("immutable", Json(false)) != Json(true)) errors.push_back(forbidden("immutable", what));
  for (const char* field : {"data", "binaryData"}) {
    if (std::string_view(field) == "binaryData" && std::string_view(kind) == "Secret") continue;
    if (object.value(field, Json()) != live.value(field, Json())) errors.push_back(forbidden(field, what));
  }
}

void validate_data(const Resource& resource, const Json& object, const Json* live, FieldErrors& errors) {
  const bool secret = resource.kind == "Secret";
  std::size_t bytes = 0;
  check_data(object, "data", secret, bytes, errors);
  if (!secret) check_data(object, "binaryData", true, bytes, errors);
  if (bytes > kDataBytesMax) errors.push_back(too_long(secret ? "data" : "", static_cast<long>(kDataBytesMax)));
  if (live == nullptr) return;
  check_immutable(object, *live, resource.kind.c_str(), errors);
  if (secret && string_at(object, {"type"}) != string_at(*live, {"type"})) {
    errors.push_back(invalid("type", string_at(object, {"type"}), "field is immutable"));
  }
}

void validate_binding(const Resource& resource, const Json& object, const Json* live, FieldErrors& errors) {
  const std::string kind = string_at(object, {"roleRef", "kind"});
  if (kind != "ClusterRole" && (kind != "Role" || !resource.namespaced)) {
    std::vector<std::string> kinds = {"ClusterRole"};
    if (resource.namespaced) kinds.emplace_back("Role");
    errors.push_back(not_supported("roleRef.kind", kind, kinds));
  }
  if (string_at(object, {"roleRef", "name"}).empty()) errors.push_back(required("roleRef.name"));
  if (live != nullptr && object.value("roleRef", Json()) != live->value("roleRef", Json())) {
    errors.push_back(invalid_json("roleRef", object.value("roleRef", Json()), "cannot change roleRef"));
  }
  const Json* subjects = find(object, {"subjects"});
  if (subjects == nullptr || !subjects->is_array()) return;
  for (std::size_t i = 0; i < subjects->size(); ++i) {
    const std::string at = "subjects[" + std::to_string(i) + "]";
    const std::string of = string_at((*subjects)[i], {"kind"});
    if (of != "User" && of != "Group" && of != "ServiceAccount") {
      errors.push_back(not_supported(at + ".kind", of, {"ServiceAccount", "User", "Group"}));
    }
    if (string_at((*subjects)[i], {"name"}).empty()) errors.push_back(required(at + ".name"));
    if (of == "ServiceAccount" && !resource.namespaced && string_at((*subjects)[i], {"namespace"}).empty()) {
      errors.push_back(required(at + ".namespace"));
    }
  }
}

void validate_role(const Resource& resource, const Json& object, FieldErrors& errors) {
  const Json* rules = find(object, {"rules"});
  if (rules == nullptr || !rules->is_array()) return;
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const Json& rule = (*rules)[i];
    const std::string at = "rules[" + std::to_string(i) + "]";
    const auto missing = [&](const char* key) {
      const Json* list = find(rule, {key});
      return list == nullptr || !list->is_array() || list->empty();
    };
    if (missing("verbs")) errors.push_back(required(at + ".verbs", "verbs must contain at least one value"));
    if (!missing("nonResourceURLs")) {
      if (resource.namespaced) {
        errors.push_back(invalid_json(at + ".nonResourceURLs", rule["nonResourceURLs"],
                                      "namespaced rules cannot apply to non-resource URLs"));
      }
      continue;
    }
    if (missing("apiGroups"))
      errors.push_back(required(at + ".apiGroups", "resource rules must supply at least one api group"));
    if (missing("resources"))
      errors.push_back(required(at + ".resources", "resource rules must supply at least one resource"));
  }
}

}  // namespace

bool is_rbac(const Resource& resource) {
  return resource.builtin && resource.group == kRbacGroup;
}

bool has_generation(const Resource& resource) {
  return !resource.builtin || is(resource, "apiextensions.k8s.io", "customresourcedefinitions");
}

bool owns_status_apart(const Resource&, const Version& version) {
  return version.status;
}

void prepare_kind(const Resource& resource, Json& object, const Json* live, const std::string& subresource,
                  const std::vector<Json>& crds, const std::string& now) {
  if (!resource.builtin) return;
  if (is(resource, "", "namespaces")) prepare_namespace(object, live, subresource);
  if (is(resource, "", "secrets")) prepare_secret(object);
  if (is(resource, "apiextensions.k8s.io", "customresourcedefinitions") && subresource.empty()) {
    prepare_crd(object, live, crds, now);
  }
  if (is_rbac(resource)) prepare_rbac(object);
}

FieldErrors validate_kind(const Resource& resource, const Json& object, const Json* live) {
  FieldErrors errors;
  if (!resource.builtin) return errors;
  if (is(resource, "", "secrets") || is(resource, "", "configmaps")) validate_data(resource, object, live, errors);
  if (is(resource, "apiextensions.k8s.io", "customresourcedefinitions")) {
    for (FieldError& error : validate_crd(object, live)) errors.push_back(std::move(error));
  }
  if (is_rbac(resource) && resource.kind.ends_with("Binding")) validate_binding(resource, object, live, errors);
  if (is_rbac(resource) && resource.kind.ends_with("Role")) validate_role(resource, object, errors);
  return errors;
}

}  // namespace datamesh::apiserver

#include "reconcilers/domain/surroundings.hpp"

#include <algorithm>

#include "controller/core/json.hpp"
#include "reconcilers/declarations.hpp"

namespace datamesh {
namespace {

constexpr std::array kRoles = {api::TeamRole::Owner, api::TeamRole::Developer, api::TeamRole::Steward,
                               api::TeamRole::Viewer};
constexpr std::array kCounted = {"count/dataproducts.datamesh.dev", "count/subscriptions.datamesh.dev"};
constexpr std::string_view kProbeName = "datamesh-probe";
constexpr const char* kRbac = "rbac.authorization.k8s.io";

const kube::ResourceType& type_of(std::string_view kind) {
  return *std::ranges::find(surrounding_types(), kind, &kube::ResourceType::kind);
}

Json object_of(const kube::ResourceType& type, const std::string& ns, std::string_view name,
               const std::string& domain) {
  Json object = {{"apiVersion", (type.group.empty() ? "" : type.group + "/") + type.version},
                 {"kind", type.kind},
                 {"metadata", {{"name", name}, {"labels", {{kDomainLabel, domain}}}}}};
  if (!ns.empty()) object["metadata"]["namespace"] = ns;
  return object;
}

std::string binding_name(api::TeamRole role) {
  return "datamesh-" + std::string(api::to_string(role));
}

Json role_binding(const api::Domain& domain, const std::string& ns, api::TeamRole role) {
  Json subjects = Json::array();
  for (const auto& member : domain.members) {
    if (member.role == role) subjects.push_back({{"apiGroup", kRbac}, {"kind", "User"}, {"name", member.username}});
  }
  if (subjects.empty()) return {};
  const std::string name = binding_name(role);
  Json binding = object_of(kube::role_bindings(), ns, name, domain.metadata.name);
  binding["roleRef"] = {{"apiGroup", kRbac}, {"kind", "ClusterRole"}, {"name", name}};
  binding["subjects"] = std::move(subjects);
  return binding;
}

// The total of the Domain is what admission counts; in each namespace it is the most that fits.
Json resource_quota(const api::Domain& domain, const std::string& ns) {
  Json hard = Json::object();
  if (domain.quota_data_products) hard[kCounted[0]] = std::to_string(*domain.quota_data_products);
  if (domain.quota_subscriptions) hard[kCounted[1]] = std::to_string(*domain.quota_subscriptions);
  if (hard.empty()) return {};
  Json quota = object_of(resource_quotas(), ns, kQuotaName, domain.metadata.name);
  quota["spec"] = {{"hard", std::move(hard)}};
  return quota;
}

const std::string& namespace_of(const ObjectKey& key) {
  return key.kind == "Namespace" ? key.name : key.ns;
}

// Users may put the label on things of their own.
bool is_our_name(const ObjectKey& key) {
  if (key.kind == "Namespace") return true;
  if (key.kind == "ResourceQuota") return key.name == kQuotaName;
  return std::ranges::any_of(kRoles, [&](auto role) { return key.name == binding_name(role); });
}

// The parts that are ours to say.
Json own_part(const Json& object) {
  Json part = {{"metadata", {{"labels", {{kDomainLabel, string_at(object, {"metadata", "labels", kDomainLabel})}}}}}};
  if (const Json* subjects = find(object, {"subjects"})) part["subjects"] = *subjects;
  if (const Json* hard = find(object, {"spec", "hard"})) part["spec"]["hard"] = *hard;
  return part;
}

mesh::Dirty domains_of(const State& state, const ObjectKey& key, const Surrounding* before, const Surrounding* after) {
  mesh::Dirty dirty;
  for (const auto* seen : {before, after}) {
    if (seen) dirty.objects.insert({"Domain", "", seen->domain});
  }
  if (const auto owner = state.catalog.domain_of_namespace(namespace_of(key)))
    dirty.objects.insert({"Domain", "", owner->metadata.name});
  return dirty;
}

mesh::Dirty take_probe(const Context& context, const ObjectKey& key, const Json& probe) {
  mesh::Dirty dirty;
  const std::unique_lock lock(context.state.mutex);
  auto& known = context.state.quota_probe;
  if (!known || known->counted || known->ns != key.ns) return dirty;
  const Json* used = find(probe, {"status", "used"});
  known->counted =
      used && std::ranges::all_of(kCounted, [&](const char* resource) { return used->contains(resource); });
  if (!known->counted) return dirty;
  for (auto& domain : context.state.catalog.keys("Domain")) dirty.objects.insert(std::move(domain));
  return dirty;
}

// What differs from what the watches saw: to be written, and to be let go of.
struct Difference {
  std::vector<const Json*> put;
  std::vector<ObjectKey> drop;
  std::set<std::string> terminating;  // namespaces
};

Difference difference_of(const State& state, const std::string& domain, const std::vector<Json>& wanted) {
  Difference difference;
  std::set<ObjectKey> keep;
  const std::shared_lock lock(state.mutex);
  for (const Json& object : wanted) {
    const ObjectKey key = key_of(object);
    keep.insert(key);
    const auto seen = state.surroundings.find(key);
    if (seen != state.surroundings.end() && seen->second.terminating && key.kind == "Namespace")
      difference.terminating.insert(key.name);
    if (difference.terminating.contains(namespace_of(key))) continue;
    const bool too_early = key.kind == "ResourceQuota" && state.quota_probe && !state.quota_probe->counted;
    if (too_early && seen == state.surroundings.end()) continue;
    if (seen == state.surroundings.end() || seen->second != surrounding_of(object)) difference.put.push_back(&object);
  }
  for (const auto& [key, seen] : state.surroundings) {
    if (keep.contains(key)) continue;
    const auto owner = state.catalog.domain_of_namespace(namespace_of(key));
    if ((owner ? owner->metadata.name : seen.domain) == domain) difference.drop.push_back(key);
  }
  return difference;
}

Result<void> create(const Context& context, const kube::ResourceType& type, const Json& wanted) {
  const auto created = context.store.create(type, wanted);
  // Somebody was faster: its watch tells.
  if (created || created.error().code == Code::Conflict) return {};
  return created.error();
}

Result<void> put(const Context& context, const Json& wanted) {
  const ObjectKey key = key_of(wanted);
  const auto& type = type_of(key.kind);
  const auto live = context.store.get(type, key.ns, key.name);
  if (!live && live.error().code == Code::NotFound) return create(context, type, wanted);
  if (!live) return live.error();
  // What a RoleBinding refers to cannot be changed.
  const Json* role = find(wanted, {"roleRef"});
  if (role && live->value("roleRef", Json()) != *role) {
    DATAMESH_CHECK(context.store.remove(type, key.ns, key.name, string_at(*live, {"metadata", "uid"})));
    return create(context, type, wanted);
  }
  const Json patch = merge_patch_between(own_part(*live), own_part(wanted));
  if (patch.is_null()) return {};
  const auto patched = context.store.patch(type, key.ns, key.name, {.body = patch.dump()});
  if (!patched && patched.error().code != Code::NotFound) return patched.error();
  return {};
}

Result<void> drop(const Context& context, const ObjectKey& key) {
  const auto& type = type_of(key.kind);
  const auto live = context.store.get(type, key.ns, key.name);
  if (!live && live.error().code == Code::NotFound) return {};
  if (!live) return live.error();
  {
    // Another Domain may have taken it over since.
    const std::shared_lock lock(context.state.mutex);
    const auto seen = context.state.surroundings.find(key);
    const std::string label = string_at(*live, {"metadata", "labels", kDomainLabel});
    if (seen == context.state.surroundings.end() || seen->second.domain != label) return {};
  }
  if (key.kind != "Namespace")
    return context.store.remove(type, key.ns, key.name, string_at(*live, {"metadata", "uid"}));
  const Json body = {{"metadata", {{"labels", {{kDomainLabel, nullptr}}}}}};
  const auto patched = context.store.patch(type, "", key.name, {.body = body.dump()});
  if (!patched && patched.error().code != Code::NotFound) return patched.error();
  return {};
}

}  // namespace

const kube::ResourceType& resource_quotas() {
  static const kube::ResourceType type{"", "v1", "resourcequotas", "ResourceQuota", true};
  return type;
}

const std::vector<kube::ResourceType>& surrounding_types() {
  static const std::vector<kube::ResourceType> types = {kube::namespaces(), kube::role_bindings(), resource_quotas()};
  return types;
}

std::string surrounding_selector() {
  return std::string(kDomainLabel);
}

bool is_surrounding(std::string_view kind) {
  return std::ranges::any_of(surrounding_types(), [&](const auto& type) { return type.kind == kind; });
}

std::optional<Surrounding> surrounding_of(const Json& object) {
  Surrounding seen;
  seen.domain = string_at(object, {"metadata", "labels", kDomainLabel});
  if (seen.domain.empty()) return std::nullopt;
  seen.terminating = find(object, {"metadata", "deletionTimestamp"}) != nullptr;
  Json content = Json::object();
  for (const auto* field : {"roleRef", "subjects"}) {
    if (const Json* value = find(object, {field})) content[field] = *value;
  }
  if (const Json* hard = find(object, {"spec", "hard"})) content["hard"] = *hard;
  seen.content = content.dump();
  return seen;
}

mesh::Dirty take_surrounding(const Context& context, const Json& object) {
  const ObjectKey key = key_of(object);
  if (key.kind == "ResourceQuota" && key.name == kProbeName) return take_probe(context, key, object);
  auto seen = surrounding_of(object);
  if (!seen || !is_our_name(key)) return take_surrounding_removal(context, key);
  auto& state = context.state;
  const std::unique_lock lock(state.mutex);
  const auto known = state.surroundings.find(key);
  if (known == state.surroundings.end()) {
    const auto& put = state.surroundings[key] = *std::move(seen);
    return domains_of(state, key, nullptr, &put);
  }
  if (known->second == *seen) return {};
  const Surrounding before = std::exchange(known->second, *std::move(seen));
  return domains_of(state, key, &before, &known->second);
}

mesh::Dirty take_surrounding_removal(const Context& context, const ObjectKey& key) {
  auto& state = context.state;
  const std::unique_lock lock(state.mutex);
  const auto known = state.surroundings.extract(key);
  if (known.empty()) return {};
  return domains_of(state, key, &known.mapped(), nullptr);
}

std::vector<Json> surroundings_of(const api::Domain& domain, const std::vector<std::string>& namespaces) {
  std::vector<Json> wanted;
  wanted.reserve(namespaces.size());
  for (const auto& ns : namespaces) wanted.push_back(object_of(kube::namespaces(), "", ns, domain.metadata.name));
  for (const auto& ns : namespaces) {
    for (const auto role : kRoles) {
      if (Json binding = role_binding(domain, ns, role); !binding.is_null()) wanted.push_back(std::move(binding));
    }
    if (Json quota = resource_quota(domain, ns); !quota.is_null()) wanted.push_back(std::move(quota));
  }
  return wanted;
}

mesh::Objection keep_surroundings(const Context& context, const std::string& domain, const std::vector<Json>& wanted) {
  const Difference difference = difference_of(context.state, domain, wanted);
  const auto failed = [](const ObjectKey& key, const Error& error) {
    const std::string what = key.kind == "Namespace" ? "" : ": " + key.kind + " " + key.name;
    return mesh::Objection{"NamespaceFailed", "namespace " + namespace_of(key) + what + ": " + error.message};
  };
  for (const Json* object : difference.put) {
    if (const auto done = put(context, *object); !done) return failed(key_of(*object), done.error());
  }
  for (const ObjectKey& key : difference.drop) {
    if (const auto done = drop(context, key); !done) return failed(key, done.error());
  }
  if (difference.terminating.empty()) return {};
  return {"NamespaceTerminating",
          "the namespace " + *difference.terminating.begin() + " is being deleted; it is made again once it is gone"};
}

Result<void> probe_quotas(const Context& context) {
  std::string ns;
  {
    const std::shared_lock lock(context.state.mutex);
    if (!context.state.quota_probe || context.state.quota_probe->counted) return {};
    ns = context.state.quota_probe->ns;
  }
  const auto& type = resource_quotas();
  Json probe = object_of(type, ns, kProbeName, "");
  for (const char* resource : kCounted) probe["spec"]["hard"][resource] = "0";
  const auto live = context.store.get(type, ns, std::string(kProbeName));
  if (!live && live.error().code == Code::NotFound) return create(context, type, probe);
  if (!live) return live.error();
  // Looked at, and not understood: another number has it looked at again.
  const bool looked_at = find(*live, {"status", "hard"}) != nullptr;
  const Json* before = find(*live, {"spec", "hard", kCounted[0]});
  if (!looked_at) return {};
  const Json hard = {{kCounted[0], before && *before == "0" ? "1" : "0"}, {kCounted[1], "0"}};
  const auto patched =
      context.store.patch(type, ns, std::string(kProbeName), {.body = Json{{"spec", {{"hard", hard}}}}.dump()});
  if (!patched) return patched.error();
  return {};
}

}  // namespace datamesh

#include "apiserver/auth/rbac.hpp"

#include <algorithm>
#include <mutex>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

bool has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool has_or_any(const std::vector<std::string>& list, std::string_view value) {
  return has(list, "*") || has(list, value);
}

bool allows_resource(const PolicyRule& rule, const std::string& resource, const std::string& subresource) {
  if (has(rule.resources, "*")) return true;
  if (subresource.empty()) return has(rule.resources, resource);
  return has(rule.resources, resource + "/" + subresource) || has(rule.resources, "*/" + subresource);
}

bool allows_url(const PolicyRule& rule, const std::string& path) {
  return std::any_of(rule.urls.begin(), rule.urls.end(), [&](const std::string& url) {
    if (url == "*" || url == path) return true;
    return !url.empty() && url.back() == '*' && path.compare(0, url.size() - 1, url, 0, url.size() - 1) == 0;
  });
}

std::vector<std::string> strings(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return out;
  for (const Json& item : *it) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

std::string role_key(const std::string& kind, const std::string& ns, const std::string& name) {
  return (kind == "Role" ? ns : std::string()) + "/" + name;
}

std::string subject_key(const Json& subject, const std::string& ns) {
  const std::string kind = string_at(subject, {"kind"});
  const std::string name = string_at(subject, {"name"});
  if (kind != "ServiceAccount") return kind + ":" + name;
  const std::string of = string_at(subject, {"namespace"});
  return "User:" + service_account_name(of.empty() ? ns : of, name);
}

bool labels_match(const std::map<std::string, std::string>& labels, const Json& selector) {
  const Json* wanted = find(selector, {"matchLabels"});
  if (wanted == nullptr || !wanted->is_object() || wanted->empty()) return false;
  for (const auto& [key, value] : wanted->items()) {
    const auto it = labels.find(key);
    if (it == labels.end() || !value.is_string() || it->second != value.get_ref<const std::string&>()) return false;
  }
  return true;
}

// The rules that allow one thing each; `wanted` allows exactly what these allow together.
std::vector<PolicyRule> break_down(const PolicyRule& wanted) {
  std::vector<PolicyRule> out;
  for (const std::string& verb : wanted.verbs) {
    for (const std::string& group : wanted.groups) {
      for (const std::string& resource : wanted.resources) {
        if (wanted.names.empty()) out.push_back({{verb}, {group}, {resource}, {}, {}});
        for (const std::string& name : wanted.names) out.push_back({{verb}, {group}, {resource}, {name}, {}});
      }
    }
    for (const std::string& url : wanted.urls) out.push_back({{verb}, {}, {}, {}, {url}});
  }
  return out;
}

bool covers_one(const PolicyRule& owned, const PolicyRule& single) {
  if (!has_or_any(owned.verbs, single.verbs[0])) return false;
  if (!single.urls.empty()) return allows_url(owned, single.urls[0]);
  if (!has_or_any(owned.groups, single.groups[0])) return false;
  const std::string& resource = single.resources[0];
  const std::size_t slash = resource.find('/');
  const bool resource_allowed = slash == std::string::npos
                                    ? has_or_any(owned.resources, resource)
                                    : has(owned.resources, resource) ||
                                          allows_resource(owned, resource.substr(0, slash), resource.substr(slash + 1));
  if (!resource_allowed) return false;
  if (owned.names.empty()) return true;
  return !single.names.empty() && has(owned.names, single.names[0]);
}

}  // namespace

bool is_master(const User& user) {
  return has(user.groups, kMasters);
}

std::string service_account_name(const std::string& ns, const std::string& name) {
  return "system:serviceaccount:" + ns + ":" + name;
}

bool allows(const PolicyRule& rule, const Action& action) {
  if (!has_or_any(rule.verbs, action.verb)) return false;
  if (!action.path.empty()) return allows_url(rule, action.path);
  if (!has_or_any(rule.groups, action.group)) return false;
  if (!allows_resource(rule, action.resource, action.subresource)) return false;
  return rule.names.empty() || has(rule.names, action.name);
}

bool covers(const std::vector<PolicyRule>& owned, const PolicyRule& wanted) {
  for (const PolicyRule& single : break_down(wanted)) {
    if (std::none_of(owned.begin(), owned.end(), [&](const PolicyRule& rule) { return covers_one(rule, single); })) {
      return false;
    }
  }
  return true;
}

std::vector<PolicyRule> decode_rules(const Json& rules) {
  std::vector<PolicyRule> out;
  if (!rules.is_array()) return out;
  for (const Json& rule : rules) {
    out.push_back({strings(rule, "verbs"), strings(rule, "apiGroups"), strings(rule, "resources"),
                   strings(rule, "resourceNames"), strings(rule, "nonResourceURLs")});
  }
  return out;
}

Json encode_rule(const PolicyRule& rule) {
  Json out = {{"verbs", rule.verbs}};
  if (!rule.groups.empty()) out["apiGroups"] = rule.groups;
  if (!rule.resources.empty()) out["resources"] = rule.resources;
  if (!rule.names.empty()) out["resourceNames"] = rule.names;
  if (!rule.urls.empty()) out["nonResourceURLs"] = rule.urls;
  return out;
}

std::string refusal(const User& user, const Action& action) {
  if (!action.path.empty()) return "User \"" + user.name + "\" cannot " + action.verb + " path \"" + action.path + "\"";
  const std::string resource =
      action.subresource.empty() ? action.resource : action.resource + "/" + action.subresource;
  return "User \"" + user.name + "\" cannot " + action.verb + " resource \"" + resource + "\" in API group \"" +
         action.group + "\" " +
         (action.ns.empty() ? std::string("at the cluster scope") : "in the namespace \"" + action.ns + "\"");
}

void Rbac::put(const Json& object) {
  const std::string kind = string_at(object, {"kind"});
  const std::string ns = string_at(object, {"metadata", "namespace"});
  const std::string name = string_at(object, {"metadata", "name"});
  const std::unique_lock lock(mutex_);
  if (kind == "Role") {
    roles_[role_key(kind, ns, name)] =
        std::make_shared<const std::vector<PolicyRule>>(decode_rules(object.value("rules", Json())));
    return;
  }
  if (kind == "ClusterRole") {
    ClusterRole role;
    role.own = decode_rules(object.value("rules", Json()));
    if (const Json* labels = find(object, {"metadata", "labels"}); labels != nullptr && labels->is_object()) {
      for (const auto& [key, value] : labels->items()) {
        if (value.is_string()) role.labels[key] = value.get<std::string>();
      }
    }
    if (const Json* selectors = find(object, {"aggregationRule", "clusterRoleSelectors"}); selectors != nullptr) {
      for (const Json& selector : *selectors) role.selectors.push_back(selector.dump());
    }
    cluster_roles_[name] = std::move(role);
    aggregate();
    return;
  }
  Binding binding;
  binding.ns = ns;
  binding.role = role_key(string_at(object, {"roleRef", "kind"}), ns, string_at(object, {"roleRef", "name"}));
  if (const Json* subjects = find(object, {"subjects"}); subjects != nullptr && subjects->is_array()) {
    for (const Json& subject : *subjects) binding.subjects.push_back(subject_key(subject, ns));
  }
  const std::string key = ns + "/" + name;
  drop_binding(key);
  for (const std::string& subject : binding.subjects) by_subject_[subject].insert(key);
  bindings_[key] = std::move(binding);
}

void Rbac::remove(const Json& object) {
  const std::string kind = string_at(object, {"kind"});
  const std::string ns = string_at(object, {"metadata", "namespace"});
  const std::string name = string_at(object, {"metadata", "name"});
  const std::unique_lock lock(mutex_);
  if (kind == "Role") {
    roles_.erase(role_key(kind, ns, name));
  } else if (kind == "ClusterRole") {
    cluster_roles_.erase(name);
    roles_.erase("/" + name);
    aggregate();
  } else {
    drop_binding(ns + "/" + name);
  }
}

void Rbac::drop_binding(const std::string& key) {
  const auto it = bindings_.find(key);
  if (it == bindings_.end()) return;
  for (const std::string& subject : it->second.subjects) {
    const auto keys = by_subject_.find(subject);
    if (keys == by_subject_.end()) continue;
    keys->second.erase(key);
    if (keys->second.empty()) by_subject_.erase(keys);
  }
  bindings_.erase(it);
}

// Cluster roles are few, so all are worked out again when one changes.
void Rbac::aggregate() {
  for (const auto& [name, role] : cluster_roles_) {
    auto rules = std::make_shared<std::vector<PolicyRule>>(role.own);
    for (const std::string& text : role.selectors) {
      const Json selector = Json::parse(text, nullptr, false);
      for (const auto& [other, from] : cluster_roles_) {
        if (other == name || !labels_match(from.labels, selector)) continue;
        for (const PolicyRule& rule : from.own) {
          if (std::find(rules->begin(), rules->end(), rule) == rules->end()) rules->push_back(rule);
        }
      }
    }
    roles_["/" + name] = std::move(rules);
  }
}

template <class Visit>
void Rbac::visit_bindings(const User& user, const std::string& ns, Visit visit) const {
  const auto visit_subject = [&](const std::string& subject) {
    const auto keys = by_subject_.find(subject);
    if (keys == by_subject_.end()) return false;
    for (const std::string& key : keys->second) {
      const Binding& binding = bindings_.at(key);
      if (!binding.ns.empty() && binding.ns != ns) continue;
      const auto role = roles_.find(binding.role);
      if (role != roles_.end() && visit(*role->second)) return true;
    }
    return false;
  };
  if (visit_subject("User:" + user.name)) return;
  for (const std::string& group : user.groups) {
    if (visit_subject("Group:" + group)) return;
  }
}

bool Rbac::authorize(const User& user, const Action& action) const {
  if (is_master(user)) return true;
  const std::shared_lock lock(mutex_);
  bool allowed = false;
  visit_bindings(user, action.path.empty() ? action.ns : std::string(), [&](const std::vector<PolicyRule>& rules) {
    allowed = std::any_of(rules.begin(), rules.end(), [&](const PolicyRule& rule) { return allows(rule, action); });
    return allowed;
  });
  return allowed;
}

std::vector<PolicyRule> Rbac::rules_of(const User& user, const std::string& ns) const {
  std::vector<PolicyRule> out;
  if (is_master(user)) {
    out.push_back({{"*"}, {"*"}, {"*"}, {}, {}});
    out.push_back({{"*"}, {}, {}, {}, {"*"}});
    return out;
  }
  const std::shared_lock lock(mutex_);
  visit_bindings(user, ns, [&](const std::vector<PolicyRule>& rules) {
    for (const PolicyRule& rule : rules) {
      if (std::find(out.begin(), out.end(), rule) == out.end()) out.push_back(rule);
    }
    return false;
  });
  return out;
}

std::shared_ptr<const std::vector<PolicyRule>> Rbac::role(const std::string& kind, const std::string& ns,
                                                          const std::string& name) const {
  const std::shared_lock lock(mutex_);
  const auto it = roles_.find(role_key(kind, ns, name));
  return it == roles_.end() ? nullptr : it->second;
}

}  // namespace datamesh::apiserver

#include "apiserver/auth/reviews.hpp"

#include <algorithm>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::int64_t kTokenSecondsLeast = 600;
constexpr std::int64_t kTokenSecondsMost = 365 * 86'400;
constexpr std::int64_t kTokenSecondsDefault = 3600;

std::vector<std::string> strings_at(const Json& object, std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  const Json* list = find(object, path);
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

Json user_info(const User& user) {
  Json info = {{"username", user.name}, {"groups", user.groups}};
  if (!user.uid.empty()) info["uid"] = user.uid;
  if (!user.extra.empty()) info["extra"] = user.extra;
  return info;
}

Action action_of(const Json& spec) {
  if (find(spec, {"nonResourceAttributes"}) != nullptr) {
    Action action;
    action.verb = string_at(spec, {"nonResourceAttributes", "verb"});
    action.path = string_at(spec, {"nonResourceAttributes", "path"});
    return action;
  }
  const auto at = [&](std::string_view key) { return string_at(spec, {"resourceAttributes", key}); };
  return {at("verb"), at("group"), at("resource"), at("subresource"), at("namespace"), at("name"), ""};
}

Json access_answer(const Rbac& rbac, const User& user, const Action& action) {
  // No reason: as Kubernetes' RBAC, which has none for what no rule allows; kubectl prints a bare "no".
  return {{"allowed", rbac.authorize(user, action)}};
}

Json rules_answer(const Rbac& rbac, const User& user, const std::string& ns) {
  Json resources = Json::array(), urls = Json::array();
  for (const PolicyRule& rule : rbac.rules_of(user, ns)) {
    Json encoded = encode_rule(rule);
    (rule.urls.empty() ? resources : urls).push_back(std::move(encoded));
  }
  return {{"resourceRules", resources}, {"nonResourceRules", urls}, {"incomplete", false}};
}

}  // namespace

Outcome<Json> answer_review(const Authenticator& authenticator, const Rbac& rbac, const User& user,
                            const Resource& resource, const std::string& ns, Json object) {
  const Json spec = object.value("spec", Json::object());
  if (resource.kind == "SelfSubjectReview") {
    object["status"]["userInfo"] = user_info(user);
  } else if (resource.kind == "SelfSubjectRulesReview") {
    object["status"] = rules_answer(rbac, user, string_at(spec, {"namespace"}));
  } else if (resource.kind == "SelfSubjectAccessReview") {
    object["status"] = access_answer(rbac, user, action_of(spec));
  } else if (resource.kind == "SubjectAccessReview" || resource.kind == "LocalSubjectAccessReview") {
    const User about{string_at(spec, {"user"}), "", strings_at(spec, {"groups"}), {}};
    const Action action = action_of(spec);
    if (about.name.empty() && about.groups.empty()) {
      return invalid(
          resource.group, resource.kind, "",
          {{"FieldValueInvalid", "Invalid value: \"\": at least one of user or group must be specified", "spec.user"}});
    }
    if (resource.kind == "LocalSubjectAccessReview" && action.ns != ns) {
      return invalid(resource.group, resource.kind, "",
                     {{"FieldValueInvalid", "Invalid value: \"" + action.ns + "\": must match metadata.namespace",
                       "spec.resourceAttributes.namespace"}});
    }
    object["status"] = access_answer(rbac, about, action);
  } else if (resource.kind == "TokenReview") {
    std::vector<std::string> matched;
    const auto found = authenticator.review(string_at(spec, {"token"}), strings_at(spec, {"audiences"}), &matched);
    if (found) {
      object["status"] = {{"authenticated", true}, {"user", user_info(*found)}, {"audiences", matched}};
    } else {
      object["status"] = {{"authenticated", false}, {"error", found.error().message}};
    }
  } else {
    return method_not_allowed(resource.name(), "create");
  }
  return object;
}

Outcome<Json> create_token(const Authenticator& authenticator, const storage::Store& store, const Clock& clock,
                           const std::string& ns, const std::string& name, Json object) {
  const auto account = store.find({"/serviceaccounts", ns, name});
  if (!account) return not_found({"", "serviceaccounts"}, name);
  Json spec = object.value("spec", Json::object());
  const Json* asked = find(spec, {"expirationSeconds"});
  const std::int64_t seconds =
      asked != nullptr && asked->is_number_integer() ? asked->get<std::int64_t>() : kTokenSecondsDefault;
  if (seconds < kTokenSecondsLeast) {
    return invalid("authentication.k8s.io", "TokenRequest", name,
                   {{"FieldValueInvalid",
                     "Invalid value: " + std::to_string(seconds) + ": may not specify a duration less than 10 minutes",
                     "spec.expirationSeconds"}});
  }
  Claims claims;
  claims.subject = service_account_name(ns, name);
  claims.audiences = strings_at(spec, {"audiences"});
  claims.ns = ns;
  claims.service_account = name;
  claims.uid = account->uid();
  claims.id = random_uuid();
  claims.issued = clock.wall();
  claims.expires = claims.issued + std::chrono::seconds(std::min(seconds, kTokenSecondsMost));
  const auto token = authenticator.key().sign(claims);
  if (!token) return internal_error(token.error().message);
  object["kind"] = "TokenRequest";
  object["apiVersion"] = "authentication.k8s.io/v1";
  object["metadata"]["name"] = name;
  object["metadata"]["namespace"] = ns;
  object["metadata"]["creationTimestamp"] = format_time(claims.issued);
  spec["expirationSeconds"] = std::min(seconds, kTokenSecondsMost);
  if (claims.audiences.empty()) spec["audiences"] = {kAudience};
  object["spec"] = spec;
  object["status"] = {{"token", *token}, {"expirationTimestamp", format_time(claims.expires)}};
  return object;
}

}  // namespace datamesh::apiserver

#include "reconcilers/subscription/credentials.hpp"

#include <algorithm>

#include "api/types.hpp"
#include "controller/core/json.hpp"

namespace datamesh {
namespace {

// "Subscription/marketing/churn" and "Member/sales@warehouse/ana@retail.example"; only the last part may hold slashes.
std::optional<ObjectKey> parse_principal(const std::string& text) {
  const auto first = text.find('/');
  const auto second = first == std::string::npos ? first : text.find('/', first + 1);
  if (second == std::string::npos) return std::nullopt;
  return ObjectKey{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

Json encode(const std::map<std::string, Secret>& fields) {
  Json data = Json::object();
  for (const auto& [name, value] : fields) data[name] = base64_encode(value.reveal());
  return data;
}

std::string digest_of(const Json& data) {
  return sha256_hex(data.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// A Secret that lost its label is not heard of.
Result<void> ensure_label(const Context& context, const SecretName& name, const Json& live) {
  if (string_at(live, {"metadata", "labels", kCredentialLabel}) == "true") return {};
  const Json body = {{"metadata", {{"labels", {{kCredentialLabel, "true"}}}}}};
  const auto patched = context.store.patch(kube::secrets(), name.ns, name.name, {.body = body.dump()});
  if (!patched) return with_context("Secret " + name.ns + "/" + name.name, patched.error());
  return {};
}

}  // namespace

std::map<std::string, Secret> secret_fields(const Json& secret) {
  std::map<std::string, Secret> fields;
  const Json* data = find(secret, {"data"});
  if (!data || !data->is_object()) return fields;
  for (const auto& [name, value] : data->items()) {
    if (value.is_string()) fields.emplace(name, Secret(base64_decode(value.get_ref<const std::string&>())));
  }
  return fields;
}

bool is_intact(const Json& secret) {
  const std::string digest = string_at(secret, {"metadata", "annotations", kDigestAnnotation});
  const Json* data = find(secret, {"data"});
  return digest.empty() || (data && digest == digest_of(*data));
}

std::optional<ObjectKey> principal_of(const Json& secret) {
  const std::string text = string_at(secret, {"metadata", "annotations", kPrincipalAnnotation});
  const auto principal = parse_principal(text);
  if (!principal) return std::nullopt;
  const std::string ns = string_at(secret, {"metadata", "namespace"}), name = string_at(secret, {"metadata", "name"});
  if (principal->kind == "Subscription") {
    return principal->ns == ns && principal->name == name ? principal : std::nullopt;
  }
  if (principal->kind != "Member") return std::nullopt;
  const auto at = principal->ns.find('@');
  if (at == std::string::npos) return std::nullopt;
  const std::string expected =
      member_secret_name(principal->ns.substr(0, at), principal->ns.substr(at + 1), principal->name);
  return name == expected ? principal : std::nullopt;
}

std::string member_secret_name(std::string_view domain, std::string_view backend, std::string_view username) {
  std::string slug;
  for (const char c : username.substr(0, username.find('@'))) {
    const char low = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    slug += (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') ? low : '-';
  }
  const std::string whole = std::string(domain) + "/" + std::string(backend) + "/" + std::string(username);
  return "member-" + slug.substr(0, 40) + "-" + std::string(backend).substr(0, 60) + "-" +
         sha256_hex(whole).substr(0, 8);
}

Result<std::shared_ptr<const mesh::Credential>> find_credential(const Context& context, const std::string& backend,
                                                                const ObjectKey& wanted) {
  const std::shared_ptr<const mesh::Credential> none;
  ObjectKey principal = wanted;
  // A driver knows a member by domain alone; the credential is one for each backend.
  if (principal.kind == "Member" && principal.ns.find('@') == std::string::npos) {
    principal = mesh::member_principal(principal.ns, backend, principal.name);
  }
  SecretName name;
  {
    const std::shared_lock lock(context.state.mutex);
    const auto known = context.state.secrets.find(principal);
    if (known == context.state.secrets.end()) return none;
    name = known->second;
    if (principal.kind == "Member") {
      const auto owner = context.state.catalog.domain_of_namespace(name.ns);
      if (!owner || owner->metadata.name != principal.ns.substr(0, principal.ns.find('@'))) return none;
    }
  }
  const auto secret = context.store.get(kube::secrets(), name.ns, name.name);
  if (!secret && secret.error().code == Code::NotFound) return none;
  if (!secret) return with_context("Secret " + name.ns + "/" + name.name, secret.error());
  const auto fields = secret_fields(*secret);
  const auto type = fields.find("type");
  if (type == fields.end()) return none;
  const auto kind = context.engines.find(type->second.reveal());
  if (kind == context.engines.end()) return none;
  auto credential = std::make_shared<mesh::Credential>();
  credential->version = kind->second.version_of(fields);
  credential->fields = fields;
  if (credential->version.empty()) return none;
  return std::shared_ptr<const mesh::Credential>(std::move(credential));
}

Result<void> store_credential(const Context& context, const ObjectKey& principal, const std::string& backend,
                              const SecretName& name, const ObjectKey& owner, const std::string& owner_uid,
                              const mesh::Credential& credential) {
  const auto type = credential.fields.find("type");
  const Json data = encode(credential.fields);
  Json secret = {{"apiVersion", "v1"},
                 {"kind", "Secret"},
                 {"type", "servicebinding.io/" + (type == credential.fields.end() ? "generic" : type->second.reveal())},
                 {"metadata",
                  {{"name", name.name},
                   {"namespace", name.ns},
                   {"labels", {{kCredentialLabel, "true"}, {"app.kubernetes.io/managed-by", "datamesh"}}},
                   {"annotations",
                    {{kPrincipalAnnotation, to_string(principal)},
                     {kBackendAnnotation, backend},
                     {kDigestAnnotation, digest_of(data)}}},
                   {"ownerReferences", Json::array({{{"apiVersion", api::kApiVersion},
                                                     {"kind", owner.kind},
                                                     {"name", owner.name},
                                                     {"uid", owner_uid},
                                                     {"controller", true}}})}}},
                 {"data", data}};
  const auto created = context.store.create(kube::secrets(), secret);
  if (created) return {};
  if (created.error().code != Code::Conflict)
    return with_context("Secret " + name.ns + "/" + name.name, created.error());

  const auto live = context.store.get(kube::secrets(), name.ns, name.name);
  if (!live) return live.error();
  if (principal_of(*live) != principal) {
    return Error{Code::Conflict, "Secret " + name.ns + "/" + name.name +
                                     " exists and is not this control plane's; rename or delete it"};
  }
  // Made a moment ago, and not heard of yet: the first one stays, as it may be in use.
  const auto fields = secret_fields(*live);
  const auto kind_of = fields.find("type");
  const auto engine = kind_of == fields.end() ? context.engines.end() : context.engines.find(kind_of->second.reveal());
  if (engine != context.engines.end() && is_intact(*live) && !engine->second.version_of(fields).empty() &&
      string_at(*live, {"metadata", "annotations", kBackendAnnotation}) == backend &&
      !find(*live, {"metadata", "deletionTimestamp"})) {
    return ensure_label(context, name, *live);
  }
  // Ours, but damaged or of another backend: replaced as a whole.
  secret["metadata"]["resourceVersion"] = string_at(*live, {"metadata", "resourceVersion"});
  const auto updated = context.store.update(kube::secrets(), secret);
  if (!updated) return with_context("Secret " + name.ns + "/" + name.name, updated.error());
  return {};
}

Result<void> remove_credential(const Context& context, const ObjectKey& principal) {
  SecretName name;
  {
    const std::shared_lock lock(context.state.mutex);
    const auto known = context.state.secrets.find(principal);
    if (known == context.state.secrets.end()) return {};
    name = known->second;
  }
  DATAMESH_CHECK(context.store.remove(kube::secrets(), name.ns, name.name));
  const std::unique_lock lock(context.state.mutex);
  context.state.secrets.erase(principal);
  return {};
}

}  // namespace datamesh

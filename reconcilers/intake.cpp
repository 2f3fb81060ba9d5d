#include "reconcilers/intake.hpp"

#include "controller/core/json.hpp"
#include "reconcilers/approval/reconciler.hpp"
#include "reconcilers/backend/reconciler.hpp"
#include "reconcilers/data_contract/reconciler.hpp"
#include "reconcilers/data_product/reconciler.hpp"
#include "reconcilers/declarations.hpp"
#include "reconcilers/domain/reconciler.hpp"
#include "reconcilers/domain/surroundings.hpp"
#include "reconcilers/policy/reconciler.hpp"
#include "reconcilers/subscription/credentials.hpp"
#include "reconcilers/subscription/reconciler.hpp"

namespace datamesh {
namespace {

mesh::Dirty take_secret(const Context& context, const Json& object) {
  const auto principal = principal_of(object);
  if (!principal) return {};
  const auto fields = secret_fields(object);
  std::string version;
  // What others have changed is no credential: it is replaced.
  if (const auto type = fields.find("type"); type != fields.end() && is_intact(object)) {
    const auto kind = context.engines.find(type->second.reveal());
    if (kind != context.engines.end()) version = kind->second.version_of(fields);
  }
  const std::unique_lock lock(context.state.mutex);
  context.state.secrets[*principal] = {string_at(object, {"metadata", "namespace"}),
                                       string_at(object, {"metadata", "name"})};
  return context.state.catalog.put_credential(*principal, version);
}

// Whose reconciler removes the Secret in the end.
bool has_owner(const mesh::Catalog& catalog, const ObjectKey& principal) {
  if (principal.kind == "Subscription") return catalog.subscription(principal.ns, principal.name) != nullptr;
  return catalog.domain(principal.ns.substr(0, principal.ns.find('@'))) != nullptr;
}

}  // namespace

const std::vector<Watched>& watched() {
  static const std::vector<Watched> all = [] {
    std::vector<Watched> result;
    for (const auto& type : kube::mesh_types()) result.push_back({type, ""});
    result.push_back({kube::secrets(), std::string(kCredentialLabel) + "=true"});
    for (const auto& type : surrounding_types()) result.push_back({type, surrounding_selector()});
    return result;
  }();
  return all;
}

mesh::Dirty take_object(const Context& context, const Json& object) {
  const ObjectKey key = key_of(object);
  if (key.kind == "Secret") {
    const bool labelled = string_at(object, {"metadata", "labels", kCredentialLabel}) == "true";
    return labelled ? take_secret(context, object) : take_removal(context, key, &object);
  }
  if (is_surrounding(key.kind)) return take_surrounding(context, object);
  const auto put = decode_declaration(object);
  auto& state = context.state;
  const std::unique_lock lock(state.mutex);
  if (key.kind != "Backend") return put(state.catalog);

  const auto before = state.catalog.backend(key.name);
  auto dirty = put(state.catalog);
  const auto after = state.catalog.backend(key.name);
  auto& ledger = state.backends[key.name];
  const bool moved =
      before && after &&
      (after->engine != before->engine || after->external != before->external || after->managed != before->managed);
  if (moved) ledger = BackendLedger{};  // another server: nothing that was seen is known of it
  return dirty;
}

mesh::Dirty take_removal(const Context& context, const ObjectKey& key, const Json* object) {
  if (is_surrounding(key.kind)) return take_surrounding_removal(context, key);
  auto& state = context.state;
  const std::unique_lock lock(state.mutex);
  if (key.kind == "Secret") {
    const auto principal = object ? principal_of(*object) : std::nullopt;
    if (!principal) return {};
    // It may be there still, without its label: who is responsible for it knows where, and removes it with the access.
    if (!has_owner(state.catalog, *principal)) state.secrets.erase(*principal);
    return state.catalog.put_credential(*principal, "");
  }
  if (key.kind == "Backend") state.backends.erase(key.name);
  return state.catalog.remove(key);
}

Result<Next> reconcile_object(const Context& context, Patience& patience, const ObjectKey& key) {
  if (key.kind == "Subscription") return reconcile_subscription(context, patience, key);
  if (key.kind == "DataProduct") return reconcile_data_product(context, patience, key);
  if (key.kind == "Domain") return reconcile_domain(context, patience, key);
  if (key.kind == "Backend") return reconcile_backend(context, key);
  if (key.kind == "DataContract") return reconcile_data_contract(context, key);
  if (key.kind == "Approval") return reconcile_approval(context, key);
  if (key.kind == "Policy") return reconcile_policy(context, key);
  return Next::on_change();
}

}  // namespace datamesh

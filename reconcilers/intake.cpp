#include "reconcilers/intake.hpp"

#include "controller/core/json.hpp"
#include "reconcilers/approval/reconciler.hpp"
#include "reconcilers/backend/reconciler.hpp"
#include "reconcilers/data_contract/reconciler.hpp"
#include "reconcilers/data_product/reconciler.hpp"
#include "reconcilers/declarations.hpp"
#include "reconcilers/domain/reconciler.hpp"
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
  if (const auto type = fields.find("type"); type != fields.end()) {
    const auto kind = context.engines.find(type->second.reveal());
    if (kind != context.engines.end()) version = kind->second.version_of(fields);
  }
  const std::unique_lock lock(context.state.mutex);
  context.state.secrets[*principal] = {string_at(object, {"metadata", "namespace"}),
                                       string_at(object, {"metadata", "name"})};
  return context.state.catalog.put_credential(*principal, version);
}

}  // namespace

std::string credential_selector() {
  return std::string(kCredentialLabel) + "=true";
}

mesh::Dirty take_object(const Context& context, const Json& object) {
  const ObjectKey key = key_of(object);
  if (key.kind == "Secret") return take_secret(context, object);
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
  auto& state = context.state;
  const std::unique_lock lock(state.mutex);
  if (key.kind == "Secret") {
    const auto principal = object ? principal_of(*object) : std::nullopt;
    if (!principal) return {};
    state.secrets.erase(*principal);
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

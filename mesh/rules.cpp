// Which Policies are about a port, and what they add up to.

#include <algorithm>

#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

bool any_in(const std::vector<std::string>& wanted, const std::vector<std::string>& tags) {
  return std::ranges::any_of(wanted,
                             [&](const std::string& tag) { return std::ranges::find(tags, tag) != tags.end(); });
}

bool contract_has(const std::vector<std::string>& wanted, const api::DataContract& contract) {
  if (any_in(wanted, contract.tags)) return true;
  for (const api::SchemaObject& table : contract.schema)
    for (const api::Property& column : table.properties)
      if (any_in(wanted, column.tags)) return true;
  return false;
}

bool names(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// kinds say whose tags count: the product's, the contract's (its columns' included), or either's for Subscription.
bool matches(const api::PolicyMatch& match, const std::string& domain, const api::DataProduct& product,
             const api::DataContract& contract) {
  if (!match.domains.empty() && !names(match.domains, domain)) return false;
  if (match.tags.empty()) return true;
  const bool either = match.kinds.empty() || names(match.kinds, "Subscription");
  return ((either || names(match.kinds, "DataProduct")) && any_in(match.tags, product.tags)) ||
         ((either || names(match.kinds, "DataContract")) && contract_has(match.tags, contract));
}

// Whether an exception takes the product or the contract out at `now`; and when one that does, ends.
bool excepted(const api::Policy& policy, const api::DataProduct& product, const api::DataContract& contract,
              WallTime now, std::optional<WallTime>& next_change) {
  bool result = false;
  for (const api::PolicyException& exception : policy.exceptions) {
    const bool about = exception.ref.ns == product.metadata.ns &&
                       (exception.ref.name == product.metadata.name || exception.ref.name == contract.metadata.name);
    if (!about || (exception.until && *exception.until <= now)) continue;
    next_change = earlier(next_change, exception.until);
    result = true;
  }
  return result;
}

void add_access(const api::AccessRule& access, const std::string& policy, Rules& rules) {
  if (access.approval && (!rules.approval || *access.approval > *rules.approval)) {
    rules.approval = access.approval;
    rules.approval_by.clear();
  }
  if (access.approval && access.approval == rules.approval) rules.approval_by.push_back(policy);
  rules.levels = std::max(rules.levels, access.levels);
  if (access.max_duration && (!rules.max_duration || *access.max_duration < *rules.max_duration))
    rules.max_duration = access.max_duration;
}

}  // namespace

Rules rules_for(const Catalog& catalog, const std::string& domain, const api::DataProduct& product,
                const api::DataContract& contract, WallTime now) {
  static_assert(api::ApprovalRule::Auto < api::ApprovalRule::Required &&
                api::ApprovalRule::Required < api::ApprovalRule::Deny);
  Rules rules;
  for (const auto& [name, policy] : catalog.policies()) {
    if (policy->enforcement != api::Enforcement::Enforce || policy->metadata.deletion_time) continue;
    if (!matches(policy->match, domain, product, contract)) continue;
    if (policy->enforce_after && now < *policy->enforce_after) {
      rules.next_change = earlier(rules.next_change, policy->enforce_after);
      continue;
    }
    if (excepted(*policy, product, contract, now, rules.next_change)) continue;
    if (policy->access) add_access(*policy->access, name, rules);
    for (const api::Obligation& obligation : policy->obligations) rules.hides.push_back(&obligation);
  }
  // A policy that cannot be understood might forbid: then nobody is let in unasked.
  for (const ObjectKey& unknown : catalog.never_understood())
    if (unknown.kind == "Policy" && rules.approval.value_or(api::ApprovalRule::Auto) == api::ApprovalRule::Auto) {
      rules.approval = api::ApprovalRule::Required;
      rules.approval_by = {unknown.name};
    }
  return rules;
}

}  // namespace datamesh::mesh

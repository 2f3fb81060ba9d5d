// Access = f(subscription, approval, policy, contract, clock).

#include <algorithm>

#include "mesh/index.hpp"
#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

// The approvals of one subscription, sorted by what they are worth at `now`.
struct Votes {
  std::vector<std::shared_ptr<const api::Approval>> approved, rejected, expired;
  std::optional<WallTime> next_change;
};

// Why an approval is not about exactly this subscription; empty: it is.
Objection coverage(const api::Approval& approval, const api::Subscription& subscription,
                   const std::vector<std::string>& roles) {
  const std::string who = subscription.metadata.ns + "/" + subscription.metadata.name;
  if (approval.metadata.ns != subscription.product.ns)
    return {"NotTheProvider",
            "Subscription " + who + " asks DataProduct " + subscription.product.ns + "/" + subscription.product.name +
                ": only an Approval in the namespace " + subscription.product.ns + " counts",
            true};
  const bool same_port = approval.output_port.name == subscription.output_port.name &&
                         api::major_of(approval.output_port.version) == api::major_of(subscription.output_port.version);
  if (!same_port)
    return {"DoesNotCover", "it is about the port " + approval.output_port.name + " " + approval.output_port.version +
                                ", the Subscription " + who + " asks for " + subscription.output_port.name + " " +
                                subscription.output_port.version};
  const std::set<std::string> covered(approval.roles.begin(), approval.roles.end());
  if (covered != std::set<std::string>(roles.begin(), roles.end()))
    return {"DoesNotCover", "it covers the roles " + list_of(approval.roles) + ", the Subscription " + who +
                                " asks for " + (roles.empty() ? "a role that is not known yet" : list_of(roles))};
  return {};
}

// Whether the contract of the port names the approver for that level of one of the roles.
bool is_named(const Catalog& catalog, const api::DataProduct& product, const api::Approval& approval,
              const std::vector<std::string>& roles) {
  for (const api::OutputPort& port : product.output_ports) {
    if (port.name != approval.output_port.name ||
        api::major_of(port.version) != api::major_of(approval.output_port.version))
      continue;
    const auto contract = contract_of(catalog, product, port);
    if (!contract) continue;
    for (const api::ContractRole& role : contract->roles) {
      if (std::ranges::find(roles, role.role) == roles.end()) continue;
      if (approval.level == 1 && role.first_level_approvers == approval.approver) return true;
      if (approval.level == 2 && role.second_level_approvers == approval.approver) return true;
    }
  }
  return false;
}

// Why the approver of an approval may not give it; empty: may. Who may: owners and stewards of the provider's Domain,
// and whom the contract names for that level in a role that is asked for. Where a Domain declares neither owner nor
// steward, whoever may write Approvals in its namespace.
Objection entitlement(const Catalog& catalog, const api::Approval& approval, const api::Subscription& subscription,
                      const std::vector<std::string>& roles) {
  const auto domain = catalog.domain_of_namespace(subscription.product.ns);
  if (!domain) return {};
  const auto decides = [](const api::TeamMember& member) {
    return member.role == api::TeamRole::Owner || member.role == api::TeamRole::Steward;
  };
  if (std::ranges::none_of(domain->members, decides)) return {};
  const auto is_approver = [&](const auto& member) { return decides(member) && member.username == approval.approver; };
  if (std::ranges::any_of(domain->members, is_approver)) return {};
  const auto product = catalog.product(subscription.product.ns, subscription.product.name);
  if (product && is_named(catalog, *product, approval, roles)) return {};
  return {"NotEntitled", approval.approver + " is neither owner nor steward of the Domain " + domain->metadata.name +
                             ", nor named by the contract as approver of level " + std::to_string(approval.level) +
                             " of " + list_of(roles)};
}

// Levels and who approved them: how many levels can be given to different people. Levels that are left over are
// answered. (Augmenting paths; there are at most nine levels.)
class Staffing {
 public:
  explicit Staffing(const std::vector<std::shared_ptr<const api::Approval>>& approved) {
    for (const auto& approval : approved) people_[approval->level].insert(approval->approver);
  }
  std::vector<int> missing(int levels) {
    std::vector<int> left;
    for (int level = 1; level <= levels; ++level) {
      std::set<std::string> tried;
      if (!place(level, tried)) left.push_back(level);
    }
    return left;
  }
  bool has(int level) const { return people_.contains(level); }

 private:
  bool place(int level, std::set<std::string>& tried) {
    const auto people = people_.find(level);
    if (people == people_.end()) return false;
    for (const std::string& person : people->second) {
      if (!tried.insert(person).second) continue;
      const auto taken = level_of_.find(person);
      if (taken != level_of_.end() && !place(taken->second, tried)) continue;
      level_of_[person] = level;
      return true;
    }
    return false;
  }

  std::map<int, std::set<std::string>> people_;
  std::map<std::string, int> level_of_;
};

Votes count_votes(const Catalog& catalog, const api::Subscription& subscription, const std::vector<std::string>& roles,
                  WallTime now) {
  Votes votes;
  for (auto& approval : catalog.approvals_for(key_of(subscription))) {
    if (approval->metadata.deletion_time || coverage(*approval, subscription, roles)) continue;
    if (approval->until && *approval->until <= now) {
      if (approval->approved) votes.expired.push_back(std::move(approval));
      continue;
    }
    // No is no, whoever says it.
    if (approval->approved && entitlement(catalog, *approval, subscription, roles)) continue;
    votes.next_change = earlier(votes.next_change, approval->until);
    (approval->approved ? votes.approved : votes.rejected).push_back(std::move(approval));
  }
  return votes;
}

api::ApprovalRecord record_of(const api::Approval& approval) {
  return {approval.level, approval.approver, approval.approved ? "Approved" : "Rejected",
          approval.metadata.creation_time};
}

class Decider {
 public:
  Decider(const Catalog& catalog, const api::Subscription& subscription, const ProductView* provider, WallTime now)
      : catalog_(catalog), subscription_(subscription), provider_(provider), now_(now) {}

  Decision run() {
    find_ends();
    choose_roles();
    judge();
    if (verdict().phase != api::Phase::Approved) return std::move(decision_);
    // Approved. What remains is whether there is something to give, now.
    if (port_ && taken_away()) {
      conclude(api::Phase::Revoked, {"Revoked", verdict().objection.message});
    } else if (verdict().objection) {
      decision_.held = blind_;
    } else if (subscription_.start && now_ < *subscription_.start) {
      verdict().objection = {"NotStarted", "access begins at " + format_time(*subscription_.start)};
      change_at(subscription_.start);
    } else {
      give();
    }
    return std::move(decision_);
  }

 private:
  SubscriptionVerdict& verdict() { return decision_.verdict; }
  void change_at(std::optional<WallTime> time) { verdict().next_change = earlier(verdict().next_change, time); }

  // `blind`: not known, rather than known not to be.
  void object(Objection objection, bool blind) {
    if (verdict().objection) return;
    verdict().objection = std::move(objection);
    blind_ = blind;
  }

  // The two ends: who provides, who consumes.
  void find_ends() {
    const std::string where = subscription_.product.ns + "/" + subscription_.product.name;
    if (const auto domain = catalog_.domain_of_namespace(subscription_.metadata.ns))
      verdict().consumer_domain = domain->metadata.name;
    if (!provider_) {
      const std::string why = catalog_.invalid({"DataProduct", subscription_.product.ns, subscription_.product.name});
      if (why.empty())
        object({"DataProductNotFound", "there is no DataProduct " + where}, false);
      else
        object({"DataProductInvalid", "DataProduct " + where + ": " + why}, true);
      return;
    }
    const api::DataProduct& product = *provider_->product;
    port_ = find_port(*provider_, subscription_.output_port);
    if (!port_)
      object({"PortNotFound", "DataProduct " + where + " has no output port " + subscription_.output_port.name +
                                  " of major version " + subscription_.output_port.version + "; it has " +
                                  ports_of(product)},
             false);
    else if (!provider_->wanted)
      object({"DataProductNotServed", product.metadata.deletion_time
                                          ? "DataProduct " + where + " is being deleted"
                                          : "DataProduct " + where + " is " + product.lifecycle},
             false);
    else if (port_->objection)
      object({port_->objection.reason, "output port " + port_->key.port + ": " + port_->objection.message}, true);
    else if (verdict().consumer_domain.empty())
      object({"DomainNotFound",
              "no Domain has the namespace " + subscription_.metadata.ns + ": add it to the spec.namespaces of one"},
             true);
    if (port_) verdict().backend = port_->backend;
  }

  bool taken_away() const {
    const api::DataProduct& product = *provider_->product;
    return !provider_->wanted && (product.lifecycle == "retired" || product.metadata.deletion_time);
  }

  static std::string ports_of(const api::DataProduct& product) {
    std::vector<std::string> ports;
    for (const api::OutputPort& port : product.output_ports) ports.push_back(port.name + " " + port.version);
    return ports.empty() ? "none" : list_of(ports);
  }

  void choose_roles() {
    verdict().roles = subscription_.roles;
    if (!port_ || !port_->contract) return;
    std::vector<std::string> known;
    for (const api::ContractRole& role : port_->contract->roles) known.push_back(role.role);
    if (known.empty()) known = {"reader"};
    if (verdict().roles.empty()) verdict().roles = {known.front()};
    for (const std::string& role : verdict().roles)
      if (std::ranges::find(known, role) == known.end())
        object({"RoleNotFound",
                "DataContract " + port_->contract->metadata.ns + "/" + port_->contract->metadata.name +
                    " has no role " + role + "; it has " + list_of(known),
                true},
               false);
  }

  void conclude(api::Phase phase, Objection why) {
    verdict().phase = phase;
    verdict().approved = std::move(why);
  }

  // Phase and approvals. Sets phase Approved exactly when access is agreed on, and has not run out.
  void judge() {
    if (subscription_.metadata.deletion_time)
      return conclude(api::Phase::Revoked, {"Deleted", "the subscription is being deleted"});
    const Votes votes = count_votes(catalog_, subscription_, verdict().roles, now_);
    change_at(votes.next_change);
    for (const auto& list : {votes.approved, votes.rejected})
      for (const auto& approval : list) verdict().approvals.push_back(record_of(*approval));
    std::ranges::sort(verdict().approvals, {},
                      [](const auto& record) { return std::tuple(record.level, record.approver); });

    if (subscription_.end && *subscription_.end <= now_)
      return conclude(api::Phase::Expired, {"Expired", "access ended at " + format_time(*subscription_.end)});
    change_at(subscription_.end);
    if (!votes.rejected.empty()) {
      const api::Approval& no = *votes.rejected.front();
      return conclude(api::Phase::Rejected, {"Rejected", "rejected by " + no.approver + " (Approval " + no.metadata.ns +
                                                             "/" + no.metadata.name + ")"});
    }
    if (over_quota()) return;
    if (!port_ || !port_->contract) return wait_for_provider();
    const Rules& rules = port_->rules;
    change_at(rules.next_change);
    const bool own = !verdict().consumer_domain.empty() && verdict().consumer_domain == port_->key.domain;
    const auto rule = rules.approval.value_or(own ? api::ApprovalRule::Auto : api::ApprovalRule::Required);
    if (rule == api::ApprovalRule::Deny)
      return conclude(api::Phase::Rejected, {"DeniedByPolicy", "denied by Policy " + list_of(rules.approval_by)});
    if (rule == api::ApprovalRule::Required && !enough(votes, rules)) return;
    if (run_out(votes, rules, rule)) return;
    verdict().phase = api::Phase::Approved;
    verdict().approved_reason = rule == api::ApprovalRule::Auto ? "ApprovedByPolicy" : "ApprovedByProvider";
  }

  // Without the contract nobody can say what is asked. What was given is not taken away for that.
  void wait_for_provider() {
    decision_.held = blind_;
    conclude(api::Phase::Pending, {"Unresolved", verdict().objection.message});
  }

  bool over_quota() {
    const auto domain = catalog_.domain(verdict().consumer_domain);
    if (!domain || !domain->quota_subscriptions) return false;
    if (static_cast<std::int64_t>(catalog_.count_subscriptions(*domain)) <= *domain->quota_subscriptions) return false;
    const auto all = catalog_.subscriptions_of_domain(verdict().consumer_domain);
    const auto before =
        std::ranges::count_if(all, [&](const auto& other) { return older(other->metadata, subscription_.metadata); });
    if (before < *domain->quota_subscriptions) return false;
    const std::string quota = std::to_string(*domain->quota_subscriptions);
    conclude(api::Phase::Pending, {"QuotaExceeded", "the Domain " + verdict().consumer_domain + " may have " + quota +
                                                        " subscriptions (spec.quota.subscriptions)"});
    return true;
  }

  // Whether every level has an approval. Otherwise says which are missing.
  bool enough(const Votes& votes, const Rules& rules) {
    const auto has = [](const auto& approvals, int level) {
      return std::ranges::any_of(approvals, [&](const auto& approval) { return approval->level == level; });
    };
    Staffing staffing(votes.approved);
    std::vector<std::string> missing;
    bool ran_out = false, same_person = false;
    for (const int level : staffing.missing(rules.levels)) {
      missing.push_back(std::to_string(level));
      ran_out = ran_out || has(votes.expired, level);
      same_person = same_person || staffing.has(level);
    }
    if (missing.empty()) return true;
    if (ran_out) {
      conclude(api::Phase::Expired, {"ApprovalExpired", "the approval of level " + list_of(missing) + " has run out"});
      return false;
    }
    std::string message = "waits for an Approval of level " + list_of(missing) + " in the namespace " +
                          subscription_.product.ns + " for the roles " + list_of(verdict().roles);
    if (same_person) message += ", from a person who has not approved another level";
    if (const std::string approvers = approvers_of_roles(); !approvers.empty())
      message += " (approvers: " + approvers + ")";
    conclude(api::Phase::Pending, {"AwaitingApproval", message});
    return false;
  }

  std::string approvers_of_roles() const {
    std::set<std::string> names;
    for (const api::ContractRole& role : port_->contract->roles)
      if (std::ranges::find(decision_.verdict.roles, role.role) != decision_.verdict.roles.end())
        for (const std::string& name : {role.first_level_approvers, role.second_level_approvers})
          if (!name.empty()) names.insert(name);
    return list_of({names.begin(), names.end()});
  }

  // When what was agreed on ends by itself: by the subscription, by the approvals that are needed, by the policy.
  bool run_out(const Votes& votes, const Rules& rules, api::ApprovalRule rule) {
    until_ = subscription_.end;
    std::optional<WallTime> agreed = subscription_.metadata.creation_time;
    if (rule == api::ApprovalRule::Required) {
      for (int level = 1; level <= rules.levels; ++level) {
        const api::Approval* longest = nullptr;
        for (const auto& approval : votes.approved)
          if (approval->level == level && (!longest || lasts_longer(*approval, *longest))) longest = approval.get();
        until_ = earlier(until_, longest->until);
        if (longest->metadata.creation_time) agreed = std::max(agreed, longest->metadata.creation_time);
      }
    }
    if (subscription_.start && agreed) agreed = std::max(*agreed, *subscription_.start);
    if (rules.max_duration && agreed) until_ = earlier(until_, *agreed + *rules.max_duration);
    change_at(until_);
    if (!until_ || now_ < *until_) return false;
    verdict().next_change.reset();
    conclude(api::Phase::Expired,
             {"Expired", "access ended at " + format_time(*until_) + ", the longest that policy allows"});
    return true;
  }

  static bool lasts_longer(const api::Approval& a, const api::Approval& b) {
    const auto end = [](const api::Approval& approval) { return approval.until.value_or(WallTime::max()); };
    return std::tuple(end(a), a.metadata.creation_time) > std::tuple(end(b), b.metadata.creation_time);
  }

  void give() {
    Access access;
    access.subscription = key_of(subscription_);
    access.port = port_->key;
    access.consumer_domain = verdict().consumer_domain;
    access.roles = {verdict().roles.begin(), verdict().roles.end()};
    for (const std::string& name : access.roles)
      if (const PortRole* role = port_->role(name))
        for (const auto& [table, columns] : role->readable)
          access.readable[table].insert(columns.begin(), columns.end());
    if (port_->type == PortType::Topic) {
      if (const auto hidden = hidden_columns(access.readable); !hidden.empty()) {
        verdict().objection = {"TopicNotMaskable", "an event is read as a whole, and the roles " +
                                                       list_of(verdict().roles) + " may not read " + list_of(hidden) +
                                                       ": use a port of type tables, or a role that may read them"};
        return;
      }
    }
    access.until = until_;
    access.credential_version = catalog_.credential_version(access.subscription);
    verdict().access = std::move(access);
  }

  std::vector<std::string> hidden_columns(const Readable& readable) const {
    std::vector<std::string> hidden;
    for (const api::SchemaObject& table : port_->contract->schema) {
      const auto seen = readable.find(table.physical_name);
      for (const api::Property& column : table.properties)
        if (seen == readable.end() || !seen->second.contains(column.name))
          hidden.push_back(table.name + "." + column.name);
    }
    return hidden;
  }

  const Catalog& catalog_;
  const api::Subscription& subscription_;
  const ProductView* provider_;
  WallTime now_;
  const PortView* port_ = nullptr;
  Decision decision_;
  std::optional<WallTime> until_;
  bool blind_ = false;  // the objection is that something is not known
};

}  // namespace

Decision decide(const Catalog& catalog, const api::Subscription& subscription, const ProductView* provider,
                WallTime now) {
  return Decider(catalog, subscription, provider, now).run();
}

ApprovalVerdict evaluate_approval(const Catalog& catalog, const ObjectKey& key, WallTime now) {
  ApprovalVerdict verdict;
  const auto approval = catalog.approval(key.ns, key.name);
  if (const std::string why = catalog.invalid(key); !why.empty() || !approval) {
    verdict.applied = {"Invalid", why.empty() ? "it does not exist" : why, true};
    return verdict;
  }
  const std::string who = approval->subscription_ref.ns + "/" + approval->subscription_ref.name;
  const auto subscription = catalog.subscription(approval->subscription_ref.ns, approval->subscription_ref.name);
  if (!subscription) {
    verdict.applied = {"SubscriptionNotFound", "there is no Subscription " + who};
    return verdict;
  }
  const auto decided = evaluate_subscription(catalog, key_of(*subscription), now);
  verdict.applied = coverage(*approval, *subscription, decided.roles);
  if (!verdict.applied && approval->approved)
    verdict.applied = entitlement(catalog, *approval, *subscription, decided.roles);
  if (verdict.applied) return verdict;
  if (approval->until && *approval->until <= now) {
    verdict.applied = {"Expired", "it counted until " + format_time(*approval->until)};
    return verdict;
  }
  verdict.next_change = approval->until;
  return verdict;
}

}  // namespace datamesh::mesh

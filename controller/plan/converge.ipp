#pragma once
// The body of converge(), apart from its promise in driver.hpp.

namespace datamesh {
namespace detail {

// What was seen and carries no mark of ours.
template <class Spec>
std::set<ResourceId> foreign_in(const Observed<Spec>& observed) {
  std::set<ResourceId> ids;
  for (const auto& [id, found] : observed.resources) {
    if (!found.owner) ids.insert(id);
  }
  return ids;
}

// A name that somebody else took is not the thing that we meant: access would be given to them. What stood on it before
// may be changed there: taking away must not wait. Takes an ordered plan.
template <class D>
Plan<typename D::Spec> hold_on_foreign(Plan<typename D::Spec> plan, std::set<ResourceId> missing) {
  if constexpr (requires(const typename D::Spec& spec) { D::needs(spec); }) {
    for (const auto& change : plan) {
      if (change.verb == Verb::Update) missing.erase(change.id);  // adopted
    }
    for (auto& change : plan) {
      if (change.verb == Verb::Hold || !change.after) continue;
      const auto before = change.before ? D::needs(*change.before) : std::vector<ResourceId>();
      for (const auto& id : D::needs(*change.after)) {
        if (!missing.contains(id) || std::ranges::count(before, id) > 0) continue;
        if (!change.before) missing.insert(change.id);  // nor can anything be built on this
        change = held(std::move(change), HoldReason::NotOurs,
                      "needs " + id.kind + " " + id.name + ", which is not managed, or needs what is not");
        break;
      }
    }
  }
  return plan;
}

template <class D>
Plan<typename D::Spec> decide(const Desired<typename D::Spec>& desired, const Observed<typename D::Spec>& observed,
                              const std::set<ResourceId>& foreign, const Guard& rule) {
  return guard(hold_on_foreign<D>(order(diff(desired, observed), D::rank), foreign), rule, D::holds_data);
}

// A scoped look may see more than it was asked for (the other members of a group, or something that was wanted before
// and now belongs to somebody else). What is neither wanted nor owned within the scope is not decided now: the wishes
// for it were not computed.
template <class Spec>
void keep_scope(Observed<Spec>& observed, const Desired<Spec>& desired, const Scope& scope) {
  if (scope.all) return;
  std::erase_if(observed.resources, [&](const auto& item) {
    const auto& [id, found] = item;
    return !desired.resources.contains(id) && !(found.owner && scope.owners.contains(*found.owner));
  });
}

template <class D>
Step step_of(const Change<typename D::Spec>& change) {
  const bool is_held = change.verb == Verb::Hold;
  return Step{change.verb,        is_held ? change.intent : change.verb,
              change.id,          change.owner,
              change.hold_reason, change.reason,
              D::lower(change)};
}

template <class Spec>
void count(Pass& pass, const Observed<Spec>& observed) {
  pass.observed = pass.retained = pass.foreign = 0;
  pass.resources.clear();
  pass.owned.clear();
  pass.retained_ids.clear();
  pass.unseen = observed.unseen;
  for (const auto& [id, found] : observed.resources) {
    if (!found.owner) {
      ++pass.foreign;
      continue;
    }
    ++pass.observed;
    ++pass.resources[id.kind];
    if (found.retained) {
      ++pass.retained;
      pass.retained_ids.push_back(id);
    }
    pass.owned[*found.owner].push_back(id);
  }
  for (auto& [owner, ids] : pass.owned) std::ranges::sort(ids);
  std::ranges::sort(pass.retained_ids);
}

}  // namespace detail

template <Driver D>
Pass converge(D& driver, const Desired<typename D::Spec>& desired, Scope scope, const Guard& rule, const Clock& clock,
              std::stop_token stop) {
  using Spec = typename D::Spec;
  Pass pass;
  if (!scope.all) {
    for (const auto& [id, want] : desired.resources) {
      scope.ids.insert(id);
      // What a wish is built on may belong to another declaration, or to nobody of ours.
      if constexpr (requires(const Spec& spec) { D::needs(spec); }) {
        for (auto& needed : D::needs(want.spec)) scope.ids.insert(std::move(needed));
      }
    }
  }
  pass.scope = scope;

  auto started = clock.steady();
  const auto elapsed = [&] {
    const auto now = clock.steady();
    return now - std::exchange(started, now);
  };

  auto observed = driver.observe(scope, stop);
  pass.observe = elapsed();
  if (!observed) {
    pass.error = observed.error();
    return pass;
  }
  std::set<ResourceId> foreign = detail::foreign_in(*observed);
  detail::keep_scope(*observed, desired, scope);
  detail::count(pass, *observed);

  Plan<Spec> plan = detail::decide<D>(desired, *observed, foreign, rule);
  const std::set<ObjectKey> waiting = crowd(plan, *observed, rule.newcomers_max);
  plan = wait_for_turn(std::move(plan), waiting);
  pass.steps.reserve(plan.size());
  for (const auto& change : plan) pass.steps.push_back(detail::step_of<D>(change));
  pass.plan = elapsed();
  if (!pass.wrote()) {
    pass.remaining = pass.steps;
    return pass;
  }

  std::vector<Action<Spec>> actions;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (plan[i].verb == Verb::Hold) continue;
    actions.push_back({&plan[i], &pass.steps[i]});
  }
  driver.apply(std::span(actions), stop);
  pass.apply = elapsed();

  // Ready is a statement about an observation: look again, and plan again with the writes off.
  auto again = driver.observe(scope, stop);
  if (!again) {
    pass.error = with_context("after writing", again.error());
    return pass;
  }
  foreign = detail::foreign_in(*again);
  detail::keep_scope(*again, desired, scope);
  detail::count(pass, *again);
  std::map<ResourceId, Error> failures;
  for (const auto& step : pass.steps) {
    if (step.error) failures.emplace(step.id, *step.error);
  }
  for (const auto& change : wait_for_turn(detail::decide<D>(desired, *again, foreign, rule), waiting)) {
    Step step = detail::step_of<D>(change);
    if (const auto failed = failures.find(step.id); failed != failures.end()) step.error = failed->second;
    pass.remaining.push_back(std::move(step));
  }
  pass.verify = elapsed();
  return pass;
}

}  // namespace datamesh

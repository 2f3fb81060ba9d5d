#pragma once
// A driver is a few pure functions and two that touch the world. Everything else -- diff, dry run, drift, ordering,
// status, metrics -- is written once, here.

#include <chrono>
#include <concepts>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/result.hpp"
#include "controller/plan/plan.hpp"

namespace datamesh {

// One line of a pass: what was decided, the text that was (or would be) sent, how it went. Statements never hold a
// secret: a password shows as its version.
struct Step {
  Verb verb;
  Verb intent;  // equals verb unless it is a Hold
  ResourceId id;
  ObjectKey owner;
  HoldReason hold_reason = HoldReason::None;
  std::string reason;
  std::vector<std::string> statements = {};
  std::optional<Error> error = {};  // Set by apply(). A Hold has none.
};

// What is handed to apply(): the decision and its line.
template <class Spec>
struct Action {
  const Change<Spec>* change;
  Step* step;
};

// The record of one look at one target. Status, events, metrics and `datamesh plan` are all views of it.
struct Pass {
  Scope scope;
  std::optional<Error> error;   // The look itself failed: nothing is known.
  std::vector<Step> steps;      // In the order in which they were carried out.
  std::vector<Step> remaining;  // What the second look, after the writes, still found different or held.
  std::size_t observed = 0;     // Things of ours that were seen.
  std::size_t retained = 0;     // ... of which kept without a declaration.
  std::size_t foreign = 0;      // Things that are not ours.
  std::map<std::string, std::size_t> resources;  // ours, by kind
  std::set<std::string> unseen;
  // Who was seen to own what, within the scope: the next scoped look needs it.
  std::map<ObjectKey, std::vector<ResourceId>> owned;
  std::vector<ResourceId> retained_ids;
  Duration observe{}, plan{}, apply{}, verify{};

  bool wrote() const {
    return std::ranges::any_of(steps, [](const Step& step) { return step.verb != Verb::Hold; });
  }
};

template <class D>
concept Driver = requires(D driver, const Change<typename D::Spec>& change, const typename D::Spec& spec,
                          const Scope& scope, std::span<Action<typename D::Spec>> actions, std::stop_token stop) {
  requires std::equality_comparable<typename D::Spec>;
  // Everything within the scope, in a number of requests that does not grow with it. A thing that could not be
  // read is `unseen` by kind; an error means that nothing is known.
  { driver.observe(scope, stop) } -> std::same_as<Result<Observed<typename D::Spec>>>;
  // The statements of a change, in order. Pure. Deterministic. Never a secret.
  { D::lower(change) } -> std::same_as<std::vector<std::string>>;
  // Position in building up; see order(). Pure.
  { D::rank(spec) } -> std::same_as<int>;
  // Whether deleting it loses data (a table, a stream), as against access (a grant, a login). Pure.
  { D::holds_data(spec) } -> std::same_as<bool>;
  // May also have: D::needs(spec) -> std::vector<ResourceId>, the things that it is built on (the owner of a table,
  // both ends of a grant). What would be built on a thing that is not ours is held. Pure. Carries out the changes, in
  // order, in batches of its choosing. A failure is written to its Step and stops only what needs it. Revocations are
  // denied first, then cut: when apply() returns, no session of a loser is open.
  {driver.apply(actions, stop)};
  // A token that moves with every change in the target that observe() would see; empty: the engine has none.
  { driver.change_token(stop) } -> std::same_as<Result<std::string>>;
};

// The imperative shell: looks, decides, acts, and looks again at what it touched. One failed change never stops the
// others. Ready is decided from the second look (`remaining`), never from the action.
template <Driver D>
Pass converge(D& driver, const Desired<typename D::Spec>& desired, Scope scope, const Guard& rule, const Clock& clock,
              std::stop_token stop);

}  // namespace datamesh

#include "controller/plan/converge.ipp"

#pragma once
// The pure middle of every driver: two catalogues in, an ordered list of changes out.
//
//   declarations --desired()--> Desired ---.
//                                           diff() -> order() -> guard() -> Plan --lower()/apply()--> Pass
//   target ------observe()----> Observed --'
//
// Nothing in this file reads a clock, a socket or a global.

#include <algorithm>
#include <compare>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/core/ids.hpp"

namespace datamesh {

// Names a thing inside one target system, e.g. {"schema", "sales__orders_v1"}. The kind is one of a few words per
// driver: it labels metrics.
struct ResourceId {
  std::string kind, name;
  auto operator<=>(const ResourceId&) const = default;
};
struct ResourceIdHash {
  std::size_t operator()(const ResourceId& id) const {
    return std::hash<std::string_view>()(id.name) * 31 + std::hash<std::string_view>()(id.kind);
  }
};
// A whole target is some hundred thousand things with long names that begin alike: ordering them costs more than all
// that is decided about them.
template <class T>
using ById = std::unordered_map<ResourceId, T, ResourceIdHash>;

// `Spec` is the driver's own value type. Its `operator==` is the whole definition of "up to date", so both desired()
// and observe() must produce specs in canonical form.
template <std::equality_comparable Spec>
struct Wanted {
  Spec spec;
  ObjectKey owner;     // The declaration that asked for it.
  bool keep = false;   // Outlives its declaration (deletionPolicy: Retain): let go of, never deleted.
  bool adopt = false;  // May take over a thing that carries no mark (datamesh.dev/adopt).
};

template <std::equality_comparable Spec>
struct Found {
  Spec spec;
  std::optional<ObjectKey> owner;  // Read back from the mark on the thing. Empty: not ours, never touched.
  bool keep = false;               // What the mark says of deletion.
  bool retained = false;           // The mark says: its declaration is gone, the thing was kept.

  bool operator==(const Found&) const = default;
};

template <class Spec>
struct Desired {
  ById<Wanted<Spec>> resources;
  // Declarations that could not be understood this time. What they own stays as it is: an unreadable wish is not a
  // wish for nothing.
  std::set<ObjectKey> held;
};

template <class Spec>
struct Observed {
  ById<Found<Spec>> resources;
  std::set<std::string> unseen;  // Kinds that could not be listed. Absence proves nothing there.
};

// What one look covers. Everything, or exactly the named things and what the named declarations own.
struct Scope {
  bool all = true;
  std::set<ObjectKey> owners = {};
  std::set<ResourceId> ids = {};  // What the owners want, and what they were last seen to own.

  static Scope everything() { return {}; }
  static Scope of(std::set<ObjectKey> owners) { return {false, std::move(owners), {}}; }
  bool covers(const ObjectKey& owner) const { return all || owners.contains(owner); }
};

enum class Verb { Create, Update, Delete, Release, Hold };  // Release: take our mark to "retained", leave the thing.
std::string_view to_string(Verb verb);                      // "create", ... : metric labels and plan lines

// Why a change is not carried out. Words for metrics, conditions and plans; `Change::reason` has the sentence.
enum class HoldReason {
  None,
  WritesOff,       // dry run, plan, reconcile: observe
  Paused,          // reconcile: paused
  TooManyDeletes,  // more losses of data in one pass than the backend's limit
  BackingOff,      // failed lately
  OwnedByOther,    // exists, marked as another declaration's
  NotOurs,         // exists, carries no mark of ours
  Unseen,          // its kind could not be observed
  OwnerInvalid,    // the declaration that owns it cannot be understood
  Waiting,         // one of a crowd of new declarations: the next pass has room for it
};
std::string_view to_string(HoldReason reason);  // CamelCase

template <class Spec>
struct Change {
  Verb verb;
  ResourceId id;
  ObjectKey owner;
  std::optional<Spec> before, after;
  std::string reason;
  bool keep = false;         // For the mark that Create and Update write.
  Verb intent = Verb::Hold;  // Of a Hold: what would have been done.
  HoldReason hold_reason = HoldReason::None;

  bool operator==(const Change&) const = default;
};

template <class Spec>
using Plan = std::vector<Change<Spec>>;

template <class Spec>
Change<Spec> held(Change<Spec> change, HoldReason why, std::string reason) {
  if (change.verb != Verb::Hold) change.intent = change.verb;
  change.verb = Verb::Hold;
  change.hold_reason = why;
  change.reason = std::move(reason);
  return change;
}

// Compares what should be with what is. What is wanted comes first, then what goes; each in the order of its ids.
//
//   desired | actual                      | result
//   --------+-----------------------------+----------------------------------------------------------
//   yes     | -                           | Create
//   yes     | equal, ours, same mark      | nothing
//   yes     | different or retained, ours | Update
//   yes     | not marked, adopt           | Update (takes it over)
//   yes     | not marked                  | Hold NotOurs: adoption is never implicit
//   yes     | marked as someone else's    | Hold OwnedByOther
//   -       | ours, retained              | nothing
//   -       | ours, keep                  | Release
//   -       | ours                        | Delete
//   -       | ours, owner is held         | Hold OwnerInvalid
//   -       | not ours                    | nothing
//   yes     | kind was not observed       | Hold Unseen
template <class Spec>
Plan<Spec> diff(const Desired<Spec>& desired, const Observed<Spec>& observed) {
  Plan<Spec> plan;
  for (const auto& [id, want] : desired.resources) {
    Change<Spec> change{Verb::Create, id, want.owner, {}, want.spec, "declared, absent", want.keep};
    if (const auto found = observed.resources.find(id); found != observed.resources.end()) {
      const Found<Spec>& have = found->second;
      const bool ours = have.owner == want.owner;
      if (ours && !have.retained && have.keep == want.keep && have.spec == want.spec) continue;
      change.verb = Verb::Update;
      change.before = have.spec;
      change.reason = have.retained ? "declared again" : "differs from its declaration";
      if (!have.owner && want.adopt) {
        change.reason = "adopted";
      } else if (!have.owner) {
        change =
            held(std::move(change), HoldReason::NotOurs,
                 "exists and is not managed; annotate the product with datamesh.dev/adopt: \"true\" to take it over");
      } else if (!ours) {
        change = held(std::move(change), HoldReason::OwnedByOther, "exists and belongs to " + to_string(*have.owner));
      }
    } else if (observed.unseen.contains(id.kind)) {
      change = held(std::move(change), HoldReason::Unseen, "its kind could not be observed");
    }
    plan.push_back(std::move(change));
  }
  for (const auto& [id, have] : observed.resources) {
    if (!have.owner || have.retained || desired.resources.contains(id)) continue;
    Change<Spec> change{have.keep ? Verb::Release : Verb::Delete,
                        id,
                        *have.owner,
                        have.spec,
                        {},
                        have.keep ? "no longer declared; kept (deletionPolicy: Retain)" : "no longer declared",
                        have.keep};
    if (desired.held.contains(*have.owner)) {
      change = held(std::move(change), HoldReason::OwnerInvalid, "its declaration is invalid");
    }
    plan.push_back(std::move(change));
  }
  std::ranges::sort(plan, [](const Change<Spec>& a, const Change<Spec>& b) {
    return a.after.has_value() == b.after.has_value() ? a.id < b.id : a.after.has_value();
  });
  return plan;
}

// What one pass may do. Dry run, pause, drift detection, back-off and "no mass deletion" are all the same act: turning
// a change into a Hold that says why.
struct Guard {
  bool writes = true;
  // Deletes of things that hold data (Driver::holds_data), counted by the declarations that lose something. Taking
  // access away is never held: the safe side is to deny.
  std::size_t deletes_max = 50;
  std::set<ObjectKey> paused = {};    // datamesh.dev/reconcile: paused
  std::set<ObjectKey> observed = {};  // datamesh.dev/reconcile: observe
  std::set<ResourceId> resting = {};  // failed lately; their back-off is not over
  // New declarations that one pass serves; the others wait for the next. What exists, and what is taken away, never
  // waits: a crowd must not hold up those who are already there.
  std::size_t newcomers_max = std::numeric_limits<std::size_t>::max();
};

template <class Spec, class HoldsData>
Plan<Spec> guard(Plan<Spec> plan, const Guard& rule, HoldsData holds_data) {
  const auto loses_data = [&](const Change<Spec>& change) {
    return change.verb == Verb::Delete && holds_data(*change.before);
  };
  std::set<ObjectKey> losers;
  for (const auto& change : plan) {
    if (loses_data(change)) losers.insert(change.owner);
  }
  for (auto& change : plan) {
    if (change.verb == Verb::Hold) continue;
    if (!rule.writes) {
      std::string reason = change.reason;
      change = held(std::move(change), HoldReason::WritesOff, std::move(reason));
    } else if (rule.paused.contains(change.owner)) {
      change = held(std::move(change), HoldReason::Paused, "paused by datamesh.dev/reconcile");
    } else if (rule.observed.contains(change.owner)) {
      change = held(std::move(change), HoldReason::WritesOff, "only observed, by datamesh.dev/reconcile");
    } else if (rule.resting.contains(change.id)) {
      change = held(std::move(change), HoldReason::BackingOff, "failed lately, backing off");
    } else if (losers.size() > rule.deletes_max && loses_data(change)) {
      change = held(std::move(change), HoldReason::TooManyDeletes,
                    std::to_string(losers.size()) + " declarations would lose data in one pass, the limit is " +
                        std::to_string(rule.deletes_max));
    }
  }
  return plan;
}

// The owners of an ordered plan that have nothing yet and for which this pass has no room: all but the first so many.
template <class Spec>
std::set<ObjectKey> crowd(const Plan<Spec>& plan, const Observed<Spec>& observed, std::size_t newcomers_max) {
  const auto builds = [](const Change<Spec>& change) { return change.verb != Verb::Hold && change.after; };
  std::set<ObjectKey> waiting;
  for (const auto& change : plan) {
    if (builds(change)) waiting.insert(change.owner);
  }
  if (waiting.size() <= newcomers_max) return {};
  for (const auto& [id, found] : observed.resources) {
    if (found.owner) waiting.erase(*found.owner);
  }
  std::size_t room = newcomers_max;
  for (const auto& change : plan) {
    if (room == 0 || waiting.empty()) break;
    if (builds(change) && waiting.erase(change.owner) > 0) --room;
  }
  return waiting;
}

// Nothing is built for them now.
template <class Spec>
Plan<Spec> wait_for_turn(Plan<Spec> plan, const std::set<ObjectKey>& waiting) {
  if (waiting.empty()) return plan;
  for (auto& change : plan) {
    if (change.verb == Verb::Hold || !change.after || !waiting.contains(change.owner)) continue;
    change = held(std::move(change), HoldReason::Waiting, "one of many new declarations; the next pass has room");
  }
  return plan;
}

// Build up by rank, then tear down in reverse. Relations (a grant, a role membership) are resources of a later rank
// than both their ends, so no graph has to be sorted.
template <class Spec, class Rank>
Plan<Spec> order(Plan<Spec> plan, Rank rank) {
  std::ranges::stable_sort(plan, {}, [&](const Change<Spec>& change) {
    const bool down = !change.after;
    const int at = rank(down ? *change.before : *change.after);
    return std::pair(down, down ? -at : at);
  });
  return plan;
}

}  // namespace datamesh

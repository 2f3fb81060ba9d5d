#pragma once
// A driver of a target that is a map in memory: tables (which hold data) and grants on them. It fails when told to.

#include <map>
#include <set>
#include <string>

#include "controller/plan/driver.hpp"

namespace datamesh::test {

struct ToySpec {
  std::string text;
  bool is_grant = false;
  std::string on = {};  // the table that a grant is about
  bool operator==(const ToySpec&) const = default;
};

class ToyDriver {
 public:
  using Spec = ToySpec;

  // What is in the target, marks included.
  std::map<ResourceId, Found<Spec>> target;
  // How it misbehaves.
  std::set<ResourceId> broken;   // a write to these fails
  std::set<std::string> hidden;  // kinds that cannot be listed
  bool is_down = false;          // every look fails
  int dies_after = -1;           // the target goes down after as many writes; -1: never
  // What was done to it.
  int looks = 0;
  std::vector<ResourceId> written;

  Result<Observed<Spec>> observe(const Scope& scope, std::stop_token) {
    ++looks;
    if (is_down) return Error{Code::Unavailable, "toy: down"};
    Observed<Spec> observed{.resources = {}, .unseen = hidden};
    for (const auto& [id, found] : target) {
      if (hidden.contains(id.kind)) continue;
      const bool is_covered = scope.all || scope.ids.contains(id) || (found.owner && scope.covers(*found.owner));
      if (is_covered) observed.resources.emplace(id, found);
    }
    return observed;
  }

  static std::vector<std::string> lower(const Change<Spec>& change) {
    return {std::string(to_string(change.verb == Verb::Hold ? change.intent : change.verb)) + " " + change.id.name};
  }
  static int rank(const Spec& spec) { return spec.is_grant ? 1 : 0; }
  static bool holds_data(const Spec& spec) { return !spec.is_grant; }
  static std::vector<ResourceId> needs(const Spec& spec) {
    return spec.on.empty() ? std::vector<ResourceId>() : std::vector<ResourceId>{{"table", spec.on}};
  }

  void apply(std::span<Action<Spec>> actions, std::stop_token) {
    for (const auto& [change, step] : actions) {
      if (dies_after == 0) is_down = true;
      if (is_down || broken.contains(change->id)) {
        step->error = Error{Code::Unavailable, "toy: refused"};
        continue;
      }
      if (dies_after > 0) --dies_after;
      written.push_back(change->id);
      write(*change);
    }
  }
  Result<std::string> change_token(std::stop_token) { return std::string(); }

 private:
  void write(const Change<Spec>& change) {
    switch (change.verb) {
      case Verb::Create:
      case Verb::Update:
        target[change.id] = Found<Spec>{*change.after, change.owner, change.keep, false};
        return;
      case Verb::Delete:
        target.erase(change.id);
        return;
      case Verb::Release:
        target.at(change.id).retained = true;
        return;
      case Verb::Hold:
        return;
    }
  }
};

static_assert(Driver<ToyDriver>);

}  // namespace datamesh::test

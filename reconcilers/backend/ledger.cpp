#include "reconcilers/backend/ledger.hpp"

#include <algorithm>

namespace datamesh {
namespace {

// A failure that repeating cannot mend is tried again only rarely: the world may change without us being told.
constexpr auto kInvalidRetry = std::chrono::minutes(5);

// Only these are waiting for a person; a plain difference that nobody held will be tried again.
void note(Finding& finding, const Step& step) {
  finding.problems.push_back(line_of(step));
  if (step.verb == Verb::Hold && finding.hold == HoldReason::None) finding.hold = step.hold_reason;
  if (step.error) {
    finding.failed = true;
    finding.invalid |= step.error->code == Code::Invalid;
  }
}

}  // namespace

std::string line_of(const Step& step) {
  std::string text = step.id.kind + " " + step.id.name + ": ";
  if (step.error) return text + step.error->message;
  return text + step.reason;
}

std::string fingerprint(const mesh::Access& access, const mesh::Port& port) {
  std::string text = mesh::urn(access.port) + '\n' + access.consumer_domain + '\n' + access.credential_version;
  for (const auto& role : access.roles) text += "\nrole " + role;
  for (const auto& [table, columns] : access.readable) {
    text += "\ntable " + table;
    for (const auto& column : columns) text += ' ' + column;
  }
  // What must not be readable is part of what is proved.
  for (const auto& table : port.tables) {
    text += "\nhas " + table.name;
    for (const auto& column : table.columns) text += ' ' + column.name;
  }
  return sha256_hex(text).substr(0, 16);
}

Things::Things(const std::vector<ResourceId>& ids) : size_(ids.size()) {
  std::size_t length = 0;
  for (const auto& id : ids) length += id.kind.size() + id.name.size() + 2;
  text_.reserve(length);
  for (const auto& id : ids) text_.append(id.kind).append(1, '\0').append(id.name).append(1, '\0');
}

std::vector<ResourceId> Things::ids() const {
  std::vector<ResourceId> all;
  all.reserve(size_);
  std::string_view rest = text_;
  const auto take = [&] {
    const std::string_view word = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(word.size() + 1);
    return std::string(word);
  };
  while (!rest.empty()) {
    std::string kind = take();
    all.push_back({std::move(kind), take()});
  }
  return all;
}

Standing BackendLedger::standing(const ObjectKey& owner) const {
  if (!looked) return Standing::Unknown;
  if (whole_due || whole_in_flight || due.contains(owner) || in_flight.contains(owner)) return Standing::Working;
  return Standing::Settled;
}

bool BackendLedger::gone(const ObjectKey& owner) const {
  const auto things = owned.find(owner);
  if (things == owned.end()) return true;
  return std::ranges::all_of(things->second.ids(), [&](const ResourceId& id) { return retained.contains(id); });
}

const Finding* BackendLedger::finding(const ObjectKey& owner) const {
  const auto found = findings.find(owner);
  return found == findings.end() ? nullptr : &found->second;
}

const Grant* BackendLedger::grant(const ObjectKey& subscription) const {
  const auto found = grants.find(subscription);
  return found == grants.end() ? nullptr : &found->second;
}

// Domains are what the others are built in. Of the others those whose namespace brings least come first, so that one
// team's thousand do not stand before another's one; and products before those who read them.
std::set<ObjectKey> BackendLedger::take_due(std::size_t newcomers_max) {
  std::vector<const ObjectKey*> crowd;
  std::map<std::string_view, std::size_t> by_namespace;
  for (const auto& owner : due) {
    if (owner.kind == "Domain" || owned.contains(owner)) continue;
    crowd.push_back(&owner);
    ++by_namespace[owner.ns];
  }
  if (crowd.size() <= newcomers_max) return std::exchange(due, {});
  std::ranges::stable_sort(crowd, {}, [&](const ObjectKey* owner) {
    return std::tuple(owner->kind == "Subscription", by_namespace.at(owner->ns), std::string_view(owner->ns));
  });
  std::set<ObjectKey> left;
  for (auto at = crowd.begin() + static_cast<std::ptrdiff_t>(newcomers_max); at != crowd.end(); ++at) {
    left.insert(**at);
  }
  auto taken = std::exchange(due, {});
  std::erase_if(taken, [&](const ObjectKey& owner) { return left.contains(owner); });
  due = std::move(left);
  return taken;
}

BackendLedger::Work BackendLedger::begin(Steady now, bool whole, std::size_t newcomers_max) {
  for (auto at = retry.begin(); at != retry.end();) {
    if (at->second <= now) {
      due.insert(at->first);
      at = retry.erase(at);
    } else {
      ++at;
    }
  }
  std::erase_if(resting, [&](const auto& item) { return item.second <= now; });

  Work work;
  work.changed = whole_due;
  work.whole = whole || whole_due || suspect || !looked;
  work.owners = work.whole ? std::exchange(due, {}) : take_due(newcomers_max);
  in_flight = work.owners;
  whole_in_flight = work.changed;
  whole_due = false;
  return work;
}

void BackendLedger::abandon(const Work& work) {
  due.insert(work.owners.begin(), work.owners.end());
  whole_due |= work.changed;
  suspect = true;
  in_flight.clear();
  whole_in_flight = false;
}

// Takes down what a pass left, and when to try again. Answers the owners for which something else is known than before.
std::set<ObjectKey> BackendLedger::note_remaining(const Work& work, const Pass& pass, Steady now, double random) {
  std::map<ObjectKey, Finding> fresh;
  for (const auto& step : pass.remaining) {
    if (step.hold_reason == HoldReason::Waiting && !step.error) {
      due.insert(step.owner);
      continue;
    }
    note(fresh[step.owner], step);
    if (step.error) {
      const Duration delay =
          step.error->code == Code::Invalid ? Duration(kInvalidRetry) : backoff.failed(step.id, random);
      resting[step.id] = now + delay;
      const auto [at, first] = retry.try_emplace(step.owner, now + delay);
      if (!first) at->second = std::min(at->second, now + delay);
    } else if (step.verb != Verb::Hold || step.hold_reason == HoldReason::Unseen) {
      // Not held, no error, and still different: it changed under our hands. Look again soon.
      retry.try_emplace(step.owner, now + backoff.failed(step.id, random));
    } else if (step.hold_reason == HoldReason::BackingOff) {
      if (const auto at = resting.find(step.id); at != resting.end()) retry.try_emplace(step.owner, at->second);
    }
  }

  std::set<ObjectKey> told = work.owners;
  const auto covered = [&](const ObjectKey& owner) { return work.whole || work.owners.contains(owner); };
  for (auto at = findings.begin(); at != findings.end();) {
    if (covered(at->first) && !fresh.contains(at->first)) {
      told.insert(at->first);
      at = findings.erase(at);
    } else {
      ++at;
    }
  }
  for (auto& [owner, finding] : fresh) {
    auto& slot = findings[owner];
    if (slot != finding) told.insert(owner);
    slot = std::move(finding);
  }
  return told;
}

std::set<ObjectKey> BackendLedger::settle(const Work& work, const Pass& pass, const mesh::Workload& workload,
                                          Steady now, double random) {
  std::set<ObjectKey> told = note_remaining(work, pass, now, random);
  for (const auto& step : pass.steps) {
    if (step.verb != Verb::Hold && !step.error) backoff.succeeded(step.id);
  }

  if (work.whole) {
    if (work.changed || !looked) {
      for (const auto& [owner, ids] : owned) told.insert(owner);
      for (const auto& [owner, ids] : pass.owned) told.insert(owner);
      for (const auto& domain : workload.domains) told.insert(domain.owner);
      for (const auto& port : workload.ports) told.insert(port.owner);
      for (const auto& access : workload.accesses) told.insert(access.subscription);
    }
    owned.clear();
    managed = 0;
    for (const auto& [owner, ids] : pass.owned) {
      owned.emplace_hint(owned.end(), owner, Things(ids));
      managed += ids.size();
    }
    retained = {pass.retained_ids.begin(), pass.retained_ids.end()};
    foreign = pass.foreign;
    looked = true;
    suspect = false;
  } else {
    for (const auto& owner : work.owners) {
      if (const auto old = owned.find(owner); old != owned.end()) {
        if (!retained.empty()) {
          for (const auto& id : old->second.ids()) retained.erase(id);
        }
        managed -= old->second.size();
        owned.erase(old);
      }
    }
    for (const auto& [owner, ids] : pass.owned) {
      // Things of owners outside the scope may have been seen in passing; only a full list replaces a full list.
      if (!work.owners.contains(owner)) continue;
      owned[owner] = Things(ids);
      managed += ids.size();
    }
    retained.insert(pass.retained_ids.begin(), pass.retained_ids.end());
  }
  for (const auto& step : pass.steps) {
    if (step.verb != Verb::Hold) told.insert(step.owner);
  }
  // Who waits for a turn knows no more than before.
  std::erase_if(told, [&](const ObjectKey& owner) { return due.contains(owner) && !owned.contains(owner); });
  in_flight.clear();
  whole_in_flight = false;
  unreachable.reset();
  return told;
}

std::map<std::string, std::size_t> BackendLedger::drift(const Work& work, const Pass& pass, bool looked_before) const {
  std::map<std::string, std::size_t> by_kind;
  if (!looked_before || work.changed || !work.whole) return by_kind;
  for (const auto& step : pass.steps) {
    const bool difference = step.verb != Verb::Hold || step.hold_reason == HoldReason::WritesOff;
    if (difference && !work.owners.contains(step.owner) && !due.contains(step.owner)) ++by_kind[step.id.kind];
  }
  return by_kind;
}

}  // namespace datamesh

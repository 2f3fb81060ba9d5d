#include "reconcilers/conditions.hpp"

#include <algorithm>

namespace datamesh {
namespace {

constexpr std::size_t kProblemsShown = 5;
constexpr auto kPatience = std::chrono::seconds(1);

api::Condition make(std::string_view type, std::string_view status, std::string_view reason, std::string message,
                    std::int64_t generation) {
  return {std::string(type), std::string(status), std::string(reason), std::move(message), generation, {}};
}

std::string joined(const std::vector<std::string>& problems) {
  std::string text;
  for (std::size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i) text += (i ? "; " : "") + problems[i];
  if (problems.size() > kProblemsShown) text += "; and " + std::to_string(problems.size() - kProblemsShown) + " more";
  return text;
}

}  // namespace

Progress progress_of(const std::map<std::string, BackendLedger>& backends, const std::set<std::string>& names,
                     const ObjectKey& owner) {
  Progress progress;
  for (const auto& name : names) {
    const auto backend = backends.find(name);
    if (backend == backends.end()) continue;
    const Standing standing = backend->second.standing(owner);
    if (standing < progress.standing) {
      progress.standing = standing;
      progress.waiting_for = name;
      if (backend->second.unreachable) progress.unreachable = backend->second.unreachable->message;
    }
    if (const Finding* finding = backend->second.finding(owner); finding && standing == Standing::Settled) {
      auto& all = progress.finding;
      all.problems.insert(all.problems.end(), finding->problems.begin(), finding->problems.end());
      if (all.hold == HoldReason::None) all.hold = finding->hold;
      all.failed |= finding->failed;
      all.invalid |= finding->invalid;
    }
  }
  return progress;
}

api::Condition condition_true(std::string_view type, std::string_view reason, std::string message,
                              std::int64_t generation) {
  return make(type, "True", reason, std::move(message), generation);
}
api::Condition condition_false(std::string_view type, std::string_view reason, std::string message,
                               std::int64_t generation) {
  return make(type, "False", reason, std::move(message), generation);
}
api::Condition condition_unknown(std::string_view type, std::string_view reason, std::string message,
                                 std::int64_t generation) {
  return make(type, "Unknown", reason, std::move(message), generation);
}

api::Condition condition_of(std::string_view type, const mesh::Objection& objection, std::string_view good_reason,
                            std::int64_t generation) {
  if (objection) return condition_false(type, objection.reason, objection.message, generation);
  return condition_true(type, good_reason, "", generation);
}

api::Condition condition_of(std::string_view type, const Progress& progress, std::int64_t generation) {
  if (!progress.unreachable.empty()) {
    return condition_unknown(type, "BackendUnreachable",
                             "backend " + progress.waiting_for + ": " + progress.unreachable, generation);
  }
  if (progress.standing != Standing::Settled) {
    return condition_unknown(type, "Progressing", "waiting for a look at backend " + progress.waiting_for, generation);
  }
  if (progress.finding.problems.empty())
    return condition_true(type, "InSync", "the last look found nothing left to do", generation);
  if (progress.finding.failed)
    return condition_false(type, "ApplyFailed", joined(progress.finding.problems), generation);
  const auto hold = to_string(progress.finding.hold);
  return condition_false(type, hold.empty() ? "Progressing" : hold, joined(progress.finding.problems), generation);
}

void summarise(std::vector<api::Condition>& conditions, const std::vector<std::string>& parts, bool stalled,
               bool reconciling, std::int64_t generation, WallTime now) {
  const api::Condition* speaker = nullptr;
  for (const auto& part : parts) {
    const auto* condition = api::find_condition(conditions, part);
    if (!condition || condition->status == "True") continue;
    // What is wrong says more than what is not known yet.
    if (!speaker || (speaker->status == "Unknown" && condition->status == "False")) speaker = condition;
  }
  api::Condition ready = speaker ? condition_false("Ready", speaker->reason, speaker->message, generation)
                                 : condition_true("Ready", "Ready", "", generation);
  const auto set = [&](std::string_view type, bool wanted) {
    if (!wanted) return api::remove_condition(conditions, type);
    api::set_condition(conditions, condition_true(type, ready.reason, ready.message, generation), now);
  };
  set("Stalled", speaker && stalled);
  set("Reconciling", speaker && reconciling && !stalled);
  api::set_condition(conditions, ready, now);
}

bool Patience::wait(const ObjectKey& key, Steady now) {
  const std::lock_guard lock(mutex_);
  return now - since_.try_emplace(key, now).first->second < kPatience;
}

void Patience::done(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  since_.erase(key);
}

}  // namespace datamesh

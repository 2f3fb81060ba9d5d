#pragma once
// How verdicts and findings become conditions: the same words for every kind. Pure, except Patience.

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/types.hpp"
#include "controller/core/clock.hpp"
#include "mesh/evaluate.hpp"
#include "reconcilers/backend/ledger.hpp"

namespace datamesh {

// How far one declaration is on all the backends that serve it.
struct Progress {
  Standing standing = Standing::Settled;  // the least of them
  std::string waiting_for;                // of Working and Unknown: the backend, and why it cannot be looked at
  std::string unreachable;                // the error of a backend that cannot be looked at
  Finding finding;                        // of all of them together
  bool clean() const { return standing == Standing::Settled && finding.problems.empty(); }
};
Progress progress_of(const std::map<std::string, BackendLedger>& backends, const std::set<std::string>& names,
                     const ObjectKey& owner);

api::Condition condition_true(std::string_view type, std::string_view reason, std::string message,
                              std::int64_t generation);
api::Condition condition_false(std::string_view type, std::string_view reason, std::string message,
                               std::int64_t generation);
api::Condition condition_unknown(std::string_view type, std::string_view reason, std::string message,
                                 std::int64_t generation);
// type=True when there is no objection, else False with its words.
api::Condition condition_of(std::string_view type, const mesh::Objection& objection, std::string_view good_reason,
                            std::int64_t generation);
// The condition about what the looks found: Provisioned, InSync.
api::Condition condition_of(std::string_view type, const Progress& progress, std::int64_t generation);

// Ready from the others (the first that is not True speaks), and kstatus: Stalled while only a person can help,
// Reconciling while work is under way; both absent otherwise.
void summarise(std::vector<api::Condition>& conditions, const std::vector<std::string>& parts, bool stalled,
               bool reconciling, std::int64_t generation, WallTime now);

// Spares the API server statuses that would be wrong a moment later. Thread-safe.
class Patience {
 public:
  // Work under way on `key`: true while it is younger than a second, so nothing need be said yet.
  bool wait(const ObjectKey& key, Steady now);
  void done(const ObjectKey& key);

 private:
  std::mutex mutex_;
  std::map<ObjectKey, Steady> since_;
};

}  // namespace datamesh

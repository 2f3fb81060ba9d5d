#pragma once
// What is known of one backend from looking at it, and what has to be looked at next. A plain data structure: its owner
// guards it. Statuses are decided from it; it is never a wish.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/plan/driver.hpp"
#include "controller/runtime/backoff.hpp"
#include "mesh/evaluate.hpp"
#include "reconcilers/backend/engine.hpp"

namespace datamesh {

// What the last look left undone for one declaration.
struct Finding {
  std::vector<std::string> problems;   // a line each: thing, reason, error
  HoldReason hold = HoldReason::None;  // the first hold, if any
  bool failed = false;                 // an apply failed
  bool invalid = false;                // ... and repeating cannot help until the declaration changes
  bool operator==(const Finding&) const = default;
};

// What the backend was last seen to give a subscription, and whether that was tried with its own identity.
struct Grant {
  std::string fingerprint;  // of the Access that was compiled; empty: none
  bool proof_due = false;
  bool proved = false;  // the proof of exactly this state succeeded
  std::string failure;  // why the last proof failed
};

// Equal accesses of equal ports have equal fingerprints.
std::string fingerprint(const mesh::Access& access, const mesh::Port& port);

// How far the knowledge about one declaration reaches.
enum class Standing {
  Unknown,  // the backend has not been looked at since this process started, or cannot be reached
  Working,  // something changed that no look has covered yet
  Settled,  // the last look covers all that is declared; `findings` has what it left
};

// "role s_marketing__churn: " and the error or the reason.
std::string line_of(const Step& step);

// What an owner has on a backend, in one piece of memory: a mesh has a hundred thousand things with long names.
class Things {
 public:
  Things() = default;
  explicit Things(const std::vector<ResourceId>& ids);
  std::size_t size() const { return size_; }
  std::vector<ResourceId> ids() const;

 private:
  std::string text_;  // "kind\0name\0kind\0name\0"
  std::size_t size_ = 0;
};

struct BackendLedger {
  // Connection.
  std::shared_ptr<Engine> engine;
  Connection connection;
  std::string version;
  std::optional<Error> unreachable;  // why there is no engine, or why the last look failed

  // What to look at next.
  bool whole_due = true;    // everything may have changed: a look at everything, as a change
  std::set<ObjectKey> due;  // these owners changed
  bool whole_in_flight = false;
  bool suspect = false;  // a look failed: what was done in between is known to nobody, so look at everything
  std::set<ObjectKey> in_flight;
  std::map<ObjectKey, Steady> retry;  // owners with a failure: when to try again
  std::map<ResourceId, Steady> resting;
  Backoff<ResourceId> backoff;
  Steady next_look{};      // when the interval asks for a look at everything
  std::string token;       // the engine's change token after the last look
  Steady token_settles{};  // our own writes may still move the token until then
  bool wrote_since_whole = false;

  // What was seen.
  bool looked = false;
  std::map<ObjectKey, Finding> findings;  // only owners with something left
  std::map<ObjectKey, Grant> grants;      // by subscription
  std::map<ObjectKey, Things> owned;
  std::set<ResourceId> retained;
  std::size_t managed = 0, foreign = 0, drifted = 0;

  Standing standing(const ObjectKey& owner) const;
  // Nothing of the owner's is left but what was retained.
  bool gone(const ObjectKey& owner) const;
  const Finding* finding(const ObjectKey& owner) const;
  const Grant* grant(const ObjectKey& subscription) const;

  // New declarations that one pass serves. Small enough that nobody waits long for a pass to end, large enough that
  // its looks cost little beside what it makes.
  static constexpr std::size_t kNewcomersPerPass = 250;

  // Before a pass: what it is to cover. Moves due to in_flight; of a crowd that has nothing here yet, only a part.
  struct Work {
    bool whole = false;
    bool changed = false;  // of a whole look: a declaration changed, as against the interval
    std::set<ObjectKey> owners;
  };
  Work begin(Steady now, bool whole, std::size_t newcomers_max);
  // After a pass that could not look: it is all due again, and the next look covers everything.
  void abandon(const Work& work);
  // After a pass: takes what it saw. Answers the owners for which something else is known than before.
  std::set<ObjectKey> settle(const Work& work, const Pass& pass, const mesh::Workload& workload, Steady now,
                             double random);

  // Of a look at everything that nothing was declared for: what had to be changed all the same, because somebody else
  // did. By resource kind. Before settle().
  std::map<std::string, std::size_t> drift(const Work& work, const Pass& pass, bool looked_before) const;

 private:
  std::set<ObjectKey> take_due(std::size_t newcomers_max);
  std::set<ObjectKey> note_remaining(const Work& work, const Pass& pass, Steady now, double random);
};

}  // namespace datamesh

#pragma once
// Who leads: the rules of client-go's leaderelection for a Lease (coordination.k8s.io/v1), as decisions over values.
// No I/O, no threads, no clock.
//
// No candidate believes another's clock: a Lease is over when it has not changed for its duration, measured from when
// this candidate saw the change. A leader counts from before it sent the renewal, and stops writing at its renew
// deadline, which is earlier than anybody else may take over. Two clocks may be apart by any amount; one may run faster
// than the other by lease / renew_deadline.

#include <cstdint>
#include <optional>
#include <string>

#include "controller/core/clock.hpp"
#include "controller/core/result.hpp"

namespace datamesh {

struct ElectionOptions {
  std::string identity;                                // of this process, never used by another
  Duration lease = std::chrono::seconds(15);           // how long others wait for a leader that is silent
  Duration renew_deadline = std::chrono::seconds(10);  // how long a leader writes without having renewed
  Duration retry = std::chrono::seconds(2);            // between two attempts
};

// Invalid unless lease > renew_deadline > 1.2 * retry > 0 and there is an identity; a lease counts in whole seconds.
Result<void> check(const ElectionOptions& options);

// The part of a Lease that election is about.
struct LeaseRecord {
  std::string holder;  // empty: given up
  std::int64_t duration_seconds = 0;
  std::string acquired, renewed;  // metav1.MicroTime, for people; compared for equality alone
  std::int64_t transitions = 0;
  bool operator==(const LeaseRecord&) const = default;
};

class Election {
 public:
  explicit Election(ElectionOptions options) : options_(std::move(options)) {}

  enum class Move {
    Wait,    // somebody else holds it
    Create,  // there is none
    Take,    // nobody holds it any more
    Renew,
    Lost,  // we held it: it is somebody else's, or gone
  };
  struct Decision {
    Move move;
    LeaseRecord record = {};  // to be written; of Create, Take and Renew
  };
  // What to do about the Lease as it was just read; nullopt: there is none.
  Decision decide(const std::optional<LeaseRecord>& seen, Steady now, WallTime wall);
  // What a leader writes without looking first; it has to be refused when the Lease has changed.
  LeaseRecord renewal(WallTime wall) const;
  // What is written when all work is done, so that the next need not wait.
  LeaseRecord release(WallTime wall) const;

  // A decision was written; `sent`: before it went out.
  void wrote(const LeaseRecord& record, Steady sent);

  bool holds() const { return holds_until_.has_value(); }
  // Until when may be written; nullopt: we never held it.
  std::optional<Steady> holds_until() const { return holds_until_; }
  // How long to wait between two attempts of a candidate, so that candidates do not come all at once. `random` in [0,
  // 1).
  Duration pause(double random) const;

 private:
  const ElectionOptions options_;
  std::optional<LeaseRecord> observed_;
  Steady observed_at_;
  std::optional<Steady> holds_until_;
};

}  // namespace datamesh

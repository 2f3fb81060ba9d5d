#pragma once
// Leader election on a Lease: the one process of several that may write. The decisions are election.hpp's.
//
//   acquire() -> start the loops -> hold() -> stop the loops -> release()
//
// One Leader is one term: after the loss of the lease the process should end, as only a new one surely has nothing left
// of the old term under way (client-go's controllers do the same). Caveat: a lease alone does not exclude that an old
// leader, paused at the wrong moment, writes once more. That is what the term is for: servers that can compare it
// refuse the older one.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/fence.hpp"
#include "controller/kube/store.hpp"
#include "controller/runtime/election.hpp"

namespace datamesh {

struct LeaderOptions {
  std::string ns, name;  // of the Lease
  ElectionOptions election;
  // Called when this process begins and ceases to lead, from whichever thread notices. For metrics.
  std::function<void(bool leads)> on_change = [](bool) {};
};

class Leader : public Fence {
 public:
  // The store must outlive it; its calls should end within less than the renew deadline. Invalid: see check().
  static Result<std::unique_ptr<Leader>> create(kube::Store& store, LeaderOptions options, const Clock& clock);
  ~Leader() override;

  // Blocks until this process leads, through any failure of the API. Cancelled: stopped before.
  Result<Term> acquire(std::stop_token stop);
  // Renews, and blocks until stopped. Unavailable: could not renew in time; Conflict: the Lease is another's, or was
  // deleted. The return is never later than the renew deadline, whatever a request under way does.
  Result<void> hold(std::stop_token stop);
  // Gives the lease up, so that the next takes over at once. Only after everything that writes has ended.
  void release();

  // Fence: thread-safe, costs nothing.
  Term term() const override;
  Result<void> may_write() const override;

 private:
  Leader(kube::Store& store, LeaderOptions options, const Clock& clock);
  Result<bool> attempt();
  Result<bool> write(Election::Decision decision, const nlohmann::json* live);
  Result<std::string> plane();
  void renew(const std::stop_token& stop);
  void lose(Error why);
  void took_over(const nlohmann::json& lease);

  kube::Store& store_;
  const LeaderOptions options_;
  const Clock& clock_;
  std::minstd_rand random_{std::random_device{}()};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::optional<Steady> until_;
  std::optional<Error> lost_;
  Term term_;
  std::string leading_elsewhere_;  // whom the log last named

  // Of acquire(), then of the thread that renews, then of release().
  Election election_;
  std::unique_ptr<nlohmann::json> last_;  // the Lease as we wrote it
  std::jthread renewer_;
};

// The epoch of a term: later terms have greater ones, also when the Lease was made anew. From the seconds of its
// creation and leaseTransitions. Invalid: no such Lease could be.
Result<std::int64_t> epoch_of(const nlohmann::json& lease);

}  // namespace datamesh

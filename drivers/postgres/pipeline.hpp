#pragma once
// Transactions, sent without waiting for answers (libpq's pipeline mode), over several sessions at once from one
// thread.

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "drivers/postgres/connection.hpp"

namespace datamesh::postgres {

// What one transaction came to.
struct Outcome {
  std::optional<Failure> failure;  // empty: committed
  std::size_t statement = 0;       // of the failure, which it was
};

// Where transactions come from and their outcomes go. Called from the thread that runs the pipeline.
class Work {
 public:
  virtual ~Work() = default;
  // The statements of the next transaction for this session; empty: nothing left for it.
  virtual std::vector<std::string> next(std::size_t session) = 0;
  virtual void done(std::size_t session, const Outcome& outcome) = 0;
  // The sessions are busy: a good time to prepare what next() will give.
  virtual void idle() {}
};

// Runs until no session gets any more work. A session that breaks, or a stop, fails the transaction under way (it may
// still have been committed: look) and whatever next() still gives for that session.
void run_pipelines(std::span<Session* const> sessions, Work& work, std::stop_token stop);

// Each statement in a transaction of its own: one answer each, in order. Used to try what a role may do.
std::vector<std::optional<Failure>> run_each(Session& session, const std::vector<std::string>& statements,
                                             std::stop_token stop);

}  // namespace datamesh::postgres

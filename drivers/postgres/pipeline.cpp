#include "drivers/postgres/pipeline.hpp"

#include <chrono>

#include <libpq-fe.h>
#include <poll.h>

namespace datamesh::postgres {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds kSilenceMax{90};  // longer than the server's own statement_timeout
constexpr int kStopCheckMs = 50;

// One session's pipeline: one transaction at a time, all its statements sent before the first answer is awaited.
// Everything up to a sync is one implicit transaction.
class Lane {
 public:
  explicit Lane(Session& session) : session_(session), conn_(session.raw()) {
    if (!session.broken() && !PQenterPipelineMode(conn_)) session.mark_broken();
  }
  ~Lane() {
    if (!session_.broken() && !busy_) PQexitPipelineMode(conn_);
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  bool busy() const { return busy_; }
  pollfd wanted() const { return {PQsocket(conn_), static_cast<short>(unsent_ ? POLLIN | POLLOUT : POLLIN), 0}; }
  bool is_silent() const { return SteadyClock::now() - heard_ > kSilenceMax; }

  void start(const std::vector<std::string>& statements) {
    busy_ = true;
    outcome_ = {};
    answered_ = 0;
    heard_ = SteadyClock::now();
    if (session_.broken()) return fail(session_.connection_failure());
    for (const auto& sql : statements) {
      if (!PQsendQueryParams(conn_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0)) {
        return fail(session_.connection_failure());
      }
    }
    if (!PQpipelineSync(conn_)) return fail(session_.connection_failure());
    flush();
  }

  void advance() {
    heard_ = SteadyClock::now();
    if (!PQconsumeInput(conn_)) return fail(session_.connection_failure());
    flush();
    while (busy_ && !PQisBusy(conn_)) {
      const Rows result(PQgetResult(conn_));
      take(result);
    }
  }

  // Ends the transaction under way as far as we are concerned; the session cannot be used any more.
  void fail(Failure why) {
    outcome_.failure = std::move(why);
    outcome_.statement = answered_;
    session_.mark_broken();
    busy_ = false;
  }

  const Outcome& outcome() const { return outcome_; }
  const Session& session() const { return session_; }

 private:
  void flush() {
    const int left = PQflush(conn_);
    unsent_ = left == 1;
    if (left < 0) fail(session_.connection_failure());
  }

  void take(const Rows& result) {
    const pg_result* raw = result.raw();
    if (!raw) {  // ends the answer to one statement
      ++answered_;
      if (PQstatus(conn_) != CONNECTION_OK) fail(session_.connection_failure());
      return;
    }
    switch (PQresultStatus(raw)) {
      case PGRES_PIPELINE_SYNC:
        busy_ = false;
        break;
      case PGRES_PIPELINE_ABORTED:
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        break;
      default:
        if (!outcome_.failure) {
          outcome_.failure = session_.failure_of(raw);
          outcome_.statement = answered_;
        }
        // The server said good-bye, or libpq lost it: no sync will come.
        if (PQstatus(conn_) != CONNECTION_OK || outcome_.failure->is_connection_lost()) fail(*outcome_.failure);
    }
  }

  Session& session_;
  pg_conn* conn_;
  Outcome outcome_;
  std::size_t answered_ = 0;
  bool busy_ = false, unsent_ = false;
  SteadyClock::time_point heard_{};
};

Failure stopped(const Session& session) {
  return {{Code::Cancelled, session.who() + ": stopped"}, ""};
}
Failure silent(const Session& session) {
  return {{Code::Unavailable, session.who() + ": no answer within 90 s"}, ""};
}

class Pump {
 public:
  Pump(std::span<Session* const> sessions, Work& work) : work_(work) {
    for (Session* session : sessions) lanes_.push_back(std::make_unique<Lane>(*session));
  }

  void run(const std::stop_token& stop) {
    for (;;) {
      std::vector<pollfd> sockets;
      std::vector<std::size_t> waiting;
      for (std::size_t i = 0; i < lanes_.size(); ++i) {
        feed(i, stop);
        if (!lanes_[i]->busy()) continue;
        sockets.push_back(lanes_[i]->wanted());
        waiting.push_back(i);
      }
      if (waiting.empty()) return;
      work_.idle();
      poll(sockets.data(), sockets.size(), kStopCheckMs);
      for (std::size_t k = 0; k < waiting.size(); ++k) {
        Lane& lane = *lanes_[waiting[k]];
        if (stop.stop_requested()) {
          lane.fail(stopped(lane.session()));
        } else if (sockets[k].revents != 0) {
          lane.advance();
        } else if (lane.is_silent()) {
          lane.fail(silent(lane.session()));
        }
        if (!lane.busy()) work_.done(waiting[k], lane.outcome());
      }
    }
  }

 private:
  // Gives an idle lane its next transaction; when it fails at once, the one after, until none is left.
  void feed(std::size_t i, const std::stop_token& stop) {
    while (!lanes_[i]->busy()) {
      const auto statements = work_.next(i);
      if (statements.empty()) return;
      if (stop.stop_requested()) {
        work_.done(i, {stopped(lanes_[i]->session()), 0});
        continue;
      }
      lanes_[i]->start(statements);
      if (!lanes_[i]->busy()) work_.done(i, lanes_[i]->outcome());
    }
  }

  Work& work_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace

void run_pipelines(std::span<Session* const> sessions, Work& work, std::stop_token stop) {
  Pump(sessions, work).run(stop);
}

std::vector<std::optional<Failure>> run_each(Session& session, const std::vector<std::string>& statements,
                                             std::stop_token stop) {
  class Each : public Work {
   public:
    explicit Each(const std::vector<std::string>& statements) : statements_(statements) {}
    std::vector<std::string> next(std::size_t) override {
      if (answers.size() == statements_.size()) return {};
      return {statements_[answers.size()]};
    }
    void done(std::size_t, const Outcome& outcome) override { answers.push_back(outcome.failure); }
    std::vector<std::optional<Failure>> answers;

   private:
    const std::vector<std::string>& statements_;
  };
  Each work(statements);
  Session* const sessions[] = {&session};
  run_pipelines(sessions, work, stop);
  return std::move(work.answers);
}

}  // namespace datamesh::postgres

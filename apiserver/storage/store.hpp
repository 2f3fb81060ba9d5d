#pragma once
// The inside of Store: its state, and which thread may touch what.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "apiserver/storage/database.hpp"
#include "apiserver/storage/decide.hpp"
#include "apiserver/storage/list_rules.hpp"
#include "apiserver/storage/queue.hpp"
#include "apiserver/storage/storage.hpp"
#include "apiserver/storage/watchers.hpp"

namespace datamesh::apiserver::storage {

struct Store::Impl {
  explicit Impl(Options given);

  // The writer thread.
  void run();
  void serve(std::vector<Request> requests);
  // Into the index. Who is to hear of it: one list for each change, then those who watch everything.
  std::vector<Watchers::List> publish(const std::vector<Change>& changes, Rv last);
  void dispatch(const std::vector<Change>& changes, const std::vector<Watchers::List>& lists);
  void trim();
  std::int64_t now_ms() const;

  // The calling thread.
  void submit(Items items, std::function<void(Answer)> done);
  Answer submit_and_wait(Request request);
  Outcome<List> list_at(const ListOptions& asked, const ListPlan& plan) const;

  const Options options;
  Queue queue;

  // Guards index, history and watchers. The writer thread alone changes index and history, and reads them without.
  mutable std::mutex mutex;
  mutable std::condition_variable advanced;
  Index index;
  History history;
  Watchers watchers;

  std::atomic<Rv> current{0};     // committed and in the index; changed under the lock
  std::atomic<Rv> dispatched{0};  // ... and delivered to every watch
  std::atomic<std::uint64_t> writes{0}, commits{0}, failed_commits{0};

  std::unique_ptr<Database> database;  // of the writer thread, as the next two
  Rv forgotten = 0;                    // of the log in the database
  bool failing = false;                // the last commit failed
  std::thread writer;
};

}  // namespace datamesh::apiserver::storage

#pragma once
// Where the embedded API server keeps its objects: SQLite below, everything served from memory above.
//
// Flow of a write: packed by the calling thread -> bounded queue -> one writer thread takes all that wait, checks each
// against what it expects (in order; later ones see earlier ones), writes the good ones in one transaction, commits,
// changes the index, answers, hands out the events.
//
// Guarantees: what was answered is on disk (WAL, synchronous=FULL) and seen by every later read; what failed changed
// nothing. Versions are dense and ordered as the events are. A store that could not write (disk full) goes on serving
// reads and writes again when it can. All functions are safe to call from many threads.

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apiserver/storage/outcome.hpp"
#include "apiserver/storage/record.hpp"
#include "controller/core/clock.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver::storage {

// History that watches and pages may go back to. The first limit reached counts.
struct HistoryLimits {
  std::size_t events = 100'000;
  std::size_t bytes = 20u << 20;
  std::chrono::milliseconds age = std::chrono::minutes(5);
};

struct Options {
  // Holds datamesh.db and encryption.key; created (0700) if missing. Empty: in memory only, gone with the Store.
  std::string directory;
  std::set<std::string> sealed = {"/secrets", "secrets"};  // resources whose objects are encrypted on disk
  HistoryLimits history;
  std::size_t queue_writes = 4096;                                  // waiting; more: Busy
  std::chrono::milliseconds future_wait = std::chrono::seconds(3);  // for a version that is not there yet
  std::chrono::milliseconds tick = std::chrono::seconds(5);  // how often old history is dropped when nothing is written
  const Clock* clock = nullptr;                              // nullptr: real_clock()
};

struct Expect {
  std::optional<Rv> rv;  // Conflict if it has another version
  std::string uid;       // Conflict if it is another object; "" is any
};

struct Write {
  enum class Verb { Create, Replace, Remove } verb = Verb::Create;
  Draft object;  // Remove: only its key
  Expect expect;
  // Create: the object must exist and not be deleting (Terminating, NoNamespace); key().resource "" is no condition.
  Key parent;

  // AlreadyExists if it is there.
  static Write create(Draft object, Key parent = {}) {
    return {Verb::Create, std::move(object), {}, std::move(parent)};
  }
  // NotFound if it is not there. Writing what is there already is no write: the answer is the current version.
  static Write replace(Draft object, Expect expect) {
    return {Verb::Replace, std::move(object), std::move(expect), {}};
  }
  // The answer is the last state under the version of the removal.
  static Write remove(Key key, Expect expect = {}) {
    Write write{Verb::Remove, {}, std::move(expect), {}};
    write.object.key = std::move(key);
    return write;
  }
};

// Called once, on the writer thread or (Busy) on the caller's: must not block nor call blocking functions of the Store.
using Done = std::function<void(Outcome<RecordPtr>)>;
using DoneAll = std::function<void(Outcome<std::vector<RecordPtr>>)>;

enum class RvMatch { Unset, Exact, NotOlderThan };

struct ListOptions {
  std::string resource;
  std::string ns;         // empty: all namespaces
  std::size_t limit = 0;  // 0: all
  std::string continue_token;
  std::optional<Rv> rv;  // as in the query; nullopt is unset
  RvMatch rv_match = RvMatch::Unset;
  std::function<bool(const Record&)> match;  // empty: all; may run on any number of records, outside of all locks
};

struct List {
  std::vector<RecordPtr> items;          // by namespace, then name
  Rv rv = 0;                             // of the moment shown: metadata.resourceVersion, and where a watch goes on
  std::string continue_token;            // empty: that was all
  std::optional<std::size_t> remaining;  // after this page; unknown with `match`
};

// What a watch delivers to. Called by one thread at a time, in order, each event once; must not block. May end
// (destroy) its own Watch. false: has had enough (is too slow), nothing more will come.
using Sink = std::function<bool(const EventPtr&)>;

struct WatchOptions {
  std::string resource;  // empty: of every resource
  std::string ns;        // empty: all
  std::string name;      // empty: all
  Rv from = 0;           // events after this version; one in the future delivers only what is newer than it
};

// Ends when destroyed: no call of the sink is running then (unless it is the sink that destroys) and none will come.
class Watch {
 public:
  virtual ~Watch() = default;
  // Delivers a Bookmark through the sink: all events up to its version were delivered before it.
  virtual void bookmark() = 0;
};

struct Stats {
  Rv current = 0, compacted = 0;
  std::size_t objects = 0, history_events = 0, history_bytes = 0, watches = 0, queued = 0;
  std::uint64_t writes = 0, commits = 0, failed_commits = 0;
};

class Store {
 public:
  // Invalid: not our file, a newer format, damaged, or the key does not fit. Unavailable: in use by another process, or
  // the directory cannot be written.
  static Result<std::unique_ptr<Store>> open(Options options);
  // Writes that wait are finished first. Watches must be gone.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // ---- writes
  void write(Write write, Done done);
  Outcome<RecordPtr> write(Write write);  // waits for room in the queue, too
  // All or nothing: one transaction, a version for each. The first failure is the answer.
  void write_all(std::vector<Write> writes, DoneAll done);
  Outcome<std::vector<RecordPtr>> write_all(std::vector<Write> writes);

  // ---- reads, from memory
  // NotFound; TooLarge if `not_older_than` does not come within Options::future_wait (blocks).
  Outcome<RecordPtr> get(const Key& key, Rv not_older_than = 0) const;
  RecordPtr find(const Key& key) const;  // nullptr: not there
  // Follows Kubernetes' rules of resourceVersion, resourceVersionMatch, limit and continue. May block as get() does.
  Outcome<List> list(const ListOptions& options) const;
  std::vector<RecordPtr> owned_by(std::string_view owner_uid) const;
  std::vector<RecordPtr> in_namespace(const std::string& ns) const;  // of every resource
  std::size_t count(const std::string& resource) const;
  std::vector<std::pair<std::string, std::size_t>> counts() const;  // of every resource that has objects

  // ---- versions
  Rv current_rv() const;
  bool wait_for(Rv rv, std::chrono::milliseconds longest) const;  // blocks; false: not there yet
  Rv compacted_rv() const;                                        // history starts after it
  // Forgets history up to `rv` (at most current). Blocks until it is done.
  Outcome<Rv> compact(Rv rv);

  // ---- watches
  // What is in the history is delivered before this returns. Expired: `from` is before it.
  Outcome<std::unique_ptr<Watch>> watch(WatchOptions options, Sink sink);

  Stats stats() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The messages that clients know.
std::string too_old_message(Rv asked, Rv oldest);     // "too old resource version: 5 (9)"
std::string too_large_message(Rv asked, Rv current);  // "Too large resource version: 9, current: 5"

}  // namespace datamesh::apiserver::storage

#pragma once
// The last changes, oldest first: what watches resume from and what pages of an older moment are made of. A plain data
// structure: the Store's lock guards it.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "apiserver/storage/index.hpp"
#include "apiserver/storage/storage.hpp"

namespace datamesh::apiserver::storage {

struct Change {
  Rv rv = 0;
  std::int64_t time_ms = 0;  // wall clock, since 1970
  RecordPtr record;          // of a removal: the last state under the removal's version
  RecordPtr previous;        // nullptr: it was not there
  bool removed = false;

  Event::Type type() const {
    if (removed) return Event::Type::Deleted;
    return previous ? Event::Type::Modified : Event::Type::Added;
  }
};

class History {
 public:
  using Changes = std::deque<Change>;

  explicit History(HistoryLimits limits) : limits_(limits) {}

  // Versions are dense: `change.rv` is the one before plus one.
  void add(Change change);
  // Forgets what is beyond the limits.
  void trim(std::int64_t now_ms);
  // Forgets what is not newer than `rv`.
  void compact(Rv rv);
  // Nothing up to `rv` is known.
  void start_after(Rv rv) { compacted_ = rv; }

  Rv compacted() const { return compacted_; }
  std::size_t size() const { return changes_.size(); }
  std::size_t bytes() const { return bytes_; }
  // The changes newer than `rv`, which is not below compacted().
  std::pair<Changes::const_iterator, Changes::const_iterator> after(Rv rv) const;

 private:
  void drop_oldest();

  HistoryLimits limits_;
  Changes changes_;
  std::size_t bytes_ = 0;
  Rv compacted_ = 0;
};

// What differed at version `rv` from now, within one resource and namespace ("" is all): the record then, or nullptr
// for what was not there.
std::map<Place, RecordPtr> undo(const History& history, Rv rv, const std::string& resource, const std::string& ns);

}  // namespace datamesh::apiserver::storage

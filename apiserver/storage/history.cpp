#include "apiserver/storage/history.hpp"

#include <algorithm>
#include <cassert>

namespace datamesh::apiserver::storage {
namespace {

// The version before stays in memory because of this change alone; the one after is in the index or the previous of
// another change.
std::size_t cost(const Change& change) {
  std::size_t bytes = sizeof(Change);
  if (change.previous) bytes += change.previous->footprint();
  if (change.removed) bytes += sizeof(Record);
  return bytes;
}

}  // namespace

void History::add(Change change) {
  assert(change.rv > (changes_.empty() ? compacted_ : changes_.back().rv));
  bytes_ += cost(change);
  changes_.push_back(std::move(change));
}

void History::trim(std::int64_t now_ms) {
  const std::int64_t oldest_ms = now_ms - limits_.age.count();
  while (!changes_.empty() &&
         (changes_.size() > limits_.events || bytes_ > limits_.bytes || changes_.front().time_ms < oldest_ms))
    drop_oldest();
}

void History::compact(Rv rv) {
  while (!changes_.empty() && changes_.front().rv <= rv) drop_oldest();
  compacted_ = std::max(compacted_, rv);
}

void History::drop_oldest() {
  bytes_ -= cost(changes_.front());
  compacted_ = changes_.front().rv;
  changes_.pop_front();
}

std::pair<History::Changes::const_iterator, History::Changes::const_iterator> History::after(Rv rv) const {
  const auto begin =
      std::partition_point(changes_.begin(), changes_.end(), [rv](const Change& change) { return change.rv <= rv; });
  return {begin, changes_.end()};
}

std::map<Place, RecordPtr> undo(const History& history, Rv rv, const std::string& resource, const std::string& ns) {
  std::map<Place, RecordPtr> then;
  auto [begin, end] = history.after(rv);
  while (end != begin) {
    const Change& change = *--end;  // newest first: the oldest change has the last word
    const Record& record = *change.record;
    if (record.resource() != resource || (!ns.empty() && record.ns() != ns)) continue;
    then[{record.ns(), std::string(record.name())}] = change.previous;
  }
  return then;
}

}  // namespace datamesh::apiserver::storage

#pragma once
// What a group of writes comes to: for each request an answer, and the changes to commit. Pure: reads the index, adds
// nothing to it; what one request of the group does, the next ones see.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/storage/history.hpp"
#include "apiserver/storage/index.hpp"
#include "apiserver/storage/storage.hpp"

namespace datamesh::apiserver::storage {

// A Write, packed.
struct Item {
  Write::Verb verb;
  Key key;
  Expect expect;
  Key parent;
  std::shared_ptr<const Packed> packed;  // nullptr: Remove
};

using Items = std::vector<Item>;
using Answer = Outcome<std::vector<RecordPtr>>;

Item pack(Write write);

class Group {
 public:
  Group(Index& index, Rv current, std::int64_t now_ms) : index_(index), rv_(current), now_ms_(now_ms) {}

  // All of `items` or nothing. The answer holds once changes() are committed.
  Answer decide(const Items& items);
  const std::vector<Change>& changes() const { return changes_; }
  Rv last_rv() const { return rv_; }

 private:
  using Overlay = std::map<Key, RecordPtr>;

  Outcome<RecordPtr> decide(const Item& item);
  Outcome<RecordPtr> change(const Item& item, const RecordPtr& current);
  RecordPtr find(const Key& key) const;

  Index& index_;
  Rv rv_;
  std::int64_t now_ms_;
  std::vector<Change> changes_;
  Overlay overlay_;  // what the group has written; nullptr: removed
};

}  // namespace datamesh::apiserver::storage

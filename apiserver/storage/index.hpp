#pragma once
// The objects that are there now, by key, owner and namespace. A plain data structure: the Store's lock guards it, and
// the writer thread, the only one that changes it, may read it without.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "apiserver/storage/record.hpp"

namespace datamesh::apiserver::storage {

using Place = std::pair<std::string, std::string>;  // namespace, name

struct PlaceView {
  std::string_view ns, name;
  auto operator<=>(const PlaceView&) const = default;
};
inline PlaceView place_of(const Record& record) {
  return {record.ns(), record.name()};
}

// A record in an ordered set. Its place is the key; the version may be replaced where it stands.
struct Slot {
  mutable RecordPtr record;
};

struct ByPlace {
  using is_transparent = void;
  bool operator()(const Slot& a, const Slot& b) const { return place_of(*a.record) < place_of(*b.record); }
  bool operator()(const Slot& a, const PlaceView& b) const { return place_of(*a.record) < b; }
  bool operator()(const PlaceView& a, const Slot& b) const { return a < place_of(*b.record); }
};

using Slots = std::set<Slot, ByPlace>;

class Index {
 public:
  // The same text for ever, at one address. Changes nothing that readers look at, but needs the lock.
  const std::string& intern(const std::string& text) { return *texts_.insert(text).first; }

  RecordPtr find(const std::string& resource, PlaceView place) const;
  // Adds or replaces.
  void put(RecordPtr record);
  void erase(const Record& record);

  // In order of their places.
  const Slots& all(const std::string& resource) const;
  // Of one namespace, or of all ("").
  std::size_t count(const std::string& resource, const std::string& ns) const;
  std::vector<std::string> resources() const;
  std::vector<RecordPtr> owned_by(std::string_view uid) const;
  std::vector<RecordPtr> in_namespace(const std::string& ns) const;
  std::size_t size() const { return size_; }

 private:
  struct Resource {
    Slots slots;
    std::unordered_map<std::string_view, std::size_t> by_namespace;  // counts, of interned texts
  };

  void note_owners(const Record& record, bool there);

  std::unordered_set<std::string> texts_;
  std::unordered_map<std::string, Resource> resources_;
  // By the hash of an owner's uid: an object may have several owners, an owner many objects.
  std::set<std::pair<std::size_t, const Record*>> owned_;
  std::size_t size_ = 0;
};

// The part of `slots` that is of one namespace ("" is all), from behind `after` (nullptr: from its start).
std::pair<Slots::const_iterator, Slots::const_iterator> range_of(const Slots& slots, const std::string& ns,
                                                                 const PlaceView* after);

}  // namespace datamesh::apiserver::storage

#include "apiserver/storage/index.hpp"

#include <algorithm>
#include <functional>

namespace datamesh::apiserver::storage {
namespace {

std::size_t hash_of(std::string_view uid) {
  return std::hash<std::string_view>()(uid);
}

}  // namespace

RecordPtr Index::find(const std::string& resource, PlaceView place) const {
  const auto slots = resources_.find(resource);
  if (slots == resources_.end()) return nullptr;
  const auto slot = slots->second.find(place);
  return slot == slots->second.end() ? nullptr : slot->record;
}

void Index::put(RecordPtr record) {
  Slots& slots = resources_[record->resource()];
  const auto [slot, added] = slots.insert(Slot{record});
  if (added) {
    ++size_;
  } else {
    note_owners(*slot->record, false);
    slot->record = record;
  }
  note_owners(*record, true);
}

void Index::erase(const Record& record) {
  const auto slots = resources_.find(record.resource());
  if (slots == resources_.end()) return;
  const auto slot = slots->second.find(place_of(record));
  if (slot == slots->second.end()) return;
  note_owners(*slot->record, false);
  slots->second.erase(slot);
  --size_;
}

void Index::note_owners(const Record& record, bool there) {
  if (!record.has_owners()) return;
  for (const auto owner : record.owners()) {
    if (there) {
      owned_.emplace(hash_of(owner), &record);
    } else {
      owned_.erase({hash_of(owner), &record});
    }
  }
}

const Slots* Index::all(const std::string& resource) const {
  const auto slots = resources_.find(resource);
  return slots == resources_.end() ? nullptr : &slots->second;
}

std::vector<RecordPtr> Index::owned_by(std::string_view uid) const {
  const std::size_t hash = hash_of(uid);
  std::vector<RecordPtr> found;
  for (auto it = owned_.lower_bound({hash, nullptr}); it != owned_.end() && it->first == hash; ++it) {
    const auto owners = it->second->owners();
    if (std::find(owners.begin(), owners.end(), uid) == owners.end()) continue;  // the same hash by accident
    found.push_back(find(it->second->resource(), place_of(*it->second)));
  }
  return found;
}

std::vector<RecordPtr> Index::in_namespace(const std::string& ns) const {
  std::vector<RecordPtr> found;
  for (const auto& [resource, slots] : resources_) {
    const auto [begin, end] = range_of(slots, ns, nullptr);
    for (auto it = begin; it != end; ++it) found.push_back(it->record);
  }
  return found;
}

std::pair<Slots::const_iterator, Slots::const_iterator> range_of(const Slots& slots, const std::string& ns,
                                                                 const PlaceView* after) {
  auto begin = ns.empty() ? slots.begin() : slots.lower_bound(PlaceView{ns, {}});
  if (after && (ns.empty() || after->ns >= ns)) begin = slots.upper_bound(*after);
  if (ns.empty()) return {begin, slots.end()};
  // The least text behind `ns`: with a byte 0, which no name contains.
  const std::string next = ns + '\0';
  auto end = slots.lower_bound(PlaceView{next, {}});
  if (after && after->ns > ns) begin = end;
  return {begin, end};
}

}  // namespace datamesh::apiserver::storage

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
  const Slots& slots = all(resource);
  const auto slot = slots.find(place);
  return slot == slots.end() ? nullptr : slot->record;
}

void Index::put(RecordPtr record) {
  Resource& resource = resources_[record->resource()];
  const auto [slot, added] = resource.slots.insert(Slot{record});
  if (added) {
    ++size_;
    ++resource.by_namespace[record->ns()];
  } else {
    note_owners(*slot->record, false);
    slot->record = record;
  }
  note_owners(*record, true);
}

void Index::erase(const Record& record) {
  const auto resource = resources_.find(record.resource());
  if (resource == resources_.end()) return;
  auto& [slots, by_namespace] = resource->second;
  const auto slot = slots.find(place_of(record));
  if (slot == slots.end()) return;
  note_owners(*slot->record, false);
  slots.erase(slot);
  --size_;
  const auto count = by_namespace.find(record.ns());
  if (--count->second == 0) by_namespace.erase(count);
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

const Slots& Index::all(const std::string& resource) const {
  static const Slots none;
  const auto found = resources_.find(resource);
  return found == resources_.end() ? none : found->second.slots;
}

std::size_t Index::count(const std::string& resource, const std::string& ns) const {
  const auto found = resources_.find(resource);
  if (found == resources_.end()) return 0;
  if (ns.empty()) return found->second.slots.size();
  const auto count = found->second.by_namespace.find(ns);
  return count == found->second.by_namespace.end() ? 0 : count->second;
}

std::vector<std::string> Index::resources() const {
  std::vector<std::string> names;
  for (const auto& [name, resource] : resources_) names.push_back(name);
  return names;
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
  for (const auto& [name, resource] : resources_) {
    const auto [begin, end] = range_of(resource.slots, ns, nullptr);
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

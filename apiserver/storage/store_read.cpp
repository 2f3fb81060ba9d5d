#include "apiserver/storage/store.hpp"

namespace datamesh::apiserver::storage {
namespace {

Failure too_large(Rv asked, Rv current) {
  return {Reason::TooLarge, too_large_message(asked, current), {}, {}, current};
}

using Then = std::map<Place, RecordPtr>;

// The items of one moment in order, those of now but for what `then` says: at most `wanted` (0: all) of one namespace
// from behind `after`.
std::vector<RecordPtr> cut(const Slots& slots, const Then& then, const std::string& ns, const PlaceView* after,
                           std::size_t wanted) {
  const auto [begin, end] = range_of(slots, ns, after);
  auto old = after ? then.upper_bound({std::string(after->ns), std::string(after->name)}) : then.begin();
  std::vector<RecordPtr> items;
  auto it = begin;
  while ((it != end || old != then.end()) && (wanted == 0 || items.size() < wanted)) {
    const auto place = it != end ? place_of(*it->record) : PlaceView{};
    const auto old_place = old != then.end() ? PlaceView{old->first.first, old->first.second} : PlaceView{};
    if (old == then.end() || (it != end && place < old_place)) {
      items.push_back(it->record);
      ++it;
      continue;
    }
    if (it != end && place == old_place) ++it;
    if (old->second) items.push_back(old->second);
    ++old;
  }
  return items;
}

// How many there were.
std::size_t count_then(const Index& index, const Then& then, const ListOptions& asked) {
  std::size_t count = index.count(asked.resource, asked.ns);
  for (const auto& [place, record] : then) {
    if (index.find(asked.resource, {place.first, place.second})) --count;
    if (record) ++count;
  }
  return count;
}

}  // namespace

RecordPtr Store::find(const Key& key) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->index.find(key.resource, {key.ns, key.name});
}

Outcome<RecordPtr> Store::get(const Key& key, Rv not_older_than) const {
  if (!wait_for(not_older_than, impl_->options.future_wait)) return too_large(not_older_than, current_rv());
  if (auto record = find(key)) return record;
  return Failure{Reason::NotFound, key.resource + " \"" + key.name + "\" not found", {}, {}, 0};
}

Outcome<List> Store::list(const ListOptions& options) const {
  const auto plan = plan_list(options);
  if (!plan) return plan.failure();
  if (!wait_for(plan->rv, impl_->options.future_wait)) return too_large(plan->rv, current_rv());
  return impl_->list_at(options, *plan);
}

Outcome<List> Store::Impl::list_at(const ListOptions& asked, const ListPlan& plan) const {
  PlaceView after;
  if (plan.after) after = {plan.after->first, plan.after->second};
  // One more than a page, to know whether it is the last. What a selector leaves of them is not known here.
  const std::size_t wanted = asked.match || asked.limit == 0 ? 0 : asked.limit + 1;

  List list;
  std::vector<RecordPtr> found;
  std::size_t total = 0;
  {
    const std::scoped_lock lock(mutex);
    list.rv = plan.at == ListPlan::At::Exactly ? plan.rv : current.load();
    if (list.rv < history.compacted()) return expired(plan, current);
    const Then then = undo(history, list.rv, asked.resource, asked.ns);
    found = cut(index.all(asked.resource), then, asked.ns, plan.after ? &after : nullptr, wanted);
    if (wanted > 0) total = count_then(index, then, asked);
  }
  bool more = false;
  for (auto& record : found) {
    if (asked.match && !asked.match(*record)) continue;
    more = asked.limit > 0 && list.items.size() == asked.limit;
    if (more) break;
    list.items.push_back(std::move(record));
  }
  if (!more) return list;
  const Record& last = *list.items.back();
  const std::size_t shown = plan.shown + list.items.size();
  list.continue_token = encode_token({list.rv, {last.ns(), std::string(last.name())}, shown});
  // At least one: an inconsistent continuation counts what is no longer there.
  if (!asked.match) list.remaining = total > shown ? total - shown : 1;
  return list;
}

std::vector<RecordPtr> Store::owned_by(std::string_view owner_uid) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->index.owned_by(owner_uid);
}

std::vector<RecordPtr> Store::in_namespace(const std::string& ns) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->index.in_namespace(ns);
}

std::size_t Store::count(const std::string& resource) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->index.count(resource, "");
}

std::vector<std::pair<std::string, std::size_t>> Store::counts() const {
  const std::scoped_lock lock(impl_->mutex);
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (auto& resource : impl_->index.resources()) {
    const std::size_t count = impl_->index.count(resource, "");
    if (count > 0) counts.emplace_back(std::move(resource), count);
  }
  return counts;
}

}  // namespace datamesh::apiserver::storage

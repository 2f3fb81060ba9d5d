#include <iterator>

#include "apiserver/storage/store.hpp"

namespace datamesh::apiserver::storage {
namespace {

Failure too_large(Rv asked, Rv current) {
  return {Reason::TooLarge, too_large_message(asked, current), {}, {}, current};
}

// The items of one moment, in order: those of now, but for what `then` says.
struct Cut {
  std::vector<RecordPtr> items;
  std::size_t more = 0;  // beyond `wanted`
};

class Cutter {
 public:
  explicit Cutter(std::size_t wanted) : wanted_(wanted) {}  // 0: all

  bool full() const { return wanted_ > 0 && cut_.items.size() >= wanted_; }
  void add(const RecordPtr& record) {
    if (full()) {
      ++cut_.more;
    } else {
      cut_.items.push_back(record);
    }
  }
  Cut take() { return std::move(cut_); }

 private:
  std::size_t wanted_;
  Cut cut_;
};

Cut cut_now(const Slots& slots, const std::string& ns, const PlaceView* after, std::size_t wanted) {
  const auto [begin, end] = range_of(slots, ns, after);
  Cutter cutter(wanted);
  auto it = begin;
  for (; it != end && !cutter.full(); ++it) cutter.add(it->record);
  Cut cut = cutter.take();
  cut.more = static_cast<std::size_t>(std::distance(it, end));
  return cut;
}

Cut cut_then(const Slots& slots, const std::map<Place, RecordPtr>& then, const std::string& ns, const PlaceView* after,
             std::size_t wanted) {
  const auto [begin, end] = range_of(slots, ns, after);
  auto old = after ? then.upper_bound({std::string(after->ns), std::string(after->name)}) : then.begin();
  Cutter cutter(wanted);
  auto it = begin;
  while (it != end || old != then.end()) {
    const auto place = it != end ? place_of(*it->record) : PlaceView{};
    const auto old_place = old != then.end() ? PlaceView{old->first.first, old->first.second} : PlaceView{};
    if (old == then.end() || (it != end && place < old_place)) {
      cutter.add(it->record);
      ++it;
      continue;
    }
    if (it != end && place == old_place) ++it;
    if (old->second) cutter.add(old->second);
    ++old;
  }
  return cutter.take();
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
  const PlaceView* const behind = plan.after ? &after : nullptr;
  const std::size_t wanted = asked.match ? 0 : asked.limit;
  static const Slots none;

  List list;
  Cut cut;
  {
    const std::scoped_lock lock(mutex);
    list.rv = plan.at == ListPlan::At::Exactly ? plan.rv : current.load();
    if (list.rv < history.compacted()) return expired(plan, current);
    const Slots* slots = index.all(asked.resource);
    if (!slots) slots = &none;
    cut = list.rv == current
              ? cut_now(*slots, asked.ns, behind, wanted)
              : cut_then(*slots, undo(history, list.rv, asked.resource, asked.ns), asked.ns, behind, wanted);
  }
  bool more = cut.more > 0;
  if (asked.match) {
    for (auto& record : cut.items) {
      if (!asked.match(*record)) continue;
      more = asked.limit > 0 && list.items.size() == asked.limit;
      if (more) break;
      list.items.push_back(std::move(record));
    }
  } else {
    list.items = std::move(cut.items);
    if (asked.limit > 0 && more) list.remaining = cut.more;
  }
  if (more) {
    const Record& last = *list.items.back();
    list.continue_token = encode_token({list.rv, {last.ns(), std::string(last.name())}});
  }
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
  const Slots* const slots = impl_->index.all(resource);
  return slots ? slots->size() : 0;
}

std::vector<std::pair<std::string, std::size_t>> Store::counts() const {
  const std::scoped_lock lock(impl_->mutex);
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const auto& [resource, slots] : impl_->index.resources()) {
    if (!slots.empty()) counts.emplace_back(resource, slots.size());
  }
  return counts;
}

}  // namespace datamesh::apiserver::storage

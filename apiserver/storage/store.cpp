#include "apiserver/storage/store.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include "controller/core/log.hpp"

namespace datamesh::apiserver::storage {
namespace {

// Old history is forgotten in the database when that much has come together.
constexpr Rv forget_batch = 1'000;

Failure unavailable(std::string message) {
  return {Reason::Unavailable, std::move(message), {}, {}, 0};
}
Failure busy() {
  return {Reason::Busy, "too many writes are waiting; try again", {}, {}, 0};
}

Outcome<RecordPtr> only(Answer answer) {
  if (!answer) return answer.failure();
  return std::move(answer->front());
}

}  // namespace

Store::Impl::Impl(Options given) : options(std::move(given)), queue(options.queue_writes), history(options.history) {}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Store>> Store::open(Options options) {
  if (!options.clock) options.clock = &real_clock();
  auto impl = std::make_unique<Impl>(std::move(options));
  DATAMESH_TRY(impl->database, Database::open(impl->options.directory, impl->options.sealed));
  DATAMESH_TRY(impl->current, impl->database->load(impl->index, impl->history));
  impl->dispatched = impl->current.load();
  impl->forgotten = impl->history.compacted();
  impl->history.trim(impl->now_ms());
  Impl* const running = impl.get();
  impl->writer = std::thread([running] { running->run(); });
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::~Store() {
  impl_->queue.close();
  impl_->writer.join();
}

void Store::Impl::run() {
  while (true) {
    auto requests = queue.take(options.tick);
    if (!requests.empty()) {
      serve(std::move(requests));
    } else if (queue.closed()) {
      return;
    } else {
      trim();
    }
  }
}

std::int64_t Store::Impl::now_ms() const {
  return options.clock->wall().time_since_epoch().count();
}

void Store::Impl::serve(std::vector<Request> requests) {
  Group group(index, current, now_ms());
  std::vector<Answer> answers;
  answers.reserve(requests.size());
  Rv compact = 0;
  {
    // The group reads what only this thread changes, but gives new texts an address.
    const std::scoped_lock lock(mutex);
    for (const auto& request : requests) answers.push_back(group.decide(request.items));
  }
  for (const auto& request : requests) compact = std::max(compact, request.compact);
  if (compact > 0) {
    const std::scoped_lock lock(mutex);
    history.compact(std::min(compact, current.load()));
  }

  const Rv compacted = history.compacted();
  const bool forget = compacted >= forgotten + forget_batch || (compact > 0 && compacted > forgotten);
  if (!group.changes().empty() || forget) {
    if (auto committed = database->commit(group.changes(), forget ? compacted : 0); !committed) {
      ++failed_commits;
      if (!std::exchange(failing, true))
        log_error("cannot write to the database", {{"error", committed.error().message}});
      // Also those that were refused: perhaps because of a change that has not come about.
      for (auto& request : requests)
        request.done(unavailable("the storage cannot write: " + committed.error().message));
      return;
    }
    if (std::exchange(failing, false)) log_info("writing to the database again");
    ++commits;
    writes += group.changes().size();
    if (forget) forgotten = compacted;
  }
  const auto lists = publish(group.changes(), group.last_rv());
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].done(std::move(answers[i]));
  dispatch(group.changes(), lists);
  dispatched.store(group.last_rv(), std::memory_order_release);
}

std::vector<Watchers::List> Store::Impl::publish(const std::vector<Change>& changes, Rv last) {
  std::vector<Watchers::List> lists;
  if (changes.empty()) return lists;
  {
    const std::scoped_lock lock(mutex);
    for (const auto& change : changes) {
      if (change.removed) {
        index.erase(*change.record);
      } else {
        index.put(change.record);
      }
      history.add(change);
      lists.push_back(watchers.for_resource(change.record->resource()));
    }
    lists.push_back(watchers.for_resource(""));
    history.trim(now_ms());
    current = last;
  }
  advanced.notify_all();
  return lists;
}

void Store::Impl::dispatch(const std::vector<Change>& changes, const std::vector<Watchers::List>& lists) {
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    EventPtr event;
    for (const auto& list : {lists[i], lists.back()}) {
      if (!list) continue;
      for (const auto& watcher : *list) {
        if (!watcher->wants(*change.record, change.rv)) continue;
        if (!event) event = std::make_shared<const Event>(change.type(), change.rv, change.record, change.previous);
        watcher->deliver(event);
      }
    }
  }
}

void Store::Impl::trim() {
  {
    const std::scoped_lock lock(mutex);
    history.trim(now_ms());
  }
  const Rv compacted = history.compacted();
  if (compacted == forgotten) return;
  // A failure costs nothing but room: the next tick tries again.
  if (database->commit({}, compacted)) forgotten = compacted;
}

void Store::Impl::submit(Items items, std::function<void(Answer)> done) {
  Request request{std::move(items), std::move(done), 0};
  if (!queue.push(request, false)) request.done(queue.closed() ? unavailable("shutting down") : busy());
}

Answer Store::Impl::submit_and_wait(Request request) {
  std::promise<Answer> answer;
  request.done = [&answer](Answer got) { answer.set_value(std::move(got)); };
  if (!queue.push(request, true)) return unavailable("shutting down");
  return answer.get_future().get();
}

void Store::write(Write write, Done done) {
  Items items;
  items.push_back(pack(std::move(write)));
  impl_->submit(std::move(items), [done = std::move(done)](Answer answer) { done(only(std::move(answer))); });
}

Outcome<RecordPtr> Store::write(Write write) {
  Request request;
  request.items.push_back(pack(std::move(write)));
  return only(impl_->submit_and_wait(std::move(request)));
}

void Store::write_all(std::vector<Write> writes, DoneAll done) {
  Items items;
  for (auto& write : writes) items.push_back(pack(std::move(write)));
  impl_->submit(std::move(items), std::move(done));
}

Outcome<std::vector<RecordPtr>> Store::write_all(std::vector<Write> writes) {
  Request request;
  for (auto& write : writes) request.items.push_back(pack(std::move(write)));
  return impl_->submit_and_wait(std::move(request));
}

Outcome<Rv> Store::compact(Rv rv) {
  Request request;
  request.compact = rv;
  if (auto answer = impl_->submit_and_wait(std::move(request)); !answer) return answer.failure();
  return compacted_rv();
}

Rv Store::current_rv() const {
  return impl_->current;
}

Rv Store::compacted_rv() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->history.compacted();
}

bool Store::wait_for(Rv rv, std::chrono::milliseconds longest) const {
  if (impl_->current >= rv) return true;
  std::unique_lock lock(impl_->mutex);
  return impl_->advanced.wait_for(lock, longest, [&] { return impl_->current >= rv; });
}

Stats Store::stats() const {
  Stats stats;
  stats.queued = impl_->queue.size();
  stats.writes = impl_->writes;
  stats.commits = impl_->commits;
  stats.failed_commits = impl_->failed_commits;
  const std::scoped_lock lock(impl_->mutex);
  stats.current = impl_->current;
  stats.compacted = impl_->history.compacted();
  stats.objects = impl_->index.size();
  stats.history_events = impl_->history.size();
  stats.history_bytes = impl_->history.bytes();
  stats.watches = impl_->watchers.size();
  return stats;
}

}  // namespace datamesh::apiserver::storage

#include "apiserver/web/watches.hpp"

#include <array>
#include <utility>
#include <vector>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

using Line = std::shared_ptr<const std::string>;

std::int64_t seconds_of(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
}

std::string event_line(std::string_view type, std::string_view object) {
  std::string line = "{\"type\":\"";
  line.reserve(object.size() + 32);
  line += type;
  line += "\",\"object\":";
  line += object;
  line += "}\n";
  return line;
}

}  // namespace

// The lines made last, so that a thousand watches of one kind share one.
class Watches::Lines {
 public:
  template <class Make>
  Line get(std::uint64_t rv, std::string_view type, const std::string& form, Make make) {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.rv == rv && entry.type == type && entry.form == form) return entry.line;
    }
    Entry& entry = entries_[next_++ % entries_.size()];
    entry = {rv, std::string(type), form, std::make_shared<const std::string>(make())};
    return entry.line;
  }

 private:
  struct Entry {
    std::uint64_t rv = 0;
    std::string type, form;
    Line line;
  };
  std::mutex mutex_;
  std::array<Entry, 8> entries_;
  std::size_t next_ = 0;
};

struct Watches::Watcher {
  WatchRequest request;
  std::string form;  // names how lines look, for sharing them
  std::shared_ptr<Lines> lines;
  std::shared_ptr<http::Stream> stream;
  const Clock* clock = nullptr;
  Steady deadline, next_bookmark;
  std::mutex mutex;
  bool starting = true;  // then lines gather in `first`, to be sent as one message
  std::string first;
  std::shared_ptr<storage::Watch> watch;

  std::shared_ptr<storage::Watch> current_watch() {
    const std::lock_guard lock(mutex);
    return watch;
  }

  // The sink holds the watcher and the watcher the watch: this takes them apart. Outside of the lock, because it waits
  // for a sink that runs.
  void finish() {
    std::shared_ptr<storage::Watch> last;
    {
      const std::lock_guard lock(mutex);
      last.swap(watch);
    }
    last.reset();
    stream->close();
  }

  bool selects(const storage::Record& record) const {
    return request.selection.everything() || request.selection.matches(record);
  }

  bool send(Line line) {
    const std::lock_guard lock(mutex);
    if (starting) {
      first += *line;
      return true;
    }
    return stream->push(std::move(line));
  }

  Line line_of(const storage::Event& event, std::string_view type, const storage::RecordPtr& shown) {
    return lines->get(event.rv(), type, form, [&] {
      std::string text;
      if (shown == event.record()) {
        text = event.body();
      } else {
        // What left the selection is shown as it was, under the version of the change.
        shown->packed()->append_text(event.rv(), text);
      }
      const View& view = request.view;
      text = in_version(*view.resource, view.version->name, std::move(text));
      return event_line(type, render_event_object(view, std::move(text), seconds_of(*clock), false));
    });
  }

  bool deliver(const storage::Event& event) {
    using Type = storage::Event::Type;
    if (event.type() == Type::Bookmark) return !request.bookmarks || send(bookmark(event.rv(), false));
    const bool before = event.previous() && event.type() != Type::Added && selects(*event.previous());
    const bool now = event.type() != Type::Deleted && selects(*event.record());
    if (event.type() == Type::Deleted) {
      return !(before || selects(*event.record())) || send(line_of(event, "DELETED", event.record()));
    }
    if (now) return send(line_of(event, before ? "MODIFIED" : "ADDED", event.record()));
    return !before || send(line_of(event, "DELETED", event.previous()));
  }

  Line bookmark(std::uint64_t rv, bool ends_initial) const {
    const View& view = request.view;
    Json metadata = {{"resourceVersion", std::to_string(rv)}, {"creationTimestamp", nullptr}};
    if (ends_initial) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
    Json object = {{"kind", view.resource->kind},
                   {"apiVersion", view.resource->api_version(view.version->name)},
                   {"metadata", std::move(metadata)}};
    if (view.format.form == Form::Table) {
      object = {{"kind", "Table"},
                {"apiVersion", "meta.k8s.io/" + view.format.table_version},
                {"metadata", {{"resourceVersion", std::to_string(rv)}}},
                {"columnDefinitions", Json::array()},
                {"rows", Json::array()}};
    } else if (view.format.form != Form::Plain) {
      object["kind"] = "PartialObjectMetadata";
      object["apiVersion"] = "meta.k8s.io/" + view.format.table_version;
    }
    return std::make_shared<const std::string>(event_line("BOOKMARK", object.dump()));
  }

  void add_initial(const storage::List& list) {
    bool definitions = true;
    const View& view = request.view;
    for (const auto& record : list.items) {
      std::string text = in_version(*view.resource, view.version->name, record->body());
      first += event_line("ADDED", render_event_object(view, std::move(text), seconds_of(*clock), definitions));
      definitions = false;
    }
    if (request.initial_events) first += *bookmark(list.rv, true);
  }
};

Watches::Watches(Engine& engine, std::chrono::milliseconds bookmark_interval, std::size_t count_max)
    : engine_(engine),
      bookmark_interval_(bookmark_interval),
      count_max_(count_max),
      lines_(std::make_shared<Lines>()),
      ticker_([this](const std::stop_token& stop) { tick(stop); }) {}

Watches::~Watches() {
  stop();
}

std::optional<Failure> Watches::open(WatchRequest request, http::Headers headers, http::Exchange& exchange) {
  if (count() >= count_max_) return too_many_requests("too many watches are open, please try again later", 5);
  auto watcher = std::make_shared<Watcher>();
  watcher->lines = lines_;
  watcher->clock = &engine_.clock();
  watcher->form = request.view.version->name + "/" + std::to_string(static_cast<int>(request.view.format.form)) +
                  request.view.format.table_version + std::to_string(static_cast<int>(request.view.include)) +
                  request.view.resource->group;
  watcher->request = std::move(request);
  const WatchRequest& asked = watcher->request;
  const Resource& resource = *asked.view.resource;

  storage::WatchOptions options{resource.storage, asked.ns, asked.selection.name, asked.from.value_or(0)};
  if (asked.from.value_or(0) == 0 || asked.initial_events) {
    storage::ListOptions list_options;
    list_options.resource = resource.storage;
    list_options.ns = asked.ns;
    if (asked.initial_events && asked.from.value_or(0) != 0) {
      list_options.rv = asked.from;
      list_options.rv_match = storage::RvMatch::NotOlderThan;
    }
    if (!asked.selection.everything()) {
      list_options.match = [selection = asked.selection](const storage::Record& record) {
        return selection.matches(record);
      };
    }
    const auto list = engine_.store().list(list_options);
    if (!list) return from_storage(list.failure(), resource, {});
    watcher->add_initial(*list);
    options.from = list->rv;
  }
  const Steady now = engine_.clock().steady();
  watcher->deadline = now + asked.timeout;
  watcher->next_bookmark = now + bookmark_interval_;
  auto watch =
      engine_.store().watch(options, [watcher](const storage::EventPtr& event) { return watcher->deliver(*event); });
  if (!watch) return from_storage(watch.failure(), resource, {});

  {
    const std::lock_guard lock(watcher->mutex);
    watcher->watch = *std::move(watch);
    watcher->stream = exchange.stream(200, std::move(headers));
  }
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
    if (!stopped_) watchers_[id] = watcher;
  }
  {
    const std::lock_guard lock(watcher->mutex);
    if (!watcher->first.empty()) watcher->stream->push(std::make_shared<const std::string>(std::move(watcher->first)));
    watcher->first = {};
    watcher->starting = false;
  }
  // Not right here: this may be a thread that is inside of the watch.
  watcher->stream->on_closed([this, id, pool = &engine_.pool()] { pool->post([this, id] { end(id); }); });
  return std::nullopt;
}

void Watches::end(std::uint64_t id) {
  std::shared_ptr<Watcher> watcher;
  {
    const std::lock_guard lock(mutex_);
    const auto it = watchers_.find(id);
    if (it == watchers_.end()) return;
    watcher = std::move(it->second);
    watchers_.erase(it);
  }
  watcher->finish();
}

void Watches::end_unserved() {
  const auto catalog = engine_.catalog();
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, watcher] : watchers_) {
      const View& view = watcher->request.view;
      const ResourcePtr now = catalog->find(view.resource->group, view.resource->plural);
      if (!now || now->version(view.version->name) == nullptr) ids.push_back(id);
    }
  }
  for (const std::uint64_t id : ids) end(id);
}

void Watches::tick(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    if (stop.stop_requested()) return;
    const Steady now = engine_.clock().steady();
    std::vector<std::uint64_t> over;
    std::vector<std::shared_ptr<Watcher>> due;
    for (const auto& [id, watcher] : watchers_) {
      if (now >= watcher->deadline) over.push_back(id);
      // The last bookmark comes just before the end, so that a client goes on from there.
      const bool last = now >= watcher->deadline;
      if (watcher->request.bookmarks && (last || now >= watcher->next_bookmark)) {
        watcher->next_bookmark = now + bookmark_interval_;
        due.push_back(watcher);
      }
    }
    lock.unlock();
    for (const auto& watcher : due) {
      engine_.pool().post([watcher] {
        if (const auto watch = watcher->current_watch()) watch->bookmark();
      });
    }
    for (const std::uint64_t id : over) engine_.pool().post([this, id] { end(id); });
    due.clear();
    lock.lock();
  }
}

void Watches::stop() {
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    watchers.swap(watchers_);
  }
  ticker_.request_stop();
  if (ticker_.joinable()) ticker_.join();
  for (const auto& [id, watcher] : watchers) watcher->finish();
}

std::size_t Watches::count() const {
  const std::lock_guard lock(mutex_);
  return watchers_.size();
}

}  // namespace datamesh::apiserver

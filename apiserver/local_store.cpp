#include "apiserver/local_store.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "apiserver/bootstrap.hpp"
#include "apiserver/web/selection.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t kWaitingMax = 100'000;  // events a reader may be behind; over it: it lists again
constexpr auto kRetryDelay = std::chrono::milliseconds(500);

WriteContext context_of(const std::string& manager) {
  WriteContext context;
  context.user = self();
  context.manager = manager;
  return context;
}

Result<Json> value_of(const Outcome<Answer>& answer) {
  if (!answer) return to_error(answer.error());
  // A field of ours that the CRD does not know is dropped, as it would be over HTTP; nobody else would see it.
  for (const std::string& warning : answer->warnings) log_warn(warning);
  return parse_stored(answer->body);
}

PatchKind kind_of(kube::PatchType type) {
  switch (type) {
    case kube::PatchType::Merge:
      return PatchKind::Merge;
    case kube::PatchType::Json:
      return PatchKind::Json;
    case kube::PatchType::Apply:
      return PatchKind::Apply;
    case kube::PatchType::Strategic:
      break;
  }
  return PatchKind::Strategic;
}

}  // namespace

// Events on their way from the store's thread to the reader's.
struct LocalStore::Feed {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::deque<storage::EventPtr> events;
  bool overflowed = false;
};

void LocalStore::stop() {
  stopping_.request_stop();
}

Result<Target> LocalStore::target(const kube::ResourceType& type, const std::string& ns,
                                  const std::string& name) const {
  if (stopping_.stop_requested()) return Error{Code::Unavailable, "the server is stopping"};
  Target target;
  target.resource = engine_.catalog()->find(type.group, type.plural);
  target.version = target.resource ? target.resource->version(type.version) : nullptr;
  if (target.version == nullptr) {
    return Error{Code::NotFound, "the server does not have " + type.plural + "." + type.group + "/" + type.version};
  }
  target.ns = target.resource->namespaced ? ns : std::string();
  target.name = name;
  return target;
}

Result<Json> LocalStore::get(const kube::ResourceType& type, const std::string& ns, const std::string& name) {
  DATAMESH_TRY(const Target of, target(type, ns, name));
  return value_of(engine_.get(of));
}

Result<std::vector<Json>> LocalStore::list(const kube::ResourceType& type, const std::string& ns) {
  DATAMESH_TRY(const Target of, target(type, ns, ""));
  storage::ListOptions options;
  options.resource = of.resource->storage;
  options.ns = of.ns;
  const auto found = engine_.store().list(options);
  if (!found) return to_error(from_storage(found.failure(), *of.resource, {}));
  std::vector<Json> out;
  out.reserve(found->items.size());
  for (const auto& record : found->items) out.push_back(read_record(*of.resource, of.version->name, *record));
  return out;
}

Result<Json> LocalStore::create(const kube::ResourceType& type, const Json& object) {
  DATAMESH_TRY(const Target of, target(type, string_at(object, {"metadata", "namespace"}), ""));
  return value_of(
      Engine::wait([&](AnswerDone done) { engine_.create(of, object, context_of("datamesh"), std::move(done)); }));
}

Result<Json> LocalStore::update(const kube::ResourceType& type, const Json& object) {
  DATAMESH_TRY(const Target of,
               target(type, string_at(object, {"metadata", "namespace"}), string_at(object, {"metadata", "name"})));
  return value_of(
      Engine::wait([&](AnswerDone done) { engine_.update(of, object, context_of("datamesh"), std::move(done)); }));
}

Result<Json> LocalStore::patch(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                               const kube::Patch& patch) {
  DATAMESH_TRY(Target of, target(type, ns, name));
  of.subresource = patch.subresource;
  DATAMESH_TRY(Json body, parse_json(patch.body));
  return value_of(Engine::wait([&](AnswerDone done) {
    engine_.patch(of, kind_of(patch.type), std::move(body), patch.force, context_of(patch.field_manager),
                  std::move(done));
  }));
}

Result<void> LocalStore::remove(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                                const std::string& uid) {
  DATAMESH_TRY(const Target of, target(type, ns, name));
  DeleteOptions options;
  options.uid = uid;
  const auto answer =
      Engine::wait([&](AnswerDone done) { engine_.remove(of, options, context_of("datamesh"), std::move(done)); });
  if (answer || answer.error().code == 404) return {};
  return to_error(answer.error());
}

void LocalStore::watch(const kube::ResourceType& type, const std::string& label_selector,
                       const std::function<void(const kube::Event&)>& sink, std::stop_token stop) {
  bool first = true;
  while (!stop.stop_requested() && !stopping_.stop_requested()) {
    if (!first) sink({kube::Event::Type::Relist, nullptr});
    const auto of = target(type, "", "");
    if (of && follow(*of, label_selector, sink, stop)) first = false;
    // A kind that is not served (yet), or a gap: look again in a while.
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kRetryDelay, [this] { return stopping_.stop_requested(); });
  }
}

// Until stopped or behind. Whether anything was delivered.
bool LocalStore::follow(const Target& of, const std::string& label_selector,
                        const std::function<void(const kube::Event&)>& sink, const std::stop_token& stop) {
  const auto selection = parse_selection(*of.resource, *of.version, label_selector, "");
  if (!selection) return false;
  storage::ListOptions options;
  options.resource = of.resource->storage;
  if (!selection->everything()) {
    options.match = [&](const storage::Record& record) { return selection->matches(record); };
  }
  auto list = engine_.store().list(options);
  if (!list) return false;
  const auto feed = std::make_shared<Feed>();
  const auto watch =
      engine_.store().watch({of.resource->storage, "", "", list->rv}, [feed](const storage::EventPtr& event) {
        const std::lock_guard lock(feed->mutex);
        if (feed->events.size() >= kWaitingMax) feed->overflowed = true;
        if (!feed->overflowed) feed->events.push_back(event);
        feed->wake.notify_one();
        return !feed->overflowed;
      });
  if (!watch) return false;
  for (const auto& record : list->items) {
    const Json object = read_record(*of.resource, of.version->name, *record);
    sink({kube::Event::Type::Put, &object});
  }
  list->items.clear();
  sink({kube::Event::Type::Synced, nullptr});

  const std::stop_callback on_stop(stopping_.get_token(), [feed] {
    const std::lock_guard lock(feed->mutex);
    feed->wake.notify_all();
  });
  while (true) {
    storage::EventPtr event;
    {
      std::unique_lock lock(feed->mutex);
      const auto ready = [&] { return !feed->events.empty() || feed->overflowed || stopping_.stop_requested(); };
      if (!feed->wake.wait(lock, stop, ready) || stopping_.stop_requested()) return true;
      if (feed->overflowed) return true;
      event = std::move(feed->events.front());
      feed->events.pop_front();
    }
    if (event->type() == storage::Event::Type::Bookmark) continue;
    const bool removed = event->type() == storage::Event::Type::Deleted;
    const bool now = !removed && selection->matches(*event->record());
    const bool before =
        event->previous() ? selection->matches(*event->previous()) : removed && selection->matches(*event->record());
    if (!now && !before) continue;
    Json object = parse_stored(event->body());
    to_version(*of.resource, of.version->name, object);
    sink({now ? kube::Event::Type::Put : kube::Event::Type::Removed, &object});
  }
}

}  // namespace datamesh::apiserver

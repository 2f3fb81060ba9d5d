#include "apiserver/engine.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>

#include "apiserver/kinds.hpp"
#include "apiserver/schema/merge.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"

namespace datamesh::apiserver {

namespace {

constexpr int kAttemptsMax = 20;

std::string name_suffix() {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (const char byte : random_bytes(5)) out += kLetters[static_cast<unsigned char>(byte) % kLetters.size()];
  return out;
}

std::string success_status(const Target& target, const Json& live) {
  const Resource& resource = *target.resource;
  Json details = {{"name", string_at(live, {"metadata", "name"})},
                  {"kind", resource.plural},
                  {"uid", string_at(live, {"metadata", "uid"})}};
  if (!resource.group.empty()) details["group"] = resource.group;
  return Json{{"kind", "Status"},
              {"apiVersion", "v1"},
              {"metadata", Json::object()},
              {"status", "Success"},
              {"details", std::move(details)}}
      .dump();
}

Failure patch_failure(const Error& error, const Target& target) {
  if (error.code == Code::Denied) return too_large(error.message);
  if (error.code == Code::Invalid) return bad_request(error.message);
  return invalid(target.resource->group, target.resource->kind, target.name, {{"", error.message, "patch"}});
}

}  // namespace

// One write on its way; kept until it is answered.
struct Engine::Job {
  enum class Kind { Create, Update, Patch, Remove } kind = Kind::Create;
  Target target;
  WriteContext context;
  AnswerDone done;
  Json body;
  PatchKind patch = PatchKind::Merge;
  bool force = false;
  DeleteOptions options;
  std::shared_ptr<const Catalog> catalog;
  int attempts = 0;
};

Engine::Engine(storage::Store& store, Rbac& rbac, WorkPool& pool, WorkPool& slow, const Clock& clock,
               Admission admission, Limits limits)
    : store_(store),
      rbac_(rbac),
      pool_(pool),
      slow_(slow),
      clock_(clock),
      admission_(std::move(admission)),
      limits_(limits) {
  refresh_catalog();
}

Engine::~Engine() = default;

std::shared_ptr<const Catalog> Engine::catalog() const {
  const std::lock_guard lock(catalog_mutex_);
  return catalog_;
}

void Engine::refresh_catalog() {
  const std::lock_guard refreshing(refresh_mutex_);
  const auto before = catalog();
  storage::ListOptions options;
  options.resource = kCrdStorage;
  const auto list = store_.list(options);
  std::vector<Json> crds;
  if (list) {
    for (const auto& record : list->items) crds.push_back(parse_stored(record->body()));
  }
  auto made = Catalog::build(std::move(crds), before.get());
  const std::lock_guard lock(catalog_mutex_);
  catalog_ = std::move(made);
}

void Engine::load_rbac() {
  for (const char* plural : {"roles", "clusterroles", "rolebindings", "clusterrolebindings"}) {
    storage::ListOptions options;
    options.resource = std::string("rbac.authorization.k8s.io/") + plural;
    const auto list = store_.list(options);
    if (!list) continue;
    for (const auto& record : list->items) rbac_.put(parse_stored(record->body()));
  }
}

void Engine::fill(WriteContext& context, const Catalog& catalog) const {
  context.now = format_time(clock_.wall());
  context.crds = &catalog.crds();
  context.admission = &admission_;
  context.rbac = &rbac_;
}

void Engine::create(Target target, Json object, WriteContext context, AnswerDone done) {
  auto job = std::make_shared<Job>();
  job->kind = Job::Kind::Create;
  job->target = std::move(target);
  job->body = std::move(object);
  job->context = std::move(context);
  job->done = std::move(done);
  run(job);
}

void Engine::update(Target target, Json object, WriteContext context, AnswerDone done) {
  auto job = std::make_shared<Job>();
  job->kind = Job::Kind::Update;
  job->target = std::move(target);
  job->body = std::move(object);
  job->context = std::move(context);
  job->done = std::move(done);
  run(job);
}

void Engine::patch(Target target, PatchKind kind, Json patch, bool force, WriteContext context, AnswerDone done) {
  auto job = std::make_shared<Job>();
  job->kind = Job::Kind::Patch;
  job->target = std::move(target);
  job->patch = kind;
  job->body = std::move(patch);
  job->force = force;
  job->context = std::move(context);
  job->done = std::move(done);
  run(job);
}

void Engine::remove(Target target, DeleteOptions options, WriteContext context, AnswerDone done) {
  auto job = std::make_shared<Job>();
  job->kind = Job::Kind::Remove;
  job->target = std::move(target);
  job->options = std::move(options);
  job->context = std::move(context);
  job->context.dry_run = job->options.dry_run;
  job->done = std::move(done);
  run(job);
}

Outcome<Prepared> Engine::prepare(Job& job, const Json* live) {
  const Target& target = job.target;
  if (job.kind == Job::Kind::Create) {
    job.context.uid = random_uuid();
    job.context.name_suffix = name_suffix();
    return prepare_create(target, std::move(job.body), job.context);  // never repeated
  }
  if (job.kind == Job::Kind::Patch && job.patch == PatchKind::Apply) {
    job.context.uid = random_uuid();
    if (live == nullptr && !target.subresource.empty()) return not_found(target.resource->name(), target.name);
    return prepare_apply(target, live, job.body, job.force, job.context);
  }
  if (live == nullptr) return not_found(target.resource->name(), target.name);
  if (job.kind == Job::Kind::Update) return prepare_update(target, *live, job.body, job.context);
  if (job.kind == Job::Kind::Remove) return prepare_delete(target, *live, job.options, job.context);
  auto patched = job.patch == PatchKind::Json    ? json_patch(*live, job.body)
                 : job.patch == PatchKind::Merge ? json_merge_patch(*live, job.body)
                                                 : strategic_merge_patch(*live, job.body, target.version->schema);
  if (!patched) return patch_failure(patched.error(), target);
  return prepare_update(target, *live, *std::move(patched), job.context);
}

// What the JSON library throws about a type that no check has seen ends here: a bug of ours, and one failed write.
void Engine::run(const JobPtr& job) {
  try {
    attempt(job);
  } catch (const std::exception& error) {
    log_error("a write could not be worked out",
              {{"resource", job->target.resource->storage}, {"name", job->target.name}, {"error", error.what()}});
    job->done(internal_error("the object could not be processed"));
  }
}

void Engine::attempt(const JobPtr& job) {
  ++job->attempts;
  job->catalog = catalog();
  fill(job->context, *job->catalog);
  const Resource& resource = *job->target.resource;
  std::optional<Json> live;
  if (job->kind != Job::Kind::Create) {
    const auto record = store_.find(key_of(resource, job->target.ns, job->target.name));
    if (record) live = read_record(resource, job->target.version->name, *record);
  }
  auto prepared = prepare(*job, live ? &*live : nullptr);
  if (!prepared) {
    // A patch that says which version it is for, or an object that does, is not repeated: the check is the client's.
    job->done(prepared.error());
    return;
  }
  commit(job, *std::move(prepared), live ? &*live : nullptr);
}

void Engine::commit(const JobPtr& job, Prepared prepared, const Json* live) {
  const Resource& resource = *job->target.resource;
  const std::string& version = job->target.version->name;
  Json object = std::move(prepared.object());
  Answer answer;
  answer.status = live == nullptr ? 201 : 200;
  answer.warnings = std::move(prepared.warnings);
  const bool removed_now = prepared.remove && job->kind == Job::Kind::Remove;
  const storage::Key key =
      key_of(resource, string_at(object, {"metadata", "namespace"}), string_at(object, {"metadata", "name"}));
  if (job->context.dry_run || prepared.unchanged) {
    if (live == nullptr && resource.namespaced && !store_.find(namespace_key(key.ns))) {
      return job->done(not_found({"", "namespaces"}, key.ns));
    }
    if (live == nullptr && store_.find(key)) return job->done(already_exists(resource.name(), key.name));
    answer.body = removed_now ? success_status(job->target, object) : object.dump();
    return job->done(std::move(answer));
  }

  storage::Expect expect;
  if (live != nullptr) {
    expect.rv = std::strtoull(string_at(*live, {"metadata", "resourceVersion"}).c_str(), nullptr, 10);
    expect.uid = string_at(*live, {"metadata", "uid"});
  }
  if (prepared.remove) {
    answer.body = removed_now ? success_status(job->target, object) : object.dump();
    store_.write(storage::Write::remove(key, expect),
                 [this, job, key, answer = std::move(answer)](storage::Outcome<storage::RecordPtr> result) mutable {
                   if (!result) return retry(job, from_storage(result.failure(), *job->target.resource, key));
                   finish(job, *result, std::move(answer));
                 });
    return;
  }
  to_stored(resource, object);
  storage::Draft draft = make_draft(resource, object);
  if (draft.before.size() + draft.after.size() > limits_.object_bytes) {
    return job->done(too_large("the object is too large: " + std::to_string(draft.before.size() + draft.after.size()) +
                               " bytes are more than the limit of " + std::to_string(limits_.object_bytes)));
  }
  auto write = [&] {
    if (live != nullptr) return storage::Write::replace(draft, expect);
    return storage::Write::create(draft, resource.namespaced ? namespace_key(key.ns) : storage::Key{});
  }();
  store_.write(std::move(write), [this, job, key, version, answer = std::move(answer), before = std::move(draft.before),
                                  after = std::move(draft.after)](storage::Outcome<storage::RecordPtr> result) mutable {
    const Resource& of = *job->target.resource;
    if (!result) return retry(job, from_storage(result.failure(), of, key));
    answer.body = in_version(of, version, before + std::to_string((*result)->rv()) + after);
    finish(job, *result, std::move(answer));
  });
}

// Somebody else wrote between our look and our write: look again, unless the client said what it must be.
void Engine::retry(const JobPtr& job, const Failure& failure) {
  const bool raced = failure.code == 409 && job->attempts < kAttemptsMax && (job->kind != Job::Kind::Create) &&
                     !(job->kind == Job::Kind::Remove && !job->options.resource_version.empty());
  if (!raced) {
    job->done(failure);
    return;
  }
  pool_.post([this, job] { run(job); });
}

// Kinds that this server itself acts on take effect before they are answered.
void Engine::finish(const JobPtr& job, const storage::RecordPtr& record, Outcome<Answer> answer) {
  const Resource& resource = *job->target.resource;
  if (resource.storage == kCrdStorage) {
    pool_.post([this, job, answer = std::move(answer)]() mutable {
      refresh_catalog();
      job->done(std::move(answer));
    });
    return;
  }
  if (is_rbac(resource)) {
    const Json object = parse_stored(record->body());
    if (store_.find(key_of(resource, record->ns(), std::string(record->name())))) {
      rbac_.put(object);
    } else {
      rbac_.remove(object);
    }
  }
  job->done(std::move(answer));
}

Outcome<Answer> Engine::remove_collection(const Target& target,
                                          const std::function<bool(const storage::Record&)>& match,
                                          const DeleteOptions& options, const WriteContext& context) {
  storage::ListOptions list_options;
  list_options.resource = target.resource->storage;
  list_options.ns = target.ns;
  list_options.match = match;
  const auto list = store_.list(list_options);
  if (!list) return from_storage(list.failure(), *target.resource, {});
  for (const auto& record : list->items) {
    Target one = target;
    one.ns = record->ns();
    one.name = record->name();
    const auto result = wait([&](AnswerDone done) { remove(one, options, context, std::move(done)); });
    if (!result && result.error().code != 404) return result.error();
  }
  Answer answer;
  answer.body = success_status(target, Json::object());
  return answer;
}

Outcome<Answer> Engine::get(const Target& target, std::uint64_t not_older_than) {
  const storage::Key key = key_of(*target.resource, target.ns, target.name);
  const auto record = store_.get(key, not_older_than);
  if (!record) return from_storage(record.failure(), *target.resource, key);
  Answer answer;
  answer.body = in_version(*target.resource, target.version->name, (*record)->body());
  return answer;
}

Outcome<Answer> Engine::wait(const std::function<void(AnswerDone)>& start) {
  struct Slot {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Outcome<Answer>> answer;
  };
  const auto slot = std::make_shared<Slot>();
  const auto put = [slot](Outcome<Answer> answer) {
    const std::lock_guard lock(slot->mutex);
    if (!slot->answer) slot->answer = std::move(answer);
    slot->ready.notify_one();
  };
  // A write that is dropped when the server stops is answered too.
  std::shared_ptr<void> dropped(nullptr, [put](void*) { put(unavailable("the server is stopping")); });
  start([put, dropped = std::move(dropped)](Outcome<Answer> answer) { put(std::move(answer)); });
  std::unique_lock lock(slot->mutex);
  slot->ready.wait(lock, [&] { return slot->answer.has_value(); });
  return *std::move(slot->answer);
}

}  // namespace datamesh::apiserver

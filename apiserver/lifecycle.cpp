#include "apiserver/lifecycle.hpp"

#include <algorithm>
#include <exception>

#include "apiserver/bootstrap.hpp"
#include "apiserver/kinds.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"

namespace datamesh::apiserver {

namespace {

constexpr const char* kNamespaces = "/namespaces";

bool is_rbac_storage(const std::string& storage) {
  return storage.starts_with("rbac.authorization.k8s.io/");
}

WriteContext own_context() {
  WriteContext context;
  context.user = self();
  context.manager = "datamesh-lifecycle";
  context.validation = FieldValidation::Ignore;
  return context;
}

// "datamesh.dev/dataproducts" of a CRD.
std::string storage_of_crd(const Json& crd) {
  return string_at(crd, {"spec", "group"}) + "/" + string_at(crd, {"spec", "names", "plural"});
}

}  // namespace

Lifecycle::Lifecycle(Engine& engine, Rbac& rbac, std::string ca_pem, std::function<void()> on_crd_change)
    : engine_(engine), rbac_(rbac), ca_pem_(std::move(ca_pem)), on_crd_change_(std::move(on_crd_change)) {}

Lifecycle::~Lifecycle() {
  stop();
}

Result<void> Lifecycle::start() {
  const storage::Rv from = engine_.store().current_rv();
  auto watch = engine_.store().watch({"", "", "", from}, [this](const storage::EventPtr& event) {
    follow(event);
    return true;
  });
  if (!watch) return Error{Code::Internal, watch.failure().message};
  watch_ = *std::move(watch);
  // What was left in the middle when the server last stopped.
  for (const auto& [storage, count] : engine_.store().counts()) {
    storage::ListOptions options;
    options.resource = storage;
    options.match = [](const storage::Record& record) {
      return record.deleting() || record.has_owners() || record.resource() == kNamespaces;
    };
    const auto list = engine_.store().list(options);
    if (!list) continue;
    for (const auto& record : list->items) {
      const storage::Key key{record->resource(), record->ns(), std::string(record->name())};
      if (storage == kNamespaces) add({Task::Kind::Namespace, key, "", nullptr});
      if (storage == kCrdStorage) add({Task::Kind::Crd, key, "", nullptr});
      add({Task::Kind::Object, key, "", nullptr});
    }
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

void Lifecycle::stop() {
  watch_.reset();
  thread_.request_stop();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// On the store's thread: only notes what is to be looked at.
void Lifecycle::follow(const storage::EventPtr& event) {
  using Type = storage::Event::Type;
  if (event->type() == Type::Bookmark) return;
  const storage::Record& record = *event->record();
  const storage::Key key{record.resource(), record.ns(), std::string(record.name())};
  if (is_rbac_storage(key.resource)) add({Task::Kind::Rbac, key, "", event});
  if (key.resource == kCrdStorage) {
    add({Task::Kind::Catalog, {kCrdStorage, "", ""}, "", nullptr});
    add({Task::Kind::Crd, key, "", nullptr});
  }
  if (key.resource == kNamespaces && event->type() != Type::Deleted) add({Task::Kind::Namespace, key, "", nullptr});
  if (event->type() == Type::Deleted) {
    add({Task::Kind::OwnerGone, {}, std::string(record.uid()), nullptr});
    if (!key.ns.empty()) {
      const auto ns = engine_.store().find(namespace_key(key.ns));
      const bool of_every_namespace = key.name == "default" || key.name == "kube-root-ca.crt";
      if (ns && (ns->deleting() || of_every_namespace)) {
        add({Task::Kind::Namespace, namespace_key(key.ns), "", nullptr});
      }
    }
    const ResourcePtr resource = engine_.catalog()->find_storage(key.resource);
    if (resource && resource->terminating) {
      add({Task::Kind::Crd, {kCrdStorage, "", resource->plural + "." + resource->group}, "", nullptr});
    }
    if (record.has_owners()) add({Task::Kind::DependentGone, key, "", event});
    return;
  }
  if (record.deleting() || record.has_owners()) add({Task::Kind::Object, key, "", nullptr});
}

std::string Lifecycle::id_of(const Task& task) {
  return std::to_string(static_cast<int>(task.kind)) + "\n" + task.key.resource + "\n" + task.key.ns + "\n" +
         task.key.name + "\n" + task.uid + (task.event ? "\n" + std::to_string(task.event->rv()) : std::string());
}

void Lifecycle::add(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (!queued_.insert(id_of(task)).second) return;
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Lifecycle::run(const std::stop_token& stop) {
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !tasks_.empty(); })) return;
      if (stop.stop_requested()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      queued_.erase(id_of(task));
    }
    // What the JSON library throws about one stored object must not end the care for all others.
    try {
      work(task);
    } catch (const std::exception& error) {
      log_error("lifecycle step failed", {{"resource", task.key.resource},
                                          {"namespace", task.key.ns},
                                          {"name", task.key.name},
                                          {"error", error.what()}});
    }
  }
}

void Lifecycle::work(const Task& task) {
  switch (task.kind) {
    case Task::Kind::Object:
      return check_object(task.key);
    case Task::Kind::OwnerGone:
      return check_dependents(task.uid);
    case Task::Kind::DependentGone:
      return check_owners_of_gone(task.key, task.event->body());
    case Task::Kind::Namespace:
      return check_namespace(task.key.name);
    case Task::Kind::Crd:
      return check_crd(task.key.name);
    case Task::Kind::Catalog:
      engine_.refresh_catalog();
      if (on_crd_change_) on_crd_change_();
      return;
    case Task::Kind::Rbac:
      if (task.event->type() == storage::Event::Type::Deleted) {
        if (!engine_.store().find(task.key)) rbac_.remove(parse_stored(task.event->body()));
      } else if (const auto object = look(task.key)) {
        rbac_.put(*object);
      }
      return;
  }
}

std::optional<Json> Lifecycle::look(const storage::Key& key) const {
  const auto record = engine_.store().find(key);
  if (!record) return std::nullopt;
  return parse_stored(record->body());
}

std::optional<Target> Lifecycle::target_of(const storage::Key& key) const {
  const ResourcePtr resource = engine_.catalog()->find_storage(key.resource);
  if (!resource) return std::nullopt;
  for (const Version& version : resource->versions) {
    if (version.name == resource->storage_version) return Target{resource, &version, key.ns, key.name, ""};
  }
  return std::nullopt;
}

bool Lifecycle::remove(const storage::Key& key, const std::string& uid, std::optional<Propagation> propagation) {
  const auto target = target_of(key);
  if (!target) return false;
  DeleteOptions options;
  options.uid = uid;
  options.propagation = propagation;
  const auto result =
      Engine::wait([&](AnswerDone done) { engine_.remove(*target, options, own_context(), std::move(done)); });
  if (result || result.error().code == 404 || result.error().code == 409) return true;
  log_warn("cannot delete",
           {{"resource", key.resource}, {"namespace", key.ns}, {"name", key.name}, {"error", result.error().message}});
  return false;
}

void Lifecycle::write(const storage::Key& key, Json object, const std::string& subresource) {
  auto target = target_of(key);
  if (!target) return;
  target->subresource = subresource;
  const auto result = Engine::wait(
      [&](AnswerDone done) { engine_.update(*target, std::move(object), own_context(), std::move(done)); });
  if (result || result.error().code == 404) return;
  // Somebody wrote first: their event brings us back here. Anything else is worth a line.
  if (result.error().code == 409) return;
  log_warn("cannot update",
           {{"resource", key.resource}, {"namespace", key.ns}, {"name", key.name}, {"error", result.error().message}});
}

void Lifecycle::drop_finalizer(const storage::Key& key, const Json& object, const std::string& finalizer) {
  Json changed = object;
  auto finalizers = finalizers_of(changed);
  std::erase(finalizers, finalizer);
  set_finalizers(changed, finalizers);
  write(key, std::move(changed));
}

// ---- namespaces

void Lifecycle::check_namespace(const std::string& name) {
  const storage::Key key = namespace_key(name);
  const auto ns = look(key);
  if (!ns) return;
  if (!is_deleting(*ns)) return fill_namespace(name);
  const auto contents = engine_.store().in_namespace(name);
  for (const auto& record : contents) {
    const storage::Key of{record->resource(), record->ns(), std::string(record->name())};
    if (!record->deleting()) remove(of, std::string(record->uid()), Propagation::Background);
  }
  if (!engine_.store().in_namespace(name).empty()) return;  // the last one that goes brings us back
  Json finalized = *ns;
  finalized["spec"]["finalizers"] = Json::array();
  write(key, std::move(finalized), "finalize");
}

void Lifecycle::fill_namespace(const std::string& name) {
  const Json account = {
      {"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "default"}, {"namespace", name}}}};
  const Json ca = {{"apiVersion", "v1"},
                   {"kind", "ConfigMap"},
                   {"metadata", {{"name", "kube-root-ca.crt"}, {"namespace", name}}},
                   {"data", {{"ca.crt", ca_pem_}}}};
  for (const Json& object : {account, ca}) {
    if (auto ok = ensure_object(engine_, object); !ok && ok.error().code != Code::Denied) {
      log_warn("cannot fill a namespace", {{"namespace", name}, {"error", ok.error().message}});
    }
  }
}

// ---- custom resource definitions

void Lifecycle::check_crd(const std::string& name) {
  const storage::Key key{kCrdStorage, "", name};
  const auto crd = look(key);
  if (!crd || !is_deleting(*crd)) return;
  storage::ListOptions options;
  options.resource = storage_of_crd(*crd);
  const auto list = engine_.store().list(options);
  if (!list) return;
  for (const auto& record : list->items) {
    const storage::Key of{record->resource(), record->ns(), std::string(record->name())};
    if (!record->deleting()) remove(of, std::string(record->uid()), Propagation::Background);
  }
  if (engine_.store().count(options.resource) > 0) return;
  drop_finalizer(key, *crd, kCrdFinalizer);
}

}  // namespace datamesh::apiserver

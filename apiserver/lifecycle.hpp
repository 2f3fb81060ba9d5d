#pragma once
// What happens by itself after a write: a deleted owner takes its dependents along, a deleted namespace or CRD its
// contents; a namespace gets its ServiceAccount; roles and CRDs take effect. Level-based: each step looks at how things
// are and does the next thing; the store's events only say where to look.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/engine.hpp"

namespace datamesh::apiserver {

class Lifecycle {
 public:
  // `ca_pem` goes into every namespace's kube-root-ca.crt. `on_crd_change` is told of every new catalogue.
  Lifecycle(Engine& engine, Rbac& rbac, std::string ca_pem, std::function<void()> on_crd_change);
  ~Lifecycle();

  // Looks at everything once, then follows.
  Result<void> start();
  void stop();

 private:
  struct Task {
    enum class Kind { Object, OwnerGone, DependentGone, Namespace, Crd, Catalog, Rbac } kind;
    storage::Key key;
    std::string uid;
    storage::EventPtr event;  // Rbac, DependentGone
  };

  void follow(const storage::EventPtr& event);
  static std::string id_of(const Task& task);
  void add(Task task);
  void run(const std::stop_token& stop);
  void work(const Task& task);

  void check_object(const storage::Key& key);
  void check_owners(const storage::Key& key, const nlohmann::json& object);
  void finish_foreground(const storage::Key& key, const nlohmann::json& object);
  void finish_orphan(const storage::Key& key, const nlohmann::json& object);
  void check_dependents(const std::string& uid);
  void check_owners_of_gone(const storage::Key& key, const std::string& last_state);
  void check_namespace(const std::string& name);
  void fill_namespace(const std::string& name);
  void check_crd(const std::string& name);

  // In the stored version; nothing: it is not there.
  std::optional<nlohmann::json> look(const storage::Key& key) const;
  std::optional<Target> target_of(const storage::Key& key) const;
  bool remove(const storage::Key& key, const std::string& uid, std::optional<Propagation> propagation);
  void drop_finalizer(const storage::Key& key, const nlohmann::json& object, const std::string& finalizer);
  void write(const storage::Key& key, nlohmann::json object, const std::string& subresource = {});

  Engine& engine_;
  Rbac& rbac_;
  const std::string ca_pem_;
  const std::function<void()> on_crd_change_;
  std::unique_ptr<storage::Watch> watch_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Task> tasks_;
  std::set<std::string> queued_;  // tasks that wait, once each
  std::jthread thread_;
};

}  // namespace datamesh::apiserver

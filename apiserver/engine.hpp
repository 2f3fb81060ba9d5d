#pragma once
// The API without HTTP: objects in, objects out, through checks, admission and the store. HTTP requests and the
// in-process kube::Store both end here. Thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/auth/rbac.hpp"
#include "apiserver/catalog.hpp"
#include "apiserver/object.hpp"
#include "apiserver/prepare.hpp"
#include "apiserver/storage/storage.hpp"
#include "apiserver/work_pool.hpp"
#include "controller/core/clock.hpp"

namespace datamesh::apiserver {

struct Answer {
  int status = 200;
  std::string body;  // JSON, in the version that was asked for
  std::vector<std::string> warnings;
};
using AnswerDone = std::function<void(Outcome<Answer>)>;

enum class PatchKind { Json, Merge, Strategic, Apply };

class Engine {
 public:
  struct Limits {
    std::size_t object_bytes = 1'572'864;  // 1.5 MiB: what etcd takes
  };

  Engine(storage::Store& store, Rbac& rbac, WorkPool& pool, WorkPool& slow, const Clock& clock, Admission admission,
         Limits limits);
  ~Engine();

  std::shared_ptr<const Catalog> catalog() const;
  // Reads the CRDs again. Called when one has changed; the answers to writes of CRDs wait for it.
  void refresh_catalog();
  // Puts all roles and bindings into the index.
  void load_rbac();

  storage::Store& store() { return store_; }
  const Rbac& rbac() const { return rbac_; }
  WorkPool& pool() { return pool_; }       // for what is short
  WorkPool& slow_pool() { return slow_; }  // for what blocks: lists, watches that begin, deletions of many
  const Clock& clock() const { return clock_; }

  // Writes. They return at once; `done` is called once, on any thread, and must not block.
  void create(Target target, nlohmann::json object, WriteContext context, AnswerDone done);
  void update(Target target, nlohmann::json object, WriteContext context, AnswerDone done);
  void patch(Target target, PatchKind kind, nlohmann::json patch, bool force, WriteContext context, AnswerDone done);
  void remove(Target target, DeleteOptions options, WriteContext context, AnswerDone done);
  // Everything `match` selects in the target's namespace ("": all of them). Blocks.
  Outcome<Answer> remove_collection(const Target& target, const std::function<bool(const storage::Record&)>& match,
                                    const DeleteOptions& options, const WriteContext& context);

  Outcome<Answer> get(const Target& target, std::uint64_t not_older_than = 0);

  // Blocks until the answer is there. Not on the store's writer thread.
  static Outcome<Answer> wait(const std::function<void(AnswerDone)>& start);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  void run(const JobPtr& job);
  void attempt(const JobPtr& job);
  void retry(const JobPtr& job, const Failure& failure);
  Outcome<Prepared> prepare(Job& job, const nlohmann::json* live);
  void commit(const JobPtr& job, Prepared prepared, const nlohmann::json* live);
  void finish(const JobPtr& job, const storage::RecordPtr& record, Outcome<Answer> answer);
  void fill(WriteContext& context, const Catalog& catalog) const;

  storage::Store& store_;
  Rbac& rbac_;
  WorkPool& pool_;
  WorkPool& slow_;
  const Clock& clock_;
  Admission admission_;
  Limits limits_;
  mutable std::mutex catalog_mutex_;
  std::mutex refresh_mutex_;
  std::shared_ptr<const Catalog> catalog_;
};

}  // namespace datamesh::apiserver

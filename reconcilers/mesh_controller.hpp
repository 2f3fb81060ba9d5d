#pragma once
// All loops of the mesh together: watches fill the catalog, changes wake objects and backends, workers work them off.
// Nothing is decided before every watch has delivered everything there is.

#include <memory>

#include "api/types.hpp"
#include "controller/core/clock.hpp"
#include "controller/kube/store.hpp"
#include "controller/runtime/instruments.hpp"
#include "reconcilers/backend/engine.hpp"

namespace datamesh {

struct MeshControllerOptions {
  // They wait for durable writes most of the time; together they give the store groups to commit.
  unsigned object_workers = 16;
  unsigned backend_workers = 4;  // passes at once; never two on one backend
  unsigned proof_workers = 4;
  // A namespace where nothing is declared, for a probe of the cluster's quotas; empty: nobody else counts, and
  // ResourceQuotas are written at once.
  std::string home_namespace = {};
};

class MeshController {
 public:
  // The references must outlive it.
  MeshController(kube::Store& store, const EngineRegistry& engines, ManagedServers& managed, const Clock& clock,
                 Instruments& instruments, MeshControllerOptions options = {});
  ~MeshController();

  void start();
  // Ends watches and workers; what is under way ends at its next step. Returns when nothing runs any more.
  void stop();

  // Every watch has delivered what exists: the answer of /readyz.
  bool synced() const;
  // Nothing waits and nothing is being worked on (benchmarks and tests wait for it).
  bool idle() const;
  // What is wrong with a write that `user` asks for, from the declarations known now (mesh::admit).
  std::vector<api::Problem> admit(const nlohmann::json* before, const nlohmann::json* after,
                                  std::string_view user = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace datamesh

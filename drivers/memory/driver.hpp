#pragma once
// The driver for the memory server: the smallest whole driver, the one to read first. `engine: memory` serves tables
// and topics without any server, for trying things out; it forgets everything with the process.

#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/plan/driver.hpp"
#include "drivers/memory/server.hpp"
#include "drivers/memory/spec.hpp"
#include "mesh/workload.hpp"

namespace datamesh::memory {

class Driver {
 public:
  using Spec = memory::Spec;

  explicit Driver(std::shared_ptr<Server> server) : server_(std::move(server)) {}

  Result<std::string> reach(std::stop_token stop);
  static Desired<Spec> desired(const mesh::Workload& workload) { return memory::desired(workload); }
  Result<Observed<Spec>> observe(const Scope& scope, std::stop_token stop);
  static std::vector<std::string> lower(const Change<Spec>& change) { return memory::lower(change); }
  static int rank(const Spec& spec) { return memory::rank(spec); }
  static bool holds_data(const Spec& spec) { return memory::holds_data(spec); }
  void apply(std::span<Action<Spec>> actions, std::stop_token stop);
  Result<std::string> change_token(std::stop_token stop);

  // Tries what must be readable and what must not; each attempt is a line of `tried`. Empty: proved, else the failure.
  std::string prove_granted(const mesh::Port& port, const mesh::Access& access, const std::string& version,
                            std::vector<std::string>& tried);
  std::string prove_revoked(const ObjectKey& subscription, const std::string& version, std::vector<std::string>& tried);

 private:
  std::shared_ptr<Server> server_;
};

static_assert(datamesh::Driver<Driver>);

}  // namespace datamesh::memory

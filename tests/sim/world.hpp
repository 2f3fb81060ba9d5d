#pragma once
// The whole loop without threads and without real time: the same intake, reconcilers, backend loop and proofs as
// MeshController, stepped one at a time by a seeded hand that also plays the users, the clock, and whatever goes wrong.

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "controller/app/engines.hpp"
#include "controller/runtime/work_queue.hpp"
#include "drivers/memory/driver.hpp"
#include "reconcilers/backend/loop.hpp"
#include "reconcilers/domain/surroundings.hpp"
#include "reconcilers/intake.hpp"
#include "reconcilers/subscription/credentials.hpp"
#include "tests/sim/fake_store.hpp"
#include "tests/testing/fake_clock.hpp"

namespace datamesh::sim {

class NoServers : public ManagedServers {
 public:
  Result<Connection> ensure(const std::string& backend, const std::string& engine, std::stop_token) override {
    return Connection{backend, engine, "", {}};
  }
  Result<void> release(const std::string&) override { return {}; }
};

class World {
 public:
  explicit World(unsigned seed);
  ~World();

  // One random thing happens: a user writes, an event arrives (or twice, or never), a loop takes a step, time passes,
  // the process dies.
  void step();
  // Faults stop, and the control plane starts anew.
  void die();
  // Faults stop, and everything runs until nothing is due. False: it never came to rest.
  bool come_to_rest();

  void create(Json object);
  FakeStore& store() { return store_; }
  memory::Server& server() { return *server_; }
  test::FakeClock& clock() { return clock_; }
  const std::string& backend() const { return backend_; }
  // What the declarations in the store ask of the backend now, and what is wrong with the mesh as it is; empty: right.
  std::vector<std::string> differences();
  int crashes() const { return crashes_; }
  int faults() const { return faults_; }

 private:
  struct Process;  // everything that is lost when the control plane dies

  void user_acts();
  void disturb_surroundings(const std::string& ns);
  void deliver();
  bool run_one();
  void advance_to_next();
  void restart();
  bool chance(unsigned one_in) { return random_() % one_in == 0; }
  std::optional<Error> maybe_fail(const std::string& operation);

  std::mt19937 random_;
  const std::size_t newcomers_max_;  // so few that some always wait for their turn
  test::FakeClock clock_;
  FakeStore store_;
  std::string backend_;
  std::shared_ptr<memory::Server> server_;
  EngineRegistry engines_;
  NoServers servers_;
  Instruments instruments_;
  std::unique_ptr<Process> process_;
  bool trouble_ = true;
  bool dying_ = false;
  int crashes_ = 0, faults_ = 0;
  std::optional<std::size_t> clashes_before_rest_;
};

}  // namespace datamesh::sim

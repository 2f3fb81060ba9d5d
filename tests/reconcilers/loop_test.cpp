#include "reconcilers/backend/loop.hpp"

#include <gtest/gtest.h>

#include "api/backend.hpp"
#include "controller/core/json.hpp"
#include "tests/sim/fake_store.hpp"
#include "tests/testing/fake_clock.hpp"

namespace datamesh {
namespace {

using std::chrono::seconds;

// Answers, and holds nothing.
class EmptyEngine : public Engine {
 public:
  Result<std::string> reach(std::stop_token) override { return std::string("1"); }
  Result<std::string> change_token(std::stop_token) override { return std::string(); }
  Pass converge(const mesh::Workload&, const Scope& scope, const Guard& guard, std::stop_token) override {
    deletes_max = guard.deletes_max;
    Pass pass;
    pass.scope = scope;
    return pass;
  }
  Result<mesh::Credential> mint(const ObjectKey&, const std::string&, const mesh::Port*, const mesh::Access*) override {
    return Error{Code::Invalid, "nobody is let in"};
  }
  Proof prove_granted(const mesh::Port&, const mesh::Access&, const mesh::Credential&, std::stop_token) override {
    return {};
  }
  Proof prove_revoked(const mesh::Port&, const ObjectKey&, const mesh::Credential&, std::stop_token) override {
    return {};
  }
  std::pair<std::string, std::string> dataset(const mesh::Port&) const override { return {}; }

  std::size_t deletes_max = 0;
};

class NoServers : public ManagedServers {
 public:
  Result<Connection> ensure(const std::string&, const std::string&, std::stop_token) override {
    return Error{Code::Unavailable, "none is run here"};
  }
  Result<void> release(const std::string&) override { return {}; }
};

class Loop : public ::testing::Test {
 protected:
  void declare(seconds interval, int deletes) {
    api::Backend backend;
    backend.metadata.name = "warehouse";
    backend.engine = "empty";
    backend.external = api::ExternalBackend{.endpoint = "empty://here", .credentials_ref = {}};
    backend.sync_interval = interval;
    backend.deletes_per_pass = deletes;
    const std::unique_lock lock(state.mutex);
    const auto dirty = state.catalog.put(std::move(backend));
    state.backends.try_emplace("warehouse");
    state.backends["warehouse"].whole_due |= dirty.whole.contains("warehouse");
  }

  test::FakeClock clock;
  sim::FakeStore store;
  Instruments instruments;
  NoServers servers;
  State state;
  std::shared_ptr<EmptyEngine> engine = std::make_shared<EmptyEngine>();
  std::function<void()> while_connecting = [] {};
  EngineRegistry engines{
      {"empty",
       {.connect = [this](const Connection&, const mesh::CredentialSource&) -> Result<std::shared_ptr<Engine>> {
          while_connecting();
          return std::shared_ptr<Engine>(engine);
        },
        .version_of = [](const auto&) { return std::string(); }}}};
  Context context{
      store, clock, instruments, engines, servers, state, [](const ObjectKey&, Duration) {}, [](const std::string&) {}};
  BackendLoop loop{context, [](const ProofKey&) {}};
};

TEST_F(Loop, ComesAgainAfterTheIntervalThatIsDeclared) {
  declare(seconds(60), 50);
  const auto next = loop.visit("warehouse", {});
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->after, seconds(60));
}

TEST_F(Loop, GoesByWhatWasDeclaredWhileItConnected) {
  declare(seconds(60), 50);
  while_connecting = [&] { declare(seconds(2), 7); };
  const auto next = loop.visit("warehouse", {});
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->after, seconds(2));
  EXPECT_EQ(engine->deletes_max, 7U);
}

}  // namespace
}  // namespace datamesh

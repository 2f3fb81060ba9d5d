// A Secret that cannot be read is not a Secret that is not there.

#include "reconcilers/subscription/credentials.hpp"

#include <gtest/gtest.h>

#include "controller/app/engines.hpp"
#include "controller/runtime/instruments.hpp"
#include "tests/sim/world.hpp"

namespace datamesh::sim {
namespace {

class Credentials : public ::testing::Test {
 protected:
  test::FakeClock clock;
  FakeStore store;
  Instruments instruments;
  EngineRegistry engines{{"memory", app::memory_engine(clock)}};
  NoServers servers;
  State state;
  const Context context{store, clock, instruments, engines, servers, state, {}, {}};
  const ObjectKey principal{"Subscription", "marketing", "churn"};

  void SetUp() override { state.secrets[principal] = {"marketing", "churn"}; }
};

TEST_F(Credentials, AreNoneWhenTheSecretIsGone) {
  const auto found = find_credential(context, "warehouse", principal);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, nullptr);
}

TEST_F(Credentials, AreUnknownWhenTheServerDoesNotAnswer) {
  for (const Code code : {Code::Unavailable, Code::Denied}) {
    store.fault = [&](const std::string&) { return Error{code, "no answer"}; };
    const auto found = find_credential(context, "warehouse", principal);
    ASSERT_FALSE(found) << "nothing was seen, and absence was concluded";
    EXPECT_EQ(found.error().code, code);
  }
}

}  // namespace
}  // namespace datamesh::sim

// Whatever happened before -- crashes between any two requests, conflicts, lost answers, partial looks, lost and
// repeated watch events, hands on the backend -- once it stops, the mesh becomes what is declared, and then stays
// still.

#include <iostream>

#include <gtest/gtest.h>

#include "tests/contract/seed.hpp"
#include "tests/sim/world.hpp"

namespace datamesh::sim {
namespace {

int seeds() {
  const char* given = std::getenv("DATAMESH_SIM_SEEDS");
  return given ? std::atoi(given) : 40;
}

TEST(MeshSimulation, ConvergesAfterAnyTroubleAndThenStaysStill) {
  configure_log(LogLevel::Error, LogFormat::Text);
  const unsigned base = laws::seed();
  int crashes = 0, faults = 0;
  for (int i = 0; i < seeds(); ++i) {
    const unsigned seed = base + static_cast<unsigned>(i);
    World world(seed);
    for (int step = 0; step < 3'000; ++step) world.step();
    // Half of them recover in the process that lived through it, half in a fresh one.
    if (i % 2) world.die();
    ASSERT_TRUE(world.come_to_rest()) << "DATAMESH_SEED=" << seed << " never came to rest";
    const auto wrong = world.differences();
    EXPECT_TRUE(wrong.empty()) << "DATAMESH_SEED=" << seed << ::testing::PrintToString(wrong);
    const auto version = world.store().version();
    const auto writes = world.server().writes();
    ASSERT_TRUE(world.come_to_rest());
    EXPECT_EQ(version, world.store().version()) << "DATAMESH_SEED=" << seed << " writes to the API go on";
    EXPECT_EQ(writes, world.server().writes()) << "DATAMESH_SEED=" << seed << " writes to the backend go on";
    crashes += world.crashes();
    faults += world.faults();
    if (HasFailure()) return;
  }
  std::cout << seeds() << " seeds, " << crashes << " crashes, " << faults << " faults\n";
  EXPECT_GT(crashes, seeds()) << "the simulation did not try";
}

}  // namespace
}  // namespace datamesh::sim

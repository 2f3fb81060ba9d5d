#include "controller/telemetry/process.hpp"

#include <gtest/gtest.h>

namespace datamesh::telemetry {
namespace {

TEST(Process, IsReadDespiteAHostileCommandName) {
  const ProcessFacts facts =
      parse_process("42 (a) S 7 (b) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 4 0 1000 123456 77 18446744073709551615 1",
                    "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n", {100, 4096});
  EXPECT_DOUBLE_EQ(facts.cpu_seconds, 4.0);
  EXPECT_EQ(facts.virtual_bytes, 123456u);
  EXPECT_EQ(facts.resident_bytes, 77u * 4096);
  EXPECT_DOUBLE_EQ(facts.start_seconds, 1700000010.0);
}

TEST(Process, OfNonsenseIsZero) {
  for (const char* text : {"", "42", "42 (x", "42 (x) S 1 2"}) {
    EXPECT_EQ(parse_process(text, "", {}).resident_bytes, 0u) << text;
  }
}

}  // namespace
}  // namespace datamesh::telemetry

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/plan/toy_driver.hpp"
#include "tests/testing/fake_clock.hpp"

namespace datamesh::test {
namespace {

TEST(Converge, BuildsWhatIsDeclared) {
  ToyDriver driver;
  Desired<ToySpec> desired;
  desired.resources[{"table", "a"}] = {{"1"}, {"DataProduct", "sales", "a"}};
  const Pass pass = converge(driver, desired, Scope::everything(), Guard{}, FakeClock(), {});
  EXPECT_EQ(driver.target.size(), 1U);
  EXPECT_THAT(pass.remaining, ::testing::IsEmpty());
}

}  // namespace
}  // namespace datamesh::test

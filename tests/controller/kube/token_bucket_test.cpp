#include "controller/kube/token_bucket.hpp"

#include <gtest/gtest.h>

#include "tests/testing/fake_clock.hpp"

namespace datamesh::kube {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, LetsABurstThroughAndThenTheRate) {
  test::FakeClock clock;
  TokenBucket bucket(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(clock.steady()), 0s);
  EXPECT_EQ(bucket.take(clock.steady()), 100ms);
  EXPECT_EQ(bucket.take(clock.steady()), 200ms) << "who comes later waits longer";
  clock.advance(200ms);
  EXPECT_EQ(bucket.take(clock.steady()), 100ms);
  clock.advance(1h);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(clock.steady()), 0s) << "no more than a burst is saved up";
  EXPECT_GT(bucket.take(clock.steady()), 0s);
}

TEST(TokenBucket, HasNoLimitWhenNoneIsSet) {
  TokenBucket bucket(0, 1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bucket.take(Steady{}), 0s);
}

}  // namespace
}  // namespace datamesh::kube

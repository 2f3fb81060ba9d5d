#include "controller/runtime/election.hpp"

#include <gtest/gtest.h>

#include "tests/testing/fake_clock.hpp"

namespace datamesh {
namespace {

using namespace std::chrono_literals;
using Move = Election::Move;

// A Lease that both candidates see at once, and time turned by hand.
class ElectionTest : public testing::Test {
 protected:
  Move step(Election& candidate) {
    const auto decision = candidate.decide(lease_, clock_.steady(), clock_.wall());
    if (decision.move == Move::Create || decision.move == Move::Take || decision.move == Move::Renew) {
      lease_ = decision.record;
      candidate.wrote(decision.record, clock_.steady());
    }
    return decision.move;
  }
  bool may_write(const Election& candidate) const {
    return candidate.holds_until() && clock_.steady() < *candidate.holds_until();
  }

  test::FakeClock clock_;
  std::optional<LeaseRecord> lease_;
  Election a_{ElectionOptions{.identity = "a"}}, b_{ElectionOptions{.identity = "b"}};
};

TEST_F(ElectionTest, TheFirstMakesTheLeaseAndTheSecondWaits) {
  EXPECT_EQ(step(a_), Move::Create);
  EXPECT_EQ(lease_->holder, "a");
  EXPECT_EQ(lease_->duration_seconds, 15);
  EXPECT_EQ(lease_->transitions, 0);
  EXPECT_EQ(lease_->acquired, "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(step(b_), Move::Wait);
  EXPECT_TRUE(may_write(a_));
  EXPECT_FALSE(may_write(b_));
}

TEST_F(ElectionTest, ARenewalKeepsWhenItWasAcquiredAndTheTransitions) {
  step(a_);
  clock_.advance(2s);
  EXPECT_EQ(step(a_), Move::Renew);
  EXPECT_EQ(lease_->acquired, "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(lease_->renewed, "2026-01-01T00:00:02.000000Z");
  EXPECT_EQ(lease_->transitions, 0);
}

TEST_F(ElectionTest, ASilentLeaderStopsWritingBeforeAnotherTakesOver) {
  step(a_);
  step(b_);
  clock_.advance(9'999ms);
  EXPECT_TRUE(may_write(a_));
  EXPECT_EQ(step(b_), Move::Wait);
  clock_.advance(1ms);
  EXPECT_FALSE(may_write(a_));
  clock_.advance(4'999ms);
  EXPECT_EQ(step(b_), Move::Wait);
  clock_.advance(1ms);
  EXPECT_EQ(step(b_), Move::Take);
  EXPECT_EQ(lease_->transitions, 1);
  EXPECT_TRUE(may_write(b_));
  EXPECT_EQ(step(a_), Move::Lost);
}

TEST_F(ElectionTest, ALeaseIsMeasuredFromWhenItsLastChangeWasSeenNotFromTheTimesWrittenInIt) {
  lease_ = LeaseRecord{"c", 15, "1999-01-01T00:00:00.000000Z", "1999-01-01T00:00:00.000000Z", 7};
  EXPECT_EQ(step(a_), Move::Wait);
  clock_.advance(14s);
  lease_->renewed = "2099-01-01T00:00:00.000000Z";
  EXPECT_EQ(step(a_), Move::Wait);
  clock_.advance(14s);
  EXPECT_EQ(step(a_), Move::Wait);
  clock_.advance(1s);
  EXPECT_EQ(step(a_), Move::Take);
  EXPECT_EQ(lease_->transitions, 8);
}

TEST_F(ElectionTest, WhatIsGivenUpIsTakenAtOnce) {
  step(a_);
  step(b_);
  lease_ = a_.release(clock_.wall());
  EXPECT_EQ(lease_->holder, "");
  a_.wrote(*lease_, clock_.steady());
  EXPECT_FALSE(a_.holds());
  EXPECT_EQ(step(b_), Move::Take);
  EXPECT_EQ(lease_->transitions, 1);
}

TEST_F(ElectionTest, AWriteWhoseAnswerWasLostIsFoundToBeOurs) {
  const auto decision = a_.decide(lease_, clock_.steady(), clock_.wall());
  lease_ = decision.record;  // the server took it, the answer did not arrive
  EXPECT_FALSE(a_.holds());
  EXPECT_EQ(step(a_), Move::Renew);
  EXPECT_EQ(lease_->transitions, 0);
  EXPECT_TRUE(may_write(a_));
}

TEST_F(ElectionTest, ALeaseThatWasDeletedEndsTheTerm) {
  step(a_);
  lease_.reset();
  EXPECT_EQ(step(a_), Move::Lost);
  EXPECT_EQ(step(b_), Move::Create);
}

TEST_F(ElectionTest, TheTermCountsFromBeforeTheRenewalWasSent) {
  step(a_);
  const auto decision = a_.decide(lease_, clock_.steady(), clock_.wall());
  const Steady sent = clock_.steady();
  clock_.advance(8s);  // a slow answer
  a_.wrote(decision.record, sent);
  clock_.advance(2s);
  EXPECT_FALSE(may_write(a_));
}

TEST_F(ElectionTest, CandidatesComeBackAtTimesThatDiffer) {
  EXPECT_EQ(a_.pause(0), 2s);
  EXPECT_EQ(a_.pause(0.5), 3'200ms);
  EXPECT_LT(a_.pause(0.999), 4'400ms);
}

TEST(ElectionOptions, AreRefusedWhereALeaderCouldWriteAfterItsLease) {
  const auto refused = [](ElectionOptions options) {
    const auto checked = check(options);
    return !checked && checked.error().code == Code::Invalid;
  };
  EXPECT_TRUE(check(ElectionOptions{.identity = "a"}));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({.identity = "a", .lease = 10s, .renew_deadline = 10s}));
  EXPECT_TRUE(refused({.identity = "a", .lease = 15s, .renew_deadline = 10s, .retry = 9s}));
  EXPECT_TRUE(refused({.identity = "a", .lease = 15'500ms}));
  EXPECT_TRUE(refused({.identity = "a", .lease = 3s, .renew_deadline = 2s, .retry = 0s}));
}

}  // namespace
}  // namespace datamesh

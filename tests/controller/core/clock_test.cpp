#include "controller/core/clock.hpp"

#include <random>

#include <gtest/gtest.h>

namespace datamesh {
namespace {

using std::chrono::milliseconds;

WallTime at(std::int64_t millis) {
  return WallTime(milliseconds(millis));
}

TEST(FormatTime, WritesWholeSecondsInUtc) {
  EXPECT_EQ(format_time(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(at(1'814'399'999'999)), "2027-06-30T23:59:59Z") << "cut, not rounded";
  EXPECT_EQ(format_time(at(951'782'400'000)), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_time(at(-1)), "1969-12-31T23:59:59Z");
}

TEST(FormatTime, WritesMicrosecondsForMicroTime) {
  EXPECT_EQ(format_micro_time(at(1'814'399'999'042)), "2027-06-30T23:59:59.042000Z");
  EXPECT_EQ(format_micro_time(at(-1)), "1969-12-31T23:59:59.999000Z");
}

TEST(ParseTime, ReadsEveryFormOfRfc3339) {
  struct Case {
    const char* text;
    std::int64_t millis;
  };
  for (const Case& c : {
           Case{"1970-01-01T00:00:00Z", 0},
           {"2027-06-30T23:59:59Z", 1'814'399'999'000},
           {"2027-06-30t23:59:59z", 1'814'399'999'000},
           {"2027-06-30 23:59:59Z", 1'814'399'999'000},
           {"2027-07-01T01:29:59+01:30", 1'814'399'999'000},
           {"2027-06-30T18:59:59-05:00", 1'814'399'999'000},
           {"2027-06-30T23:59:59.5Z", 1'814'399'999'500},
           {"2027-06-30T23:59:59.04Z", 1'814'399'999'040},
           {"2027-06-30T23:59:59.123999999Z", 1'814'399'999'123},
           {"2000-02-29T00:00:00Z", 951'782'400'000},
       }) {
    const auto time = parse_time(c.text);
    ASSERT_TRUE(time) << c.text << ": " << time.error().message;
    EXPECT_EQ(*time, at(c.millis)) << c.text;
  }
}

TEST(ParseTime, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2027-06-30", "2027-06-30T23:59:59", "2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z",
        "2027-00-01T00:00:00Z", "2027-01-00T00:00:00Z", "2027-06-30T24:00:00Z", "2027-06-30T23:60:00Z",
        "2027-06-30T23:59:60Z", "2027-06-30T23:59:59.Z", "2027-06-30T23:59:59+25:00", "2027-06-30T23:59:59+0100",
        "2027-06-30T23:59:59Zx", " 2027-06-30T23:59:59Z", "27-06-30T23:59:59Z", "2027-06-30T-1:59:59Z"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Code::Invalid);
  }
}

TEST(ParseTime, ReadsBackWhatWasWritten) {
  const unsigned seed = std::random_device{}();
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> any(-62'135'596'800'000, 253'402'300'799'999);  // years 1 to 9999
  for (int i = 0; i < 10'000; ++i) {
    const WallTime time = at(any(random));
    const auto read = parse_time(format_micro_time(time));
    ASSERT_TRUE(read) << "seed " << seed << ": " << format_micro_time(time);
    ASSERT_EQ(*read, time) << "seed " << seed;
  }
}

TEST(ParseDuration, AddsItsParts) {
  struct Case {
    const char* text;
    std::int64_t millis;
  };
  for (const Case& c : {Case{"90s", 90'000},
                        {"5m", 300'000},
                        {"1h30m", 5'400'000},
                        {"7d", 604'800'000},
                        {"1w", 604'800'000},
                        {"365d", 31'536'000'000},
                        {"1y", 31'536'000'000},
                        {"250ms", 250},
                        {"1m1ms", 60'001},
                        {"0s", 0}}) {
    const auto duration = parse_duration(c.text);
    ASSERT_TRUE(duration) << c.text;
    EXPECT_EQ(duration->count(), c.millis) << c.text;
  }
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "5", "s", "-5m", "5 m", "1.5h", "5M", "5mm", "5x", "h1", "9223372036854775807y",
                           "300000000y", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(RealClock, MovesForwards) {
  const Steady before = real_clock().steady();
  EXPECT_GE(real_clock().steady(), before);
  EXPECT_GT(real_clock().wall(), *parse_time("2024-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace datamesh

#include "controller/core/log.hpp"

#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/clock.hpp"
#include "controller/core/json.hpp"

namespace datamesh {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class Log : public ::testing::Test {
 protected:
  ~Log() override { configure_log(LogLevel::Info, LogFormat::Text); }
};

TEST_F(Log, WritesAnObjectPerLineAsJson) {
  configure_log(LogLevel::Info, LogFormat::Json);
  CaptureStderr();
  log_warn("quoted \"and\"\nbroken", {{"object", "DataProduct/sales/orders"}, {"raw", "\xff"}});
  const auto lines = lines_of(GetCapturedStderr());
  ASSERT_EQ(lines.size(), 1U);
  const auto line = parse_json(lines[0]);
  ASSERT_TRUE(line) << lines[0];
  EXPECT_EQ(string_at(*line, {"level"}), "warn");
  EXPECT_EQ(string_at(*line, {"message"}), "quoted \"and\"\nbroken");
  EXPECT_EQ(string_at(*line, {"object"}), "DataProduct/sales/orders");
  EXPECT_EQ(string_at(*line, {"raw"}), "\xef\xbf\xbd");
  EXPECT_TRUE(parse_time(string_at(*line, {"time"}))) << lines[0];
}

TEST_F(Log, WritesOneLineAsText) {
  CaptureStderr();
  log_info("started\nfine", {{"port", "8080"}, {"why", "two words"}, {"none", ""}, {"trick", "a\nb"}});
  const auto lines = lines_of(GetCapturedStderr());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("Z info  started fine  port=8080 why=\"two words\" none=\"\" trick=\"a\\nb\""));
}

TEST_F(Log, LeavesOutWhatIsBelowItsLevel) {
  configure_log(LogLevel::Warn, LogFormat::Text);
  CaptureStderr();
  log_debug("quiet");
  log_info("quiet");
  log_warn("heard");
  log_error("heard");
  EXPECT_EQ(lines_of(GetCapturedStderr()).size(), 2U);
}

TEST_F(Log, KeepsLinesWholeBetweenThreads) {
  configure_log(LogLevel::Info, LogFormat::Json);
  CaptureStderr();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int line = 0; line < 250; ++line) log_info(std::string(200, 'x'), {{"n", std::to_string(line)}});
      });
    }
  }
  const auto lines = lines_of(GetCapturedStderr());
  EXPECT_EQ(lines.size(), 1000U);
  for (const auto& line : lines) ASSERT_TRUE(parse_json(line)) << line;
}

TEST(Secret, IsReadByItsOneDoor) {
  const Secret secret("value");
  EXPECT_EQ(secret.reveal(), "value");
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(secret, Secret("value"));
}

}  // namespace
}  // namespace datamesh

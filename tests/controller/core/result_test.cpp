#include "controller/core/result.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace datamesh {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error{Code::Invalid, "odd"};
  return number / 2;
}

Result<std::string> quarter(int number) {
  DATAMESH_TRY(const int first, half(number));
  DATAMESH_TRY(const int second, half(first));
  return std::to_string(second);
}

Result<void> check(int number) {
  DATAMESH_CHECK(half(number));
  return {};
}

TEST(Result, HasAValueOrAReason) {
  EXPECT_EQ(*half(4), 2);
  ASSERT_FALSE(half(3));
  EXPECT_EQ(half(3).error(), (Error{Code::Invalid, "odd"}));
}

TEST(Result, PassesTheFirstErrorOn) {
  EXPECT_EQ(*quarter(8), "2");
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_TRUE(check(2));
  EXPECT_EQ(check(1).error().message, "odd");
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  ASSERT_TRUE(result);
  const std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 7);
}

TEST(Error, TellsItsContextAndKeepsItsCode) {
  EXPECT_EQ(with_context("postgresql/warehouse", {Code::Unavailable, "connection refused"}),
            (Error{Code::Unavailable, "postgresql/warehouse: connection refused"}));
}

TEST(Code, HasAWordForEach) {
  EXPECT_EQ(to_string(Code::Unavailable), "Unavailable");
  EXPECT_EQ(to_string(Code::Cancelled), "Cancelled");
}

}  // namespace
}  // namespace datamesh

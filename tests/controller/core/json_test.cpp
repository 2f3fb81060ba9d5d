#include "controller/core/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datamesh {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string nested(int depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

std::string message_of(const Result<Json>& result) {
  return result ? "" : result.error().message;
}

TEST(ParseJson, ReadsAnObject) {
  const auto value = parse_json(R"({"b": [1, -2, 2.5, null, true], "a": "\u00e4\ud83d\ude00"})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->dump(), R"({"a":"ä😀","b":[1,-2,2.5,null,true]})") << "keys are sorted";
}

TEST(ParseJson, SaysWhereTheMistakeIs) {
  const auto value = parse_json(R"({"a": 1,})");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, Code::Invalid);
  EXPECT_THAT(value.error().message, HasSubstr("byte 9"));
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  const std::string with_nul("{}\0{}", 5);
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{} {}"), std::string("// a\n{}"), std::string("{'a':1}"),
        std::string("[01]"), std::string("NaN"), std::string("\"\xff\""), std::string("\"\\ud800\""),
        std::string("\"a\nb\""), std::string("[1e999]"), std::string("\"open"), std::string("\"\\"), with_nul}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(ParseJson, HoldsTheLimitOfDepth) {
  EXPECT_TRUE(parse_json(nested(100)));
  EXPECT_THAT(message_of(parse_json(nested(101))), HasSubstr("nested deeper than 100"));
  EXPECT_FALSE(parse_json(std::string(2'000'000, '['))) << "refused before it costs a stack";
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\"")) << "brackets of a string are text";
  EXPECT_TRUE(parse_json(R"(["\"[[[[", "\\"])", JsonLimits{.depth = 1}));
}

TEST(ParseJson, HoldsTheLimitOfSize) {
  const std::string text = "\"" + std::string(98, 'x') + "\"";
  EXPECT_TRUE(parse_json(text, JsonLimits{.bytes = 100}));
  EXPECT_THAT(message_of(parse_json(text, JsonLimits{.bytes = 99})), HasSubstr("100 bytes, the limit is 99"));
}

TEST(ParseJson, KeepsTheLastOfTwoKeysAndNamesThem) {
  std::vector<std::string> duplicates;
  const auto value = parse_json(
      R"({"spec": {"name": "a", "ports": [{"x": 1}, [], 3, {"name": "b", "name": "c"}], "name": "d"}, "name": 1})", {},
      &duplicates);
  ASSERT_TRUE(value);
  EXPECT_EQ(string_at(*value, {"spec", "name"}), "d");
  EXPECT_THAT(duplicates, ElementsAre("spec.ports[3].name", "spec.name"));
}

TEST(ParseJson, FindsNoDuplicatesWhereThereAreNone) {
  std::vector<std::string> duplicates;
  ASSERT_TRUE(parse_json(R"({"a": {"a": {"a": [{"a": 1}, {"a": 2}]}}, "b": {"a": 1}})", {}, &duplicates));
  EXPECT_THAT(duplicates, IsEmpty());
}

TEST(Find, FollowsKeysAndStopsAtAnythingElse) {
  const Json object = *parse_json(R"({"a": {"b": {"c": 7}}, "s": "text", "n": null, "l": [1]})");
  ASSERT_NE(find(object, {"a", "b", "c"}), nullptr);
  EXPECT_EQ(*find(object, {"a", "b", "c"}), 7);
  EXPECT_EQ(find(object, {}), &object);
  EXPECT_EQ(find(object, {"a", "x"}), nullptr);
  EXPECT_EQ(find(object, {"s", "x"}), nullptr);
  EXPECT_EQ(find(object, {"n", "x"}), nullptr);
  EXPECT_EQ(find(object, {"l", "0"}), nullptr);
}

TEST(StringAt, IsEmptyForAnythingButAString) {
  const Json object = *parse_json(R"({"s": "text", "n": 1})");
  EXPECT_EQ(string_at(object, {"s"}), "text");
  EXPECT_EQ(string_at(object, {"n"}), "");
  EXPECT_EQ(string_at(object, {"x"}), "");
}

}  // namespace
}  // namespace datamesh

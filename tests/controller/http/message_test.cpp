#include "controller/http/message.hpp"

#include <gtest/gtest.h>

#include "controller/http/client.hpp"

namespace datamesh::http {
namespace {

TEST(Headers, CompareNamesWithoutRegardToCase) {
  Headers headers{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
  EXPECT_EQ(headers.get("content-type"), "a");
  EXPECT_EQ(headers.get("X"), "1");
  EXPECT_EQ(headers.get("none"), "");
  headers.set("x", "3");
  EXPECT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers.get("X"), "3");
}

TEST(Query, IsDecoded) {
  const auto query = parse_query("?a=1&b=x%20y+z&&c&a=2&=e");
  ASSERT_TRUE(query);
  EXPECT_EQ(*query, (Query{{"", "e"}, {"a", "1"}, {"a", "2"}, {"b", "x y z"}, {"c", ""}}));
  EXPECT_EQ(parse_query("a=%2").error().code, Code::Invalid);
  EXPECT_EQ(parse_query("a=%g0").error().code, Code::Invalid);
}

TEST(Percent, EncodingAndDecodingAreInverse) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(*percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c~d"), "a%2Fb%20c~d");
}

TEST(LineSplitter, GivesTheSameLinesHoweverTheBytesAreCut) {
  const std::string text = "one\n\ntwo\r\nthree\nrest";
  const std::vector<std::string> wanted{"one", "", "two", "three"};
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += size) {
      EXPECT_TRUE(splitter.feed(std::string_view(text).substr(at, size), [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
      }));
    }
    EXPECT_EQ(lines, wanted) << "in pieces of " << size;
    EXPECT_EQ(splitter.rest(), "rest");
  }
}

TEST(LineSplitter, StopsWhenNoMoreIsWanted) {
  LineSplitter splitter;
  int lines = 0;
  EXPECT_FALSE(splitter.feed("a\nb\nc\n", [&](std::string_view) { return ++lines < 2; }));
  EXPECT_EQ(lines, 2);
  EXPECT_FALSE(splitter.overflowed());
}

TEST(LineSplitter, RefusesALineWithoutEnd) {
  LineSplitter splitter(10);
  const auto any = [](std::string_view) { return true; };
  EXPECT_TRUE(splitter.feed("12345", any));
  EXPECT_FALSE(splitter.feed("678901", any));
  EXPECT_TRUE(splitter.overflowed());
}

}  // namespace
}  // namespace datamesh::http

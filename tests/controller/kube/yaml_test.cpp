#include "controller/kube/yaml.hpp"

#include <gtest/gtest.h>

#include "controller/core/json.hpp"

namespace datamesh::kube {
namespace {

Json one(std::string_view text) {
  auto documents = parse_yaml(text);
  EXPECT_TRUE(documents) << (documents ? "" : documents.error().message);
  return documents && documents->size() == 1 ? (*documents)[0] : Json("not one document");
}

TEST(ParseYaml, PlainScalarsAreTypedAsKubernetesTypesThem) {
  const std::pair<const char*, Json> cases[] = {
      {"a: 1", 1},         {"a: -5", -5},           {"a: 0x10", 16},
      {"a: 0o17", 15},     {"a: 017", 15},          {"a: 1.5", 1.5},
      {"a: 1e3", 1000.0},  {"a: true", true},       {"a: yes", true},
      {"a: off", false},   {"a: ~", nullptr},       {"a:", nullptr},
      {"a: '1'", "1"},     {"a: \"true\"", "true"}, {"a: 1.2.3", "1.2.3"},
      {"a: 10Gi", "10Gi"}, {"a: v1", "v1"},         {"a: 2026-01-02", "2026-01-02"},
      {"a: !!str 5", "5"},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(one(text)["a"], value) << text;
}

TEST(ParseYaml, KeysAreStrings) {
  EXPECT_EQ(one("1: a\ntrue: b\n"), (Json{{"1", "a"}, {"true", "b"}}));
}

TEST(ParseYaml, SeveralDocumentsWithoutTheEmptyOnes) {
  const auto documents = parse_yaml("a: 1\n---\n# nothing\n---\nb: 2\n");
  ASSERT_TRUE(documents);
  EXPECT_EQ(*documents, (std::vector<Json>{{{"a", 1}}, {{"b", 2}}}));
}

TEST(ParseYaml, AliasesAndMergeKeys) {
  EXPECT_EQ(one("a: &x {k: 1, l: 2}\nb: *x\nc: {<<: *x, l: 3}\n"),
            Json::parse(R"({"a":{"k":1,"l":2},"b":{"k":1,"l":2},"c":{"k":1,"l":3}})"));
}

TEST(ParseYaml, RefusesWhatGrowsWithoutBound) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) text += ", " + before;
    text += "]\n";
  }
  const auto documents = parse_yaml(text);
  ASSERT_FALSE(documents);
  EXPECT_NE(documents.error().message.find("too many nodes"), std::string::npos);
  EXPECT_FALSE(parse_yaml(std::string(200, '[') + std::string(200, ']')));
  EXPECT_FALSE(parse_yaml("a: 1", {.bytes = 3}));
}

TEST(ParseYaml, SaysWhereItIsBroken) {
  const auto broken = parse_yaml("a: 1\nb: [1, 2\nc: 3\n");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("line "), std::string::npos);
  const auto twice = parse_yaml("a: 1\nb:\n  c: 1\n  c: 2\n");
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("line 4"), std::string::npos) << twice.error().message;
  EXPECT_NE(twice.error().message.find("\"c\" is already set"), std::string::npos);
}

TEST(ParseYaml, CollectsRepeatedKeysWhereTheyAreAllowed) {
  std::vector<std::string> duplicates;
  const auto documents = parse_yaml("b:\n- c: 1\n  c: 2\n", {.duplicates_allowed = true}, &duplicates);
  ASSERT_TRUE(documents);
  EXPECT_EQ((*documents)[0]["b"][0]["c"], 2);
  EXPECT_EQ(duplicates, std::vector<std::string>{"b[0].c"});
}

TEST(ParseYaml, IsTheInverseOfToYaml) {
  const Json value = Json::parse(R"({"s":["1","true","null","","~","a: b","- x","#c","line\nline\n","tab\t","ü","yes"],
    "n":[1,-2,3.5,true,false,null],"e":{},"l":[],"deep":{"a":[{"b":[[1]]}]},"on":1})");
  EXPECT_EQ(one(to_yaml(value)), value) << to_yaml(value);
}

}  // namespace
}  // namespace datamesh::kube

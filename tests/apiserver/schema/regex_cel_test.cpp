#include <gtest/gtest.h>

#include "apiserver/schema/cel.hpp"
#include "apiserver/schema/regex.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

TEST(Regex, MatchesAsRe2Does) {
  struct Case {
    std::string pattern, text;
    bool match;
  };
  const std::vector<Case> cases = {
      {"", "", true},
      {"a", "xax", true},
      {"^a", "xa", false},
      {"a$", "ab", false},
      {"^$", "", true},
      {"^$", "a", false},
      {"^a*b$", "aaab", true},
      {"^a+b$", "b", false},
      {"^a?b$", "ab", true},
      {"^a{2,3}$", "a", false},
      {"^a{2,3}$", "aaa", true},
      {"^a{2,3}$", "aaaa", false},
      {"^a{2}$", "aa", true},
      {"^a{2,}$", "aaaaa", true},
      {"^a{,2}$", "a{,2}", true},
      {"^(a|b)+$", "abab", true},
      {"^(a|b)+$", "abc", false},
      {"^(?:a|bc|d)$", "bc", true},
      {"a|b|c", "c", true},
      {"^a|b$", "xb", true},
      {"^(a|)$", "", true},
      {"^[a-c]+$", "abc", true},
      {"^[^a-c]+$", "abc", false},
      {"^[]a]$", "]", true},
      {"^[a\\-z]$", "-", true},
      {"^[a-]$", "-", true},
      {"^[[:alpha:]]+$", "abZ", true},
      {"^\\d{3}-\\w+$", "123-a_b", true},
      {"^\\S+$", "a b", false},
      {"\\bfoo\\b", "a foo b", true},
      {"\\bfoo\\b", "afoob", false},
      {"^.$", "ü", true},
      {"^.$", "\n", false},
      {"(?s)^.$", "\n", true},
      {"(?i)^abc$", "AbC", true},
      {"^(?i:a)b$", "Ab", true},
      {"^(?i:a)b$", "AB", false},
      {"(?m)^b$", "a\nb\nc", true},
      {"^\\x41\\x{42}$", "AB", true},
      {"^\\Qa.b\\E$", "a.b", true},
      {"^\\Qa.b\\E$", "axb", false},
      {"^(?P<x>a)(?<y>b)$", "ab", true},
      {"\\Aa\\z", "a", true},
      {"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$", "a-b.c1", true},
      {"^((a|b)|(c|d))e$", "de", true},
      {"^(a(b(c|d)|e)|f)g$", "abdg", true},
      {"^(a(b(c|d)|e)|f)g$", "aeg", true},
      {"^(a(b(c|d)|e)|f)g$", "fg", true},
      {"^(a(b(c|d)|e)|f)g$", "afg", false},
      {"^((x|y){2}|z)+$", "xyzyx", true}};
  for (const Case& one : cases) {
    const auto regex = Regex::compile(one.pattern);
    ASSERT_TRUE(regex) << one.pattern << ": " << regex.error().message;
    EXPECT_EQ(regex->search(one.text), one.match) << one.pattern << " on " << one.text;
  }
  for (const char* broken :
       {"(", ")", "[", "a**", "*a", "[z-a]", "\\", "a{3,2}", "a{1001}", "\\8", "(?=a)", "[[:odd:]]"}) {
    EXPECT_FALSE(Regex::compile(broken)) << broken;
  }
}

TEST(Regex, HostilePatternsAndLongTextsCostTheirLength) {
  const auto regex = Regex::compile("^(a+)+$");
  ASSERT_TRUE(regex);
  EXPECT_FALSE(regex->search(std::string(100'000, 'a') + "b"));
  EXPECT_FALSE(Regex::compile("((((a{1000}){1000}){1000}){1000})"));
  EXPECT_FALSE(Regex::compile(std::string(10'000, '(')));
}

TEST(Cel, RulesEvaluate) {
  const Json self = Json::parse(R"({"n":5,"f":1.5,"s":"hello","list":[{"name":"a","v":1},{"name":"b","v":2}],
                                    "map":{"k":"v"},"empty":[],"x-y":1,"nothing":null})");
  struct Case {
    std::string expression;
    bool value;
  };
  const std::vector<Case> cases = {{"self.n == 5", true},
                                   {"self.n != 5", false},
                                   {"self.n > 4 && self.n < 6", true},
                                   {"self.n >= 6 || self.n <= 5", true},
                                   {"!(self.n == 5)", false},
                                   {"has(self.n)", true},
                                   {"has(self.missing)", false},
                                   {"!has(self.missing) || self.missing > 1", true},
                                   {"size(self.s) == 5 && self.s.size() == 5", true},
                                   {"size(self.list) == 2", true},
                                   {"self.s.startsWith('he') && self.s.endsWith(\"lo\")", true},
                                   {"self.s.contains('ell')", true},
                                   {"self.s.matches('^h.*o$')", true},
                                   {"self.s.matches(r'^\\w+$')", true},
                                   {"self.s in ['hello', 'x']", true},
                                   {"'k' in self.map", true},
                                   {"self.map['k'] == 'v'", true},
                                   {"self.list[1].name == 'b'", true},
                                   {"self.list.all(i, i.v > 0)", true},
                                   {"self.list.exists(i, i.v == 2)", true},
                                   {"self.list.exists_one(i, i.v > 0)", false},
                                   {"self.list.map(i, i.v).sum() == 3", true},
                                   {"self.list.filter(i, i.v > 1).size() == 1", true},
                                   {"self.map.all(k, k == 'k')", true},
                                   {"self.n == 5 ? true : false", true},
                                   {"self.n + 2 * 3 - 1 == 10", true},
                                   {"7 / 2 == 3 && 7 % 2 == 1 && -7 / 2 == -3", true},
                                   {"self.f * 2.0 == 3.0", true},
                                   {"self.s + '!' == 'hello!'", true},
                                   {"int('5') == self.n && string(self.n) == '5'", true},
                                   {"self.empty.all(i, false)", true},
                                   {"self.x__dash__y == 1", true},
                                   {"self.missing == 1 || true", true},
                                   {"false && self.missing == 1", false},
                                   {"self.list.all(i, self.list.exists_one(j, i.name == j.name))", true},
                                   {"self.s.upperAscii() == 'HELLO'", true},
                                   {"'a,b'.split(',') == ['a', 'b'] && ['a','b'].join('-') == 'a-b'", true},
                                   {"{'a': 1}.a == 1", true},
                                   {"self.nothing == null", true},
                                   {"self == oldSelf", true}};
  for (const Case& one : cases) {
    const auto program = CelProgram::compile(one.expression);
    ASSERT_TRUE(program) << one.expression << ": " << program.error().message;
    const auto value = program->evaluate_bool(self, &self);
    ASSERT_TRUE(value) << one.expression << ": " << value.error().message;
    EXPECT_EQ(*value, one.value) << one.expression;
  }
  for (const char* broken : {"self.", "1 +", "(", "self.n ==", "'a", "self.frobnicate()", "has(1)", "[1",
                             "duration('1s') > duration('2s')"}) {
    EXPECT_FALSE(CelProgram::compile(broken)) << broken;
  }
  for (const char* failing : {"self.missing", "self.n / 0 == 1", "self.s > 1", "self.list[7].v == 1", "self.n",
                              "9223372036854775807 + 1 > 0"}) {
    const auto program = CelProgram::compile(failing);
    ASSERT_TRUE(program) << failing;
    EXPECT_FALSE(program->evaluate_bool(self, nullptr)) << failing;
  }
}

TEST(Cel, EvaluationIsBounded) {
  Json self = Json::array();
  for (int i = 0; i < 2000; ++i) self.push_back(i);
  const auto program = CelProgram::compile("self.all(a, self.all(b, self.all(c, a + b + c >= 0)))");
  ASSERT_TRUE(program);
  const auto value = program->evaluate_bool(self, nullptr);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message.find("cost limit"), std::string::npos);
}

}  // namespace
}  // namespace datamesh::apiserver

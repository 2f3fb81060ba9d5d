#include "apiserver/storage/list_rules.hpp"

#include <gtest/gtest.h>

namespace datamesh::apiserver::storage {
namespace {

using At = ListPlan::At;

struct Case {
  const char* name;
  std::optional<Rv> rv;
  RvMatch match;
  std::size_t limit;
  bool continues;
  std::variant<ListPlan, Reason> expected;
};

TEST(ListRules, AreThoseOfKubernetes) {
  const Token token{7, {"ns", "a"}, 3};
  const std::optional<Place> after = token.after;
  const auto unset = RvMatch::Unset, exact = RvMatch::Exact, not_older = RvMatch::NotOlderThan;
  const Case cases[] = {
      {"nothing said is the latest", {}, unset, 0, false, ListPlan{At::Latest, 0, {}, 0}},
      {"a limit alone is the latest", {}, unset, 5, false, ListPlan{At::Latest, 0, {}, 0}},
      {"0 is any", 0, unset, 0, false, ListPlan{At::Latest, 0, {}, 0}},
      {"0 with a limit is any", 0, unset, 5, false, ListPlan{At::Latest, 0, {}, 0}},
      {"0 not older than is any", 0, not_older, 0, false, ListPlan{At::Latest, 0, {}, 0}},
      {"0 exactly is forbidden", 0, exact, 0, false, Reason::Invalid},
      {"a match needs a version", {}, exact, 0, false, Reason::Invalid},
      {"a match needs a version (2)", {}, not_older, 5, false, Reason::Invalid},
      {"N is not older than N", 9, unset, 0, false, ListPlan{At::NotOlderThan, 9, {}, 0}},
      {"N with a limit is exactly N", 9, unset, 5, false, ListPlan{At::Exactly, 9, {}, 0}},
      {"N exactly", 9, exact, 0, false, ListPlan{At::Exactly, 9, {}, 0}},
      {"N exactly with a limit", 9, exact, 5, false, ListPlan{At::Exactly, 9, {}, 0}},
      {"N not older than", 9, not_older, 0, false, ListPlan{At::NotOlderThan, 9, {}, 0}},
      {"N not older than with a limit", 9, not_older, 5, false, ListPlan{At::NotOlderThan, 9, {}, 0}},
      {"a token goes on at its version", {}, unset, 5, true, ListPlan{At::Exactly, 7, after, 3}},
      {"a token without a limit", {}, unset, 0, true, ListPlan{At::Exactly, 7, after, 3}},
      {"a token with 0", 0, unset, 5, true, ListPlan{At::Exactly, 7, after, 3}},
      {"a token with N", 9, unset, 5, true, Reason::BadRequest},
      {"a token with a match", {}, exact, 5, true, Reason::Invalid},
      {"a token with 0 and a match", 0, not_older, 5, true, Reason::Invalid},
  };
  for (const auto& c : cases) {
    ListOptions options;
    options.rv = c.rv;
    options.rv_match = c.match;
    options.limit = c.limit;
    if (c.continues) options.continue_token = encode_token(token);
    const auto plan = plan_list(options);
    if (const auto* expected = std::get_if<ListPlan>(&c.expected)) {
      ASSERT_TRUE(plan) << c.name << ": " << plan.failure().message;
      EXPECT_EQ(*plan, *expected) << c.name;
    } else {
      ASSERT_FALSE(plan) << c.name;
      EXPECT_EQ(plan.failure().reason, std::get<Reason>(c.expected)) << c.name;
    }
  }
}

TEST(ListRules, AnInconsistentTokenGoesOnWithTheLatest) {
  ListOptions options;
  options.continue_token = encode_token({0, {"ns", "a"}, 2});
  const auto plan = plan_list(options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(*plan, (ListPlan{At::Latest, 0, Place{"ns", "a"}, 2}));
}

TEST(ListToken, ComesBackAsItWas) {
  for (const Token& token :
       {Token{1, {"", "a"}, 0}, Token{18446744073709551615u, {"ns", "b.c-d"}, 500}, Token{0, {"x", ""}, 1}})
    EXPECT_EQ(decode_token(encode_token(token)), token);
}

TEST(ListToken, RefusesEverythingElse) {
  for (const char* text : {"x", "AAAA", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "MQ", "MQo1", "MQo1Cm5z", "!!!"})
    EXPECT_FALSE(decode_token(text)) << text;
  ListOptions options;
  options.continue_token = "nonsense";
  EXPECT_EQ(plan_list(options).failure().reason, Reason::BadRequest);
}

}  // namespace
}  // namespace datamesh::apiserver::storage

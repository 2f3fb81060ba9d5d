// Random input for every parser and walker of apiserver/schema: nothing may crash, hang or break an invariant. Bounded
// by rounds, not by time; the seed is printed and can be given as DATAMESH_SEED.
#include <cstdlib>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "apiserver/schema/builtin_schemas.hpp"
#include "apiserver/schema/cel.hpp"
#include "apiserver/schema/crd.hpp"
#include "apiserver/schema/managed_fields.hpp"
#include "apiserver/schema/merge.hpp"
#include "apiserver/schema/regex.hpp"
#include "apiserver/schema/selectors.hpp"
#include "apiserver/schema/structural.hpp"
#include "apiserver/schema/table.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

class Random {
 public:
  Random() {
    const char* given = std::getenv("DATAMESH_SEED");
    const auto seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::cout << "seed " << seed << "\n";
    engine_.seed(seed);
  }
  std::size_t below(std::size_t n) { return engine_() % n; }
  std::string text(std::string_view alphabet, std::size_t size_max) {
    std::string out;
    for (std::size_t i = below(size_max + 1); i > 0; --i) out += alphabet[below(alphabet.size())];
    return out;
  }
  // Values over a few names, so that patches and objects meet.
  Json value(int depth) {
    switch (below(depth > 0 ? 9 : 5)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<int>(below(5)) - 1;
      case 3:
        return static_cast<double>(below(5)) / 2;
      case 4:
        return text("abc", 2);
      case 5:
      case 6: {
        Json out = Json::array();
        for (std::size_t i = below(4); i > 0; --i) out.push_back(value(depth - 1));
        return out;
      }
      default:
        return object(depth);
    }
  }
  Json object(int depth) {
    static const std::vector<std::string> names = {"a",
                                                   "b",
                                                   "name",
                                                   "list",
                                                   "set",
                                                   "map",
                                                   "spec",
                                                   "status",
                                                   "metadata",
                                                   "labels",
                                                   "finalizers",
                                                   "ownerReferences",
                                                   "managedFields",
                                                   "uid",
                                                   "$patch",
                                                   "$setElementOrder/list",
                                                   "$deleteFromPrimitiveList/set",
                                                   "$retainKeys"};
    Json out = Json::object();
    for (std::size_t i = below(5); i > 0; --i) out[names[below(names.size())]] = value(depth - 1);
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(SchemaFuzz, ParsersAnswerOrRefuse) {
  Random random;
  const Json self = Json::parse(R"({"a":1,"b":"x","list":[{"name":"a"}]})");
  for (int round = 0; round < 20'000; ++round) {
    const std::string pattern = random.text("ab.*+?()[]{}|^$\\d-,12:i", 24);
    if (const auto regex = Regex::compile(pattern)) regex->search(random.text("ab12 ,\n\xc3\xbc", 30));
    const std::string expression = random.text("self.ab()[]!&|=<>+-*/%?:'\" 12,inhaslit{}", 30);
    if (const auto program = CelProgram::compile(expression)) static_cast<void>(program->evaluate_bool(self, &self));
    const std::string selector = random.text("ab=!,()<> innot/.-", 20);
    if (const auto parsed = parse_label_selector(selector)) {
      matches(*parsed, Json{{"a", "b"}});
      const auto again = parse_label_selector(to_string(*parsed));
      ASSERT_TRUE(again) << selector << " -> " << to_string(*parsed);
    }
    if (const auto parsed = parse_field_selector(random.text("ab=!,.\\", 16))) matches(*parsed, self);
    if (const auto path = JsonPath::compile(random.text(".ab[]?(@=='\"*)01{}$-", 20))) path->find(self);
    age_since(random.text("0123456789-:TZ.+", 25), 0);
  }
}

TEST(SchemaFuzz, WalkersKeepTheirInvariants) {
  Random random;
  const auto schema = Schema::compile(Json::parse(R"({"type":"object","properties":{
    "spec":{"type":"object","properties":{
      "a":{"type":"string","default":"x"},"b":{"type":"integer","minimum":0,"nullable":true},
      "list":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
              "items":{"type":"object","properties":{"name":{"type":"string","default":"n"},"a":{"type":"integer"}}}},
      "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
      "map":{"type":"object","additionalProperties":{"type":"string"}}}},
    "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}})"));
  ASSERT_TRUE(schema);
  const Schema& builtin = *builtin_schema("", "v1", "ServiceAccount");
  for (int round = 0; round < 3'000; ++round) {
    Json object = random.object(5);
    prune(object, *schema);
    EXPECT_TRUE(prune(object, *schema).empty());
    apply_defaults(object, *schema);
    const Json once = object;
    apply_defaults(object, *schema);
    EXPECT_EQ(object, once);
    validate(object, *schema);

    const Json patch = random.object(5);
    static_cast<void>(json_merge_patch(object, patch));
    static_cast<void>(strategic_merge_patch(object, patch, builtin));
    const Json operations = Json::array({{{"op", "add"}, {"path", "/" + random.text("a~01/-", 5)}, {"value", patch}},
                                         {{"op", "move"}, {"from", "/a"}, {"path", random.text("/ab-0", 5)}}});
    static_cast<void>(json_patch(object, operations));

    Json live = object;
    if (!live["metadata"].is_object()) live["metadata"] = Json::object();
    live["metadata"].erase("managedFields");
    track_update(nullptr, live, {"x", "g/v1", "", "2026-01-01T00:00:00Z", true}, *schema);
    Json configuration = random.object(5);
    if (configuration.contains("metadata") && !configuration["metadata"].is_object()) configuration.erase("metadata");
    const Applied applied = apply(&live, configuration, {"y", "g/v1", "", "2026-01-02T00:00:00Z", true}, *schema, true);
    if (applied.bad_request) continue;
    const Json merged = applied.object();
    const Applied again =
        apply(&merged, configuration, {"y", "g/v1", "", "2026-01-03T00:00:00Z", true}, *schema, false);
    EXPECT_TRUE(again.conflicts.empty()) << conflict_message(again.conflicts);
    EXPECT_FALSE(again.changed) << merged << "\n" << configuration;

    Json crd = random.object(6);
    crd["spec"] = random.object(6);
    default_crd(crd);
    validate_crd(crd);
  }
}

}  // namespace
}  // namespace datamesh::apiserver

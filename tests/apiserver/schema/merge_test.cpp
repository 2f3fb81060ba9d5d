#include "apiserver/schema/merge.hpp"

#include <gtest/gtest.h>

#include "apiserver/schema/builtin_schemas.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

struct Case {
  std::string what, object, patch, result;  // result "" : refused
  Code code = Code::Conflict;
};

TEST(MergePatch, FollowsRfc7386) {
  const std::vector<Case> cases = {
      {"replaces", R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {"adds", R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {"removes", R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {"replaces lists whole", R"({"a":["b"]})", R"({"a":["c",1]})", R"({"a":["c",1]})"},
      {"merges objects", R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {"a list becomes an object", R"({"a":[1]})", R"({"a":{"b":{"c":null}}})", R"({"a":{"b":{}}})"},
      {"must be an object", "{}", "[]", "", Code::Invalid}};
  for (const Case& one : cases) {
    const auto result = json_merge_patch(Json::parse(one.object), Json::parse(one.patch));
    ASSERT_EQ(static_cast<bool>(result), !one.result.empty()) << one.what;
    if (result) {
      EXPECT_EQ(*result, Json::parse(one.result)) << one.what;
    } else {
      EXPECT_EQ(result.error().code, one.code) << one.what;
    }
  }
}

TEST(JsonPatch, FollowsRfc6902) {
  const std::vector<Case> cases = {
      {"add a member", R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {"add into a list", R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {"append", R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {"remove", R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/0"}])", R"({"a":[2]})"},
      {"replace", R"({"a":1})", R"([{"op":"replace","path":"/a","value":2}])", R"({"a":2})"},
      {"move", R"({"a":{"x":1},"b":{}})", R"([{"op":"move","from":"/a/x","path":"/b/y"}])", R"({"a":{},"b":{"y":1}})"},
      {"copy", R"({"a":1})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":1,"b":1})"},
      {"test holds", R"({"a":{"b":1}})", R"([{"op":"test","path":"/a","value":{"b":1}}])", R"({"a":{"b":1}})"},
      {"escapes", R"({"a/b":1,"m~n":2})",
       R"([{"op":"replace","path":"/a~1b","value":3},{"op":"remove","path":"/m~0n"}])", R"({"a/b":3})"},
      {"test fails", R"({"a":1})", R"([{"op":"add","path":"/b","value":2},{"op":"test","path":"/a","value":2}])", ""},
      {"no such path", R"({"a":1})", R"([{"op":"remove","path":"/b/c"}])", ""},
      {"replace nothing", R"({"a":1})", R"([{"op":"replace","path":"/b","value":1}])", ""},
      {"index too large", R"({"a":[]})", R"([{"op":"add","path":"/a/1","value":1}])", ""},
      {"index with a leading zero", R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/01"}])", ""},
      {"move into itself", R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", ""},
      {"unknown op", "{}", R"([{"op":"frob","path":"/a"}])", "", Code::Invalid},
      {"no path", "{}", R"([{"op":"add","value":1}])", "", Code::Invalid},
      {"not a list", "{}", "{}", "", Code::Invalid}};
  for (const Case& one : cases) {
    const auto result = json_patch(Json::parse(one.object), Json::parse(one.patch));
    ASSERT_EQ(static_cast<bool>(result), !one.result.empty()) << one.what;
    if (result) {
      EXPECT_EQ(*result, Json::parse(one.result)) << one.what;
    } else {
      EXPECT_EQ(result.error().code, one.code) << one.what << ": " << result.error().message;
    }
  }
  Json many = Json::array();
  for (int i = 0; i <= json_patch_operations_max; ++i)
    many.push_back({{"op", "test"}, {"path", ""}, {"value", Json::object()}});
  EXPECT_EQ(json_patch(Json::object(), many).error().code, Code::Denied);
  Json growing = Json::array();
  for (int i = 0; i < 60; ++i) growing.push_back({{"op", "copy"}, {"from", "/a"}, {"path", "/a/-"}});
  EXPECT_FALSE(json_patch({{"a", {1}}}, growing));
}

TEST(StrategicMerge, ListsAreMergedByTheirKeys) {
  const Schema& schema = *builtin_schema("", "v1", "ServiceAccount");
  const std::vector<Case> cases = {
      {"merges by key", R"({"secrets":[{"name":"a","kind":"x"},{"name":"b"}]})",
       R"({"secrets":[{"name":"a","kind":"y"},{"name":"c"}]})",
       R"({"secrets":[{"name":"a","kind":"y"},{"name":"b"},{"name":"c"}]})"},
      {"deletes by key", R"({"secrets":[{"name":"a"},{"name":"b"}]})",
       R"({"secrets":[{"$patch":"delete","name":"a"}]})", R"({"secrets":[{"name":"b"}]})"},
      {"replaces the list", R"({"secrets":[{"name":"a"}]})", R"({"secrets":[{"name":"z"},{"$patch":"replace"}]})",
       R"({"secrets":[{"name":"z"}]})"},
      {"an atomic list is replaced", R"({"imagePullSecrets":[{"name":"a"}]})", R"({"imagePullSecrets":[{"name":"b"}]})",
       R"({"imagePullSecrets":[{"name":"b"}]})"},
      {"sets are united", R"({"metadata":{"finalizers":["a","b"]}})", R"({"metadata":{"finalizers":["b","c"]}})",
       R"({"metadata":{"finalizers":["a","b","c"]}})"},
      {"primitives are deleted", R"({"metadata":{"finalizers":["a","b"]}})",
       R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}})", R"({"metadata":{"finalizers":["b"]}})"},
      {"order is set", R"({"metadata":{"finalizers":["a","b","s"]}})",
       R"({"metadata":{"$setElementOrder/finalizers":["c","b","a"],"finalizers":["c"]}})",
       R"({"metadata":{"finalizers":["c","b","a","s"]}})"},
      {"owners by uid", R"({"metadata":{"ownerReferences":[{"uid":"1","name":"a"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"1","controller":true},{"uid":"2"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"1","name":"a","controller":true},{"uid":"2"}]}})"},
      {"a map is replaced", R"({"metadata":{"labels":{"a":"b"}}})",
       R"({"metadata":{"labels":{"$patch":"replace","c":"d"}}})", R"({"metadata":{"labels":{"c":"d"}}})"},
      {"only retained keys stay", R"({"metadata":{"labels":{"a":"b","c":"d"}}})",
       R"({"metadata":{"labels":{"$retainKeys":["c"]}}})", R"({"metadata":{"labels":{"c":"d"}}})"},
      {"nulls of a new map vanish", "{}", R"({"metadata":{"labels":{"a":null,"b":"c"}}})",
       R"({"metadata":{"labels":{"b":"c"}}})"},
      {"an item without its key", "{}", R"({"secrets":[{"kind":"x"}]})", "", Code::Invalid},
      {"an unknown directive", "{}", R"({"$frob":1})", "", Code::Invalid}};
  for (const Case& one : cases) {
    const auto result = strategic_merge_patch(Json::parse(one.object), Json::parse(one.patch), schema);
    ASSERT_EQ(static_cast<bool>(result), !one.result.empty()) << one.what;
    if (result) {
      EXPECT_EQ(*result, Json::parse(one.result)) << one.what;
    } else {
      EXPECT_EQ(result.error().code, one.code) << one.what;
    }
  }
}

}  // namespace
}  // namespace datamesh::apiserver

#include <gtest/gtest.h>

#include "apiserver/schema/selectors.hpp"
#include "apiserver/schema/table.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

TEST(LabelSelector, SelectsAsKubernetesDoes) {
  const Json labels = {{"app", "web"}, {"tier", "1"}, {"empty", ""}, {"example.com/x", "y"}};
  struct Case {
    std::string selector;
    bool match;
  };
  const std::vector<Case> cases = {{"", true},
                                   {"app=web", true},
                                   {"app==web", true},
                                   {"app = web", true},
                                   {"app=db", false},
                                   {"app!=db", true},
                                   {"app!=web", false},
                                   {"other!=x", true},
                                   {"app in (web,db)", true},
                                   {"app in (db)", false},
                                   {"app notin (db)", true},
                                   {"app notin (web , db)", false},
                                   {"other notin (x)", true},
                                   {"app", true},
                                   {"other", false},
                                   {"!other", true},
                                   {"!app", false},
                                   {"app,tier=1", true},
                                   {"app=web,tier=2", false},
                                   {"tier>0", true},
                                   {"tier<1", false},
                                   {"empty=", true},
                                   {"empty", true},
                                   {"app=", false},
                                   {"app in (web,)", true},
                                   {"example.com/x=y", true},
                                   {"app in (a),app in (b)", false}};
  for (const Case& one : cases) {
    const auto selector = parse_label_selector(one.selector);
    ASSERT_TRUE(selector) << one.selector << ": " << selector.error().message;
    EXPECT_EQ(matches(*selector, labels), one.match) << one.selector;
    const auto again = parse_label_selector(to_string(*selector));
    ASSERT_TRUE(again) << to_string(*selector);
    EXPECT_EQ(*again, *selector) << one.selector;
  }
}

TEST(LabelSelector, ErrorsSayWhatWasExpected) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a,", "found '', expected: identifier after ','"},
      {"a in b", "unable to parse requirement: found 'b' expected: '('"},
      {"a in (b", "unable to parse requirement: found '', expected: ',', ')' or identifier"},
      {"=x", "found '=', expected: !, identifier, or 'end of string'"},
      {"a>x",
       "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an "
       "integer"}};
  for (const auto& [text, message] : cases) {
    const auto selector = parse_label_selector(text);
    ASSERT_FALSE(selector) << text;
    EXPECT_EQ(selector.error().message, message) << text;
  }
  EXPECT_FALSE(parse_label_selector("a=b=c"));
  EXPECT_TRUE(parse_label_selector("a/b/c=d").error().message.starts_with(
      "unable to parse requirement: key: Invalid value: \"a/b/c\""));
}

TEST(LabelSelector, ObjectsAreSelectorsToo) {
  const auto selector = label_selector_from_object(Json::parse(
      R"({"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"NotIn","values":["d"]},{"key":"e","operator":"Exists"}]})"));
  ASSERT_TRUE(selector);
  EXPECT_TRUE(matches(*selector, Json{{"a", "b"}, {"e", ""}}));
  EXPECT_FALSE(matches(*selector, Json{{"a", "b"}, {"c", "d"}, {"e", ""}}));
  EXPECT_FALSE(label_selector_from_object(Json::parse(R"({"matchExpressions":[{"key":"c","operator":"Like"}]})")));
}

TEST(FieldSelector, SelectsByPath) {
  const Json object = Json::parse(R"({"metadata":{"name":"x"},"spec":{"replicas":3,"on":true,"path":"a=b,c"}})");
  const std::vector<std::pair<std::string, bool>> cases = {{"", true},
                                                           {"metadata.name=x", true},
                                                           {"metadata.name==x", true},
                                                           {"metadata.name!=x", false},
                                                           {"spec.replicas=3", true},
                                                           {"spec.on=true", true},
                                                           {"spec.missing=", true},
                                                           {"spec.missing=y", false},
                                                           {"spec.path=a\\=b\\,c", true},
                                                           {"metadata.name=x,spec.on!=false", true}};
  for (const auto& [text, match] : cases) {
    const auto selector = parse_field_selector(text);
    ASSERT_TRUE(selector) << text << ": " << selector.error().message;
    EXPECT_EQ(matches(*selector, object), match) << text;
  }
  EXPECT_EQ(parse_field_selector("abc").error().message, "invalid selector: 'abc'; can't understand 'abc'");
  EXPECT_FALSE(parse_field_selector("a=\\x"));
  EXPECT_EQ(check_fields(*parse_field_selector("spec.x=1"), {}).error().message, "field label not supported: spec.x");
  EXPECT_TRUE(check_fields(*parse_field_selector("spec.x=1,metadata.namespace=a"), {"spec.x"}));
}

TEST(JsonPath, FindsWhatColumnsAskFor) {
  const Json object = Json::parse(R"({"spec":{"a.b":1,"list":[{"n":"x","v":1},{"n":"y","v":2}]},
    "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Odd","status":"False"}]}})");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {".spec.list[0].n", R"(["x"])"},
      {".spec.list[-1].n", R"(["y"])"},
      {".spec.list[*].v", "[1,2]"},
      {".spec['a.b']", "[1]"},
      {".spec.a\\.b", "[1]"},
      {".status.conditions[?(@.type==\"Ready\")].status", R"(["True"])"},
      {".status.conditions[?(@.type=='Odd')].status", R"(["False"])"},
      {".spec.list[?(@.v>1)].n", R"(["y"])"},
      {".spec.list[?(@.v)].n", R"(["x","y"])"},
      {".spec.none", "[]"},
      {"{.spec.list[1].v}", "[2]"},
      {".spec.list[7]", "[]"}};
  for (const auto& [text, expected] : cases) {
    const auto path = JsonPath::compile(text);
    ASSERT_TRUE(path) << text;
    Json found = Json::array();
    for (const Json* one : path->find(object)) found.push_back(*one);
    EXPECT_EQ(found, Json::parse(expected)) << text;
  }
  for (const char* broken : {".a[", ".a[?(@.b==]", "a", ".a[x]", ".a[?(b)]", ".a..b"})
    EXPECT_FALSE(JsonPath::compile(broken)) << broken;
}

TEST(Table, AgesReadAsKubectlPrintsThem) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {{-5, "<invalid>"},
                                                                   {-1, "0s"},
                                                                   {0, "0s"},
                                                                   {119, "119s"},
                                                                   {120, "2m"},
                                                                   {190, "3m10s"},
                                                                   {600, "10m"},
                                                                   {179 * 60, "179m"},
                                                                   {180 * 60, "3h"},
                                                                   {4 * 3600 + 600, "4h10m"},
                                                                   {9 * 3600 + 600, "9h"},
                                                                   {47 * 3600, "47h"},
                                                                   {50 * 3600, "2d2h"},
                                                                   {48 * 3600, "2d"},
                                                                   {10 * 86400, "10d"},
                                                                   {800ll * 86400, "2y70d"},
                                                                   {9 * 365ll * 86400, "9y"}};
  for (const auto& [seconds, text] : cases) EXPECT_EQ(human_duration(seconds), text) << seconds;
  EXPECT_EQ(age_since("2026-01-01T00:00:00Z", 1767225605), "5s");
  EXPECT_EQ(age_since("2026-01-01T01:00:00.5+01:00", 1767225605), "5s");
  EXPECT_EQ(age_since("", 0), "<unknown>");
  EXPECT_EQ(age_since("soon", 0), "<invalid>");
}

TEST(Table, PrintsTheColumnsOfACrd) {
  const auto columns = TableColumns::of_crd(Json::parse(R"([
    {"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"},
    {"name":"Count","type":"integer","jsonPath":".status.count","priority":1},
    {"name":"Paused","type":"boolean","jsonPath":".spec.paused"},
    {"name":"Engines","type":"string","jsonPath":".spec.engines[*]"},
    {"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}])"));
  ASSERT_TRUE(columns);
  const Json object = Json::parse(R"({"metadata":{"name":"x","creationTimestamp":"2026-01-01T00:00:00Z"},
    "spec":{"paused":"no","engines":["a","b"]},"status":{"count":3,"conditions":[{"type":"Ready","status":"True"}]}})");
  const Json printed = table(*columns, {&object}, {{"resourceVersion", "7"}}, 1767225605);
  EXPECT_EQ(printed["kind"], "Table");
  EXPECT_EQ(printed["metadata"]["resourceVersion"], "7");
  EXPECT_EQ(printed["columnDefinitions"][0]["format"], "name");
  EXPECT_EQ(printed["columnDefinitions"][2]["priority"], 1);
  EXPECT_EQ(printed["rows"][0]["cells"], Json::parse(R"(["x","True",3,null,"a b","5s"])"));
  EXPECT_EQ(printed["rows"][0]["object"], Json::parse(R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",
    "metadata":{"name":"x","creationTimestamp":"2026-01-01T00:00:00Z"}})"));
  EXPECT_EQ(table_row(*columns, object, 0, IncludeObject::Object)["object"], object);
  EXPECT_TRUE(table_row(*columns, object, 0, IncludeObject::None)["object"].is_null());
  EXPECT_TRUE(table(*columns, {}, nullptr, 0, IncludeObject::None, false)["columnDefinitions"].empty());
  EXPECT_FALSE(TableColumns::of_crd(Json::parse(R"([{"name":"x","type":"string","jsonPath":".a["}])")));
}

TEST(Table, BuiltInKindsHaveTheirColumns) {
  struct Case {
    std::string kind, object, cells;
  };
  const std::string meta = R"("metadata":{"name":"x","creationTimestamp":"2026-01-01T00:00:00Z"})";
  const std::vector<Case> cases = {
      {"Namespace", R"("status":{"phase":"Active"})", R"(["x","Active","5s"])"},
      {"Secret", R"("type":"Opaque","data":{"a":"","b":""})", R"(["x","Opaque",2,"5s"])"},
      {"ConfigMap", R"("data":{"a":""},"binaryData":{"b":""})", R"(["x",2,"5s"])"},
      {"ServiceAccount", R"("a":1)", R"(["x",0,"5s"])"},
      {"Lease", R"("spec":{"holderIdentity":"me"})", R"(["x","me","5s"])"},
      {"Role", R"("rules":[])", R"(["x","2026-01-01T00:00:00Z"])"},
      {"RoleBinding",
       R"("roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"},{"kind":"ServiceAccount","name":"s","namespace":"n"}])",
       R"(["x","Role/r","5s","u","","n/s"])"},
      {"CustomResourceDefinition", R"("a":1)", R"(["x","2026-01-01T00:00:00Z"])"},
      {"Event",
       R"("type":"Normal","reason":"Made","message":" hi\n","count":2,"lastTimestamp":"2026-01-01T00:00:02Z","involvedObject":{"kind":"Backend","name":"b"},"source":{"component":"c"})",
       R"(["3s","Normal","Made","backend/b","","c","hi","<unknown>",2,"x"])"},
      {"ResourceQuota", R"("a":1)", R"(["x","5s"])"}};
  for (const Case& one : cases) {
    const Json object = Json::parse("{" + meta + "," + one.object + "}");
    const Json row = table_row(TableColumns::of_builtin("", one.kind), object, 1767225605, IncludeObject::None);
    EXPECT_EQ(row["cells"], Json::parse(one.cells)) << one.kind;
  }
}

}  // namespace
}  // namespace datamesh::apiserver

#include "apiserver/schema/structural.hpp"

#include <gtest/gtest.h>

#include "apiserver/schema/builtin_schemas.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

Schema schema_of(const Json& spec) {
  auto schema = Schema::compile({{"type", "object"}, {"properties", {{"spec", spec}}}});
  EXPECT_TRUE(schema) << (schema ? "" : schema.error().message);
  return *schema;
}

std::vector<std::string> errors_of(const Json& spec_schema, const Json& spec, const Json& old_spec = nullptr) {
  const Schema schema = schema_of(spec_schema);
  const Json object = {{"apiVersion", "a/v1"}, {"kind", "K"}, {"metadata", {{"name", "x"}}}, {"spec", spec}};
  Json old = object;
  old["spec"] = old_spec;
  std::vector<std::string> out;
  ValidateOptions options;
  if (!old_spec.is_null()) options.old_object = &old;
  for (const FieldError& error : validate(object, schema, options)) out.push_back(to_string(error));
  return out;
}

TEST(Structural, ErrorsAreSaidInKubernetesWords) {
  struct Case {
    std::string what;
    Json schema;
    Json value;
    std::vector<std::string> errors;
  };
  const auto object = [](Json properties) { return Json{{"type", "object"}, {"properties", std::move(properties)}}; };
  const std::vector<Case> cases = {
      {"required",
       {{"type", "object"}, {"required", {"engine"}}, {"properties", {{"engine", {{"type", "string"}}}}}},
       Json::object(),
       {"spec.engine: Required value"}},
      {"enum",
       object({{"engine", {{"type", "string"}, {"enum", {"a", "b"}}}}}),
       {{"engine", "x"}},
       {"spec.engine: Unsupported value: \"x\": supported values: \"a\", \"b\""}},
      {"type",
       object({{"x", {{"type", "integer"}}}}),
       {{"x", "1"}},
       {"spec.x: Invalid value: \"string\": spec.x in body must be of type integer: \"string\""}},
      {"null",
       object({{"x", {{"type", "string"}}}}),
       {{"x", nullptr}},
       {"spec.x: Invalid value: \"null\": spec.x in body must be of type string: \"null\""}},
      {"nullable", object({{"x", {{"type", "string"}, {"nullable", true}}}}), {{"x", nullptr}}, {}},
      {"a whole float is an integer", object({{"x", {{"type", "integer"}}}}), {{"x", 2.0}}, {}},
      {"pattern",
       object({{"x", {{"type", "string"}, {"pattern", "^[a-z]+$"}}}}),
       {{"x", "A"}},
       {"spec.x: Invalid value: \"A\": spec.x in body should match '^[a-z]+$'"}},
      {"minimum",
       object({{"x", {{"type", "integer"}, {"minimum", 1}}}}),
       {{"x", 0}},
       {"spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"}},
      {"exclusive maximum",
       object({{"x", {{"type", "number"}, {"maximum", 5}, {"exclusiveMaximum", true}}}}),
       {{"x", 5}},
       {"spec.x: Invalid value: 5: spec.x in body should be less than 5"}},
      {"multipleOf",
       object({{"x", {{"type", "number"}, {"multipleOf", 0.5}}}}),
       {{"x", 0.7}},
       {"spec.x: Invalid value: 0.7: spec.x in body should be a multiple of 0.5"}},
      {"maxLength counts characters", object({{"x", {{"type", "string"}, {"maxLength", 2}}}}), {{"x", "üü"}}, {}},
      {"maxLength",
       object({{"x", {{"type", "string"}, {"maxLength", 2}}}}),
       {{"x", "abc"}},
       {"spec.x: Too long: may not be more than 2 bytes"}},
      {"minLength",
       object({{"x", {{"type", "string"}, {"minLength", 1}}}}),
       {{"x", ""}},
       {"spec.x: Invalid value: \"\": spec.x in body should be at least 1 chars long"}},
      {"minItems",
       object({{"x", {{"type", "array"}, {"minItems", 1}}}}),
       {{"x", Json::array()}},
       {"spec.x: Invalid value: 0: spec.x in body should have at least 1 items"}},
      {"maxItems",
       object({{"x", {{"type", "array"}, {"maxItems", 1}}}}),
       {{"x", {1, 2}}},
       {"spec.x: Too many: 2: must have at most 1 items"}},
      {"uniqueItems",
       object({{"x", {{"type", "array"}, {"uniqueItems", true}}}}),
       {{"x", {1, 1}}},
       {"spec.x: Invalid value: \"\": spec.x in body shouldn't contain duplicates"}},
      {"date-time",
       object({{"x", {{"type", "string"}, {"format", "date-time"}}}}),
       {{"x", "yesterday"}},
       {"spec.x: Invalid value: \"yesterday\": spec.x in body must be of type date-time: \"yesterday\""}},
      {"items",
       object({{"x", {{"type", "array"}, {"items", {{"type", "string"}}}}}}),
       {{"x", {"a", 1}}},
       {"spec.x[1]: Invalid value: \"integer\": spec.x[1] in body must be of type string: \"integer\""}},
      {"additionalProperties",
       object({{"x", {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}}}),
       {{"x", {{"k", 1}}}},
       {"spec.x.k: Invalid value: \"integer\": spec.x.k in body must be of type string: \"integer\""}},
      {"int-or-string",
       object({{"x", {{"x-kubernetes-int-or-string", true}}}}),
       {{"x", true}},
       {"spec.x: Invalid value: \"boolean\": spec.x in body must be of type integer,string: \"boolean\""}},
      {"oneOf",
       {{"type", "object"},
        {"properties", {{"a", {{"type", "string"}}}, {"b", {{"type", "string"}}}}},
        {"oneOf", {{{"required", {"a"}}}, {{"required", {"b"}}}}}},
       {{"a", "1"}, {"b", "2"}},
       {"<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid "
        "alternatives"}},
      {"anyOf",
       {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}, {"anyOf", {{{"required", {"a"}}}}}},
       Json::object(),
       {"<nil>: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)", "spec.a: Required value"}},
      {"not",
       {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}, {"not", {{"required", {"a"}}}}},
       {{"a", "1"}},
       {"<nil>: Invalid value: \"\": \"spec\" must not validate the schema (not)"}},
      {"a list set",
       object({{"x", {{"type", "array"}, {"x-kubernetes-list-type", "set"}, {"items", {{"type", "string"}}}}}}),
       {{"x", {"a", "a"}}},
       {"spec.x[1]: Duplicate value: \"a\""}},
      {"a list map",
       object({{"x",
                {{"type", "array"},
                 {"x-kubernetes-list-type", "map"},
                 {"x-kubernetes-list-map-keys", {"name"}},
                 {"items", object({{"name", {{"type", "string"}}}})}}}}),
       {{"x", {{{"name", "a"}}, {{"name", "b"}}, {{"name", "a"}}}}},
       {"spec.x[2]: Duplicate value: {\"name\":\"a\"}"}},
  };
  for (const Case& one : cases) EXPECT_EQ(errors_of(one.schema, one.value), one.errors) << one.what;
}

TEST(Structural, FormatsAreChecked) {
  struct Case {
    std::string format;
    std::string text;
    bool ok;
  };
  const std::vector<Case> cases = {{"date-time", "2026-02-28T10:00:00Z", true},
                                   {"date-time", "2026-02-30T10:00:00Z", false},
                                   {"date-time", "2026-02-28T10:00:00.123+01:00", true},
                                   {"date-time", "2026-02-28", false},
                                   {"date", "2024-02-29", true},
                                   {"date", "2023-02-29", false},
                                   {"duration", "1h30m", true},
                                   {"duration", "soon", false},
                                   {"uuid", "fbe8d147-28db-4f1d-bedf-a3fe9f458427", true},
                                   {"uuid", "fbe8d147", false},
                                   {"ipv4", "10.0.0.1", true},
                                   {"ipv4", "10.0.0.256", false},
                                   {"ipv6", "::1", true},
                                   {"cidr", "10.0.0.0/8", true},
                                   {"cidr", "10.0.0.0/33", false},
                                   {"mac", "00:11:22:aa:bb:cc", true},
                                   {"mac", "00:11:22:aa:bb", false},
                                   {"email", "a@b.example", true},
                                   {"email", "a@", false},
                                   {"hostname", "a.b-c.example", true},
                                   {"hostname", "-a", false},
                                   {"uri", "https://a/b", true},
                                   {"uri", "a b", false},
                                   {"byte", "YWJj", true},
                                   {"byte", "YWJ", false},
                                   {"unheard-of", "anything", true}};
  for (const Case& one : cases) {
    const Json schema = {{"type", "object"}, {"properties", {{"x", {{"type", "string"}, {"format", one.format}}}}}};
    EXPECT_EQ(errors_of(schema, {{"x", one.text}}).empty(), one.ok) << one.format << " " << one.text;
  }
}

TEST(Structural, UnknownFieldsArePrunedAndNamed) {
  const Schema schema = schema_of(
      {{"type", "object"},
       {"properties",
        {{"ports",
          {{"type", "array"}, {"items", {{"type", "object"}, {"properties", {{"name", {{"type", "string"}}}}}}}}},
         {"free",
          {{"type", "object"},
           {"x-kubernetes-preserve-unknown-fields", true},
           {"properties", {{"known", {{"type", "object"}}}}}}},
         {"labels", {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}},
         {"template", {{"type", "object"}, {"x-kubernetes-embedded-resource", true}}}}}});
  Json object = Json::parse(R"({"apiVersion":"a/v1","kind":"K","extra":1,
    "metadata":{"name":"x","labels":{"a":"b"},"shoe":"lace"},
    "spec":{"ports":[{"name":"a","bar":1}],"free":{"x":{"y":1},"known":{"z":1}},"labels":{"q":"r"},
            "template":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","odd":1},"data":{}}}})");
  EXPECT_EQ(prune(object, schema),
            (std::vector<std::string>{"extra", "metadata.shoe", "spec.free.known.z", "spec.ports[0].bar",
                                      "spec.template.data", "spec.template.metadata.odd"}));
  EXPECT_EQ(object["spec"]["free"]["x"]["y"], 1);
  EXPECT_EQ(object["spec"]["labels"]["q"], "r");
  EXPECT_EQ(object["spec"]["template"]["metadata"]["name"], "s");
  EXPECT_TRUE(prune(object, schema).empty());
  EXPECT_EQ(
      strict_decoding_error({"spec.foo", "spec.bar"}, {"spec.name"}),
      "strict decoding error: duplicate field \"spec.name\", unknown field \"spec.foo\", unknown field \"spec.bar\"");
}

TEST(Structural, WithoutASchemaEverythingIsKept) {
  const auto schema = Schema::compile(Json());
  ASSERT_TRUE(schema);
  Json object = {{"spec", {{"a", {1, 2}}}}, {"metadata", {{"name", "x"}, {"odd", 1}}}};
  EXPECT_EQ(prune(object, *schema), std::vector<std::string>{"metadata.odd"});
  EXPECT_TRUE(validate(object, *schema).empty());
}

TEST(Structural, DefaultsFillInAndNullsThatSayNothingVanish) {
  const Schema schema = schema_of(Json::parse(R"({"type":"object","properties":{
    "a":{"type":"string","default":"x"},
    "b":{"type":"object","default":{},"properties":{"c":{"type":"integer","default":3}}},
    "d":{"type":"object","properties":{"e":{"type":"integer","default":4}}},
    "f":{"type":"array","items":{"type":"object","properties":{"g":{"type":"boolean","default":true}}}},
    "h":{"type":"string"}, "i":{"type":"string","nullable":true,"default":"j"},
    "k":{"type":"object","additionalProperties":{"type":"object","properties":{"l":{"type":"string","default":"m"}}}}}})"));
  Json object = Json::parse(R"({"spec":{"a":null,"f":[{},{"g":false}],"h":null,"i":null,"k":{"n":{}}}})");
  apply_defaults(object, schema);
  EXPECT_EQ(object["spec"],
            Json::parse(R"({"a":"x","b":{"c":3},"f":[{"g":true},{"g":false}],"i":null,"k":{"n":{"l":"m"}}})"));
}

TEST(Structural, StatusAloneCanBeValidated) {
  const auto schema = Schema::compile(Json::parse(R"({"type":"object","properties":{
    "spec":{"type":"object","required":["a"]},"status":{"type":"object","properties":{"n":{"type":"integer"}}}}})"));
  ASSERT_TRUE(schema);
  const Json object = {{"spec", Json::object()}, {"status", {{"n", "x"}}}};
  EXPECT_EQ(join(validate(object, *schema, {.status_only = true})),
            "status.n: Invalid value: \"string\": status.n in body must be of type integer: \"string\"");
}

TEST(Structural, RulesSeeTheOldValue) {
  const Json schema = Json::parse(R"({"type":"object",
    "properties":{"id":{"type":"string","x-kubernetes-validations":[{"rule":"self == oldSelf","message":"id is immutable"}]},
                  "low":{"type":"integer"},"high":{"type":"integer"}},
    "x-kubernetes-validations":[{"rule":"!has(self.low) || self.low <= self.high"}]})");
  EXPECT_EQ(errors_of(schema, {{"id", "a"}, {"low", 1}, {"high", 2}}), std::vector<std::string>{});
  EXPECT_EQ(errors_of(schema, {{"id", "b"}}, {{"id", "a"}}),
            std::vector<std::string>{"spec.id: Invalid value: \"string\": id is immutable"});
  EXPECT_EQ(errors_of(schema, {{"low", 3}, {"high", 2}}),
            std::vector<std::string>{
                "spec: Invalid value: \"object\": failed rule: !has(self.low) || self.low <= self.high"});
}

TEST(Structural, ABrokenSchemaIsRefused) {
  for (const char* text : {R"({"type":"objekt"})", R"({"type":"object","properties":[]})",
                           R"({"type":"object","properties":{"a":{"type":"string","pattern":"("}}})",
                           R"({"type":"object","properties":{"a":7}})"}) {
    EXPECT_FALSE(Schema::compile(Json::parse(text))) << text;
  }
}

TEST(Builtin, EveryKindHasASchemaThatKnowsItsFields) {
  ASSERT_GT(builtin_types().size(), 15u);
  for (const BuiltinType& one : builtin_types()) {
    const Schema* schema = builtin_schema(one.group, one.version, one.kind);
    ASSERT_NE(schema, nullptr) << one.kind;
    Json object = {
        {"apiVersion", "x"}, {"kind", one.kind}, {"metadata", {{"name", "x"}, {"labels", {{"a", "b"}}}, {"odd", 1}}}};
    EXPECT_EQ(prune(object, *schema), std::vector<std::string>{"metadata.odd"}) << one.kind;
  }
  Json secret = {{"metadata", {{"name", "x"}}}, {"data", {{"a", "not base64"}}}, {"stringData", {{"b", "c"}}}};
  EXPECT_EQ(validate(secret, *builtin_schema("", "v1", "Secret")).size(), 1u);
}

TEST(Builtin, ACrdInsideACrdIsUnderstood) {
  Json crd = Json::parse(
      R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"a.b"},
    "spec":{"group":"b","scope":"Cluster","names":{"kind":"A","plural":"a"},"versions":[{"name":"v1","served":true,"storage":true,
     "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"x":{"type":"string","odd":1}}}}}}}]}})");
  EXPECT_EQ(prune(crd, *builtin_schema("apiextensions.k8s.io", "v1", "CustomResourceDefinition")),
            std::vector<std::string>{"spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.x.odd"});
}

}  // namespace
}  // namespace datamesh::apiserver

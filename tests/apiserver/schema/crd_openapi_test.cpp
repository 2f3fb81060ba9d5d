#include <functional>

#include <gtest/gtest.h>

#include "apiserver/schema/builtin_schemas.hpp"
#include "apiserver/schema/crd.hpp"
#include "apiserver/schema/openapi.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

Json backend_crd() {
  return Json::parse(
      R"({"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"backends.datamesh.dev"},
    "spec":{"group":"datamesh.dev","scope":"Cluster","names":{"kind":"Backend","plural":"backends","shortNames":["be"],"categories":["datamesh"]},
      "versions":[{"name":"v1alpha1","served":true,"storage":true,"subresources":{"status":{}},
        "selectableFields":[{"jsonPath":".spec.engine"}],
        "additionalPrinterColumns":[{"name":"Engine","type":"string","jsonPath":".spec.engine"}],
        "schema":{"openAPIV3Schema":{"type":"object","description":"A server that ports are served from.","properties":{
          "spec":{"type":"object","required":["engine"],"properties":{"engine":{"type":"string","enum":["nats"]},
            "port":{"x-kubernetes-int-or-string":true},"any":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}},
          "status":{"type":"object","properties":{"ready":{"type":"boolean"}}}}}}}]}})");
}

TEST(Crd, AGoodOneIsDefaultedAcceptedAndCompiled) {
  Json crd = backend_crd();
  default_crd(crd);
  EXPECT_EQ(crd["spec"]["names"]["singular"], "backend");
  EXPECT_EQ(crd["spec"]["names"]["listKind"], "BackendList");
  EXPECT_EQ(crd["spec"]["conversion"]["strategy"], "None");
  EXPECT_EQ(join(validate_crd(crd)), "[]");
  EXPECT_TRUE(accept_crd(crd, {}, "2026-01-01T00:00:00Z"));
  EXPECT_FALSE(accept_crd(crd, {}, "2027-01-01T00:00:00Z"));
  EXPECT_EQ(crd["status"]["storedVersions"], Json::array({"v1alpha1"}));
  EXPECT_EQ(crd["status"]["conditions"][1]["type"], "Established");
  EXPECT_EQ(crd["status"]["conditions"][1]["status"], "True");
  EXPECT_TRUE(validate(crd, *builtin_schema("apiextensions.k8s.io", "v1", "CustomResourceDefinition")).empty());
  const auto compiled = compile_crd(crd);
  ASSERT_TRUE(compiled);
  EXPECT_FALSE(compiled->names.namespaced);
  EXPECT_TRUE(compiled->versions[0].status);
  EXPECT_EQ(compiled->versions[0].selectable_fields, std::vector<std::string>{"spec.engine"});
}

TEST(Crd, MistakesAreNamed) {
  struct Case {
    std::string what;
    std::function<void(Json&)> spoil;
    std::string error;  // among the errors
  };
  const auto schema = [](Json& crd) -> Json& { return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]; };
  const std::string at = "spec.versions[0].schema.openAPIV3Schema";
  const std::vector<Case> cases = {
      {"name", [](Json& c) { c["metadata"]["name"] = "x"; },
       "metadata.name: Invalid value: \"x\": must be spec.names.plural+\".\"+spec.group"},
      {"scope", [](Json& c) { c["spec"]["scope"] = "World"; },
       "spec.scope: Unsupported value: \"World\": supported values: \"Cluster\", \"Namespaced\""},
      {"no versions", [](Json& c) { c["spec"]["versions"] = Json::array(); },
       "spec.versions: Required value: must specify at least one version"},
      {"no storage version", [](Json& c) { c["spec"]["versions"][0]["storage"] = false; },
       "spec.versions: Invalid value: [\"v1alpha1\"]: must have exactly one version marked as storage version"},
      {"no schema", [](Json& c) { c["spec"]["versions"][0].erase("schema"); },
       at + ": Required value: schemas are required"},
      {"root type", [&](Json& c) { schema(c)["type"] = "array"; },
       at + ".type: Invalid value: \"array\": must be object at the root"},
      {"no type", [&](Json& c) { schema(c)["properties"]["spec"].erase("type"); },
       at + ".properties[spec].type: Required value: must not be empty for specified object fields"},
      {"uniqueItems",
       [&](Json& c) {
         schema(c)["properties"]["spec"]["properties"]["l"] = {
             {"type", "array"}, {"uniqueItems", true}, {"items", {{"type", "string"}}}};
       },
       at + ".properties[spec].properties[l].uniqueItems: Forbidden: uniqueItems cannot be set to true since the "
            "runtime complexity becomes quadratic"},
      {"list keys",
       [&](Json& c) {
         schema(c)["properties"]["spec"]["properties"]["l"] = {
             {"type", "array"}, {"x-kubernetes-list-type", "map"}, {"items", {{"type", "object"}}}};
       },
       at + ".properties[spec].properties[l].x-kubernetes-list-map-keys: Required value: must not be empty if "
            "x-kubernetes-list-type is map"},
      {"additionalProperties",
       [&](Json& c) {
         schema(c)["properties"]["spec"]["additionalProperties"] = {{"type", "string"}};
       },
       at + ".properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual "
            "exclusive"},
      {"$ref", [&](Json& c) { schema(c)["properties"]["spec"]["$ref"] = "#/x"; },
       at + ".properties[spec].$ref: Forbidden: $ref is not supported"},
      {"column type", [](Json& c) { c["spec"]["versions"][0]["additionalPrinterColumns"][0]["type"] = "text"; },
       "spec.versions[0].additionalPrinterColumns[0].type: Unsupported value: \"text\": supported values: \"boolean\", "
       "\"date\", \"integer\", \"number\", \"string\""},
      {"rule",
       [&](Json& c) {
         schema(c)["properties"]["spec"]["x-kubernetes-validations"] = Json::array({{{"rule", "self.("}}});
       },
       "compilation failed"},
      {"pattern", [&](Json& c) { schema(c)["properties"]["spec"]["properties"]["engine"]["pattern"] = "("; },
       "must be a valid regular expression"}};
  for (const Case& one : cases) {
    Json crd = backend_crd();
    default_crd(crd);
    one.spoil(crd);
    const std::string said = join(validate_crd(crd));
    EXPECT_NE(said.find(one.error), std::string::npos) << one.what << ": " << said;
  }
}

TEST(Crd, TakenNamesAreRefusedAndIdentityStays) {
  Json first = backend_crd();
  default_crd(first);
  accept_crd(first, {}, "t");
  Json second = backend_crd();
  second["metadata"]["name"] = "others.datamesh.dev";
  second["spec"]["names"] = {{"kind", "Other"}, {"plural", "others"}, {"shortNames", {"be"}}};
  default_crd(second);
  accept_crd(second, {&first}, "t");
  EXPECT_EQ(second["status"]["conditions"][0]["reason"], "ShortNamesConflict");
  EXPECT_EQ(second["status"]["conditions"][1]["status"], "False");
  Json changed = first;
  changed["spec"]["scope"] = "Namespaced";
  EXPECT_EQ(join(validate_crd(changed, &first)), "spec.scope: Invalid value: \"Namespaced\": field is immutable");
}

TEST(Crd, VersionsAreOrderedByStability) {
  const std::vector<std::string> order = {"v10",     "v2",        "v1",        "v11beta2", "v10beta3",
                                          "v3beta1", "v12alpha1", "v11alpha2", "foo1",     "foo10"};
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    EXPECT_TRUE(version_before(order[i], order[i + 1])) << order[i];
    EXPECT_FALSE(version_before(order[i + 1], order[i])) << order[i];
  }
}

// Every $ref of a document leads somewhere.
void check_references(const Json& value, const Json& targets, const std::string& prefix) {
  if (value.is_structured()) {
    for (const auto& [key, member] : value.items()) {
      if (value.is_object() && key == "$ref" && member.is_string()) {
        const std::string ref = member.get<std::string>();
        ASSERT_TRUE(ref.starts_with(prefix)) << ref;
        ASSERT_TRUE(targets.contains(ref.substr(prefix.size()))) << ref;
      }
      check_references(member, targets, prefix);
    }
  }
}

TEST(OpenApi, DocumentsAreCompleteAndSayWhatKubectlLooksFor) {
  Json crd = backend_crd();
  default_crd(crd);
  const OpenApiDocuments documents = openapi_documents({&crd}, "v1.32.0");
  const Json v2 = Json::parse(documents.v2);
  check_references(v2["definitions"], v2["definitions"], "#/definitions/");
  check_references(v2["paths"], v2["definitions"], "#/definitions/");
  const Json index = Json::parse(documents.v3_index);
  EXPECT_EQ(index["paths"].size(), documents.v3.size());
  for (const auto& [key, text] : documents.v3) {
    const Json document = Json::parse(text);
    check_references(document, document["components"]["schemas"], "#/components/schemas/");
    EXPECT_TRUE(
        index["paths"][key]["serverRelativeURL"].get<std::string>().starts_with("/openapi/v3/" + key + "?hash="));
  }
  const Json mesh = Json::parse(documents.v3.at("apis/datamesh.dev/v1alpha1"));
  const Json& patch = mesh["paths"]["/apis/datamesh.dev/v1alpha1/backends/{name}"]["patch"];
  EXPECT_EQ(patch["x-kubernetes-action"], "patch");
  EXPECT_EQ(patch["x-kubernetes-group-version-kind"]["kind"], "Backend");
  EXPECT_NE(patch["parameters"].dump().find("fieldValidation"), std::string::npos);
  const Json& schema = mesh["components"]["schemas"]["dev.datamesh.v1alpha1.Backend"];
  EXPECT_EQ(schema["properties"]["spec"]["required"], Json::array({"engine"}));
  EXPECT_EQ(v2["definitions"]["dev.datamesh.v1alpha1.Backend"]["properties"]["spec"]["properties"]["port"]["format"],
            "int-or-string");
  EXPECT_TRUE(mesh["paths"].contains("/apis/datamesh.dev/v1alpha1/backends/{name}/status"));
  EXPECT_GT(documents.v2_protobuf.size(), 10'000u);
  EXPECT_EQ(documents.v2_protobuf.substr(0, 5), std::string("\x0a\x03"
                                                            "2.0"));
  crd["spec"]["versions"][0]["served"] = false;
  EXPECT_FALSE(openapi_documents({&crd}, "v1.32.0").v3.contains("apis/datamesh.dev/v1alpha1"));
}

TEST(OpenApi, DefinitionsAreNamedByReversedGroup) {
  EXPECT_EQ(definition_name("datamesh.dev", "v1", "X"), "dev.datamesh.v1.X");
  EXPECT_EQ(definition_name("a.b.c", "v1", "X"), "c.b.a.v1.X");
}

}  // namespace
}  // namespace datamesh::apiserver

#include "apiserver/request.hpp"

#include <gtest/gtest.h>

#include "apiserver/web/negotiate.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

struct Case {
  const char* method;
  const char* target;
  const char* expected;  // verb group/version ns resource name subresource
};

std::string describe(const Request& r) {
  return std::string(to_string(r.verb)) + " " + r.group + "/" + r.version + " " + r.ns + " " + r.resource + " " +
         r.name + " " + r.subresource;
}

TEST(ParseRequest, ReadsWhatIsAsked) {
  const Case cases[] = {
      {"GET", "/api/v1/namespaces", "list /v1  namespaces  "},
      {"GET", "/api/v1/namespaces/sales", "get /v1 sales namespaces sales "},
      {"PUT", "/api/v1/namespaces/sales/finalize", "update /v1 sales namespaces sales finalize"},
      {"GET", "/api/v1/namespaces/sales/secrets?watch=1", "watch /v1 sales secrets  "},
      {"GET", "/api/v1/secrets?watch=false", "list /v1  secrets  "},
      {"POST", "/apis/g.x/v2/namespaces/a/things", "create g.x/v2 a things  "},
      {"PATCH", "/apis/g.x/v2/namespaces/a/things/n/status", "patch g.x/v2 a things n status"},
      {"DELETE", "/apis/g.x/v2/namespaces/a/things/n", "delete g.x/v2 a things n "},
      {"DELETE", "/apis/g.x/v2/namespaces/a/things", "deletecollection g.x/v2 a things  "},
      {"GET", "/apis/g.x/v2/things/a%2Fb", "get g.x/v2  things a/b "},
      {"POST", "/api/v1/namespaces/a/serviceaccounts/s/token", "create /v1 a serviceaccounts s token"},
  };
  for (const Case& c : cases) {
    const auto request = parse_request(c.method, c.target);
    ASSERT_TRUE(request) << c.target;
    EXPECT_TRUE(request->is_resource) << c.target;
    EXPECT_EQ(describe(*request), c.expected) << c.target;
  }
}

TEST(ParseRequest, PathsThatAreNoResources) {
  for (const char* target : {"/", "/api", "/api/v1", "/apis", "/apis/g.x/v2", "/healthz", "/openapi/v2"}) {
    const auto request = parse_request("GET", target);
    ASSERT_TRUE(request);
    EXPECT_FALSE(request->is_resource) << target;
  }
}

TEST(ParseRequest, QueriesAreDecoded) {
  const auto request = parse_request("GET", "/api/v1/pods?labelSelector=a%3Db+c&limit=5&watch");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->option("labelSelector"), "a=b c");
  EXPECT_EQ(request->option("limit"), "5");
  EXPECT_TRUE(request->flag("watch"));
  EXPECT_EQ(request->option("absent"), "");
}

TEST(ParseRequest, RefusesBrokenEscapesAndNul) {
  EXPECT_FALSE(parse_request("GET", "/api/v1/a%"));
  EXPECT_FALSE(parse_request("GET", "/api/v1/a%zz"));
  EXPECT_FALSE(parse_request("GET", "/api/v1/a%00"));
  EXPECT_FALSE(parse_request("GET", "/api/v1/a?b=%0"));
}

TEST(Negotiate, TakesTheFirstThatItCan) {
  EXPECT_EQ(negotiate("")->form, Form::Plain);
  EXPECT_EQ(negotiate("application/json;as=Table;v=v1;g=meta.k8s.io,application/json")->form, Form::Table);
  EXPECT_EQ(negotiate("application/vnd.kubernetes.protobuf,application/json")->form, Form::Plain);
  EXPECT_EQ(negotiate("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")->form, Form::MetadataList);
  EXPECT_EQ(negotiate("application/json;as=Unknown;v=v1;g=meta.k8s.io, */*")->form, Form::Plain);
  EXPECT_TRUE(negotiate("application/yaml")->yaml);
  const auto refused = negotiate("application/vnd.kubernetes.protobuf");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 406);
}

TEST(Negotiate, AggregatedDiscoveryByVersion) {
  EXPECT_EQ(discovery_version("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"),
            "v2");
  EXPECT_EQ(discovery_version("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"), "v2beta1");
  EXPECT_EQ(discovery_version("application/json"), "");
}

TEST(DecodeBody, JsonYamlAndNeither) {
  std::vector<std::string> duplicates;
  EXPECT_EQ((*decode_body("application/json", R"({"a":1})", duplicates))["a"], 1);
  EXPECT_EQ((*decode_body("application/yaml", "a: 1\n", duplicates))["a"], 1);
  EXPECT_EQ(decode_body("application/cbor", "x", duplicates).error().code, 415);
  EXPECT_EQ(decode_body("application/vnd.kubernetes.protobuf", "x", duplicates).error().code, 400);
  EXPECT_EQ(decode_body("application/json", "{", duplicates).error().code, 400);
  EXPECT_EQ(decode_body("application/yaml", "a: 1\n---\nb: 2\n", duplicates).error().code, 400);
}

TEST(Status, SaysWhatClientsRead) {
  const Json status = Json::parse(to_json(not_found({"g.x", "things"}, "n")));
  EXPECT_EQ(status["message"], "things.g.x \"n\" not found");
  EXPECT_EQ(status["details"]["kind"], "things");
  EXPECT_EQ(status["code"], 404);
  const Json two = Json::parse(to_json(invalid(
      "g.x", "Thing", "n",
      {{"FieldValueRequired", "Required value", "spec.a"}, {"FieldValueInvalid", "Invalid value: 1", "spec.b"}})));
  EXPECT_EQ(two["message"], "Thing.g.x \"n\" is invalid: [spec.a: Required value, spec.b: Invalid value: 1]");
  EXPECT_EQ(two["details"]["causes"].size(), 2u);
}

}  // namespace
}  // namespace datamesh::apiserver

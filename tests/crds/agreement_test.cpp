// The CRDs and api/ say the same: what one takes, the other takes, with the same defaults.

#include <fstream>

#include <gmock/gmock.h>

#include "api/backend.hpp"
#include "api/data_contract.hpp"
#include "api/data_product.hpp"
#include "api/domain.hpp"
#include "api/policy.hpp"
#include "api/subscription.hpp"
#include "apiserver/schema/structural.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"
#include "crds/crds.hpp"

namespace datamesh {
namespace {

Json yaml(std::string_view text) {
  auto parsed = kube::parse_yaml(text);
  EXPECT_TRUE(parsed && parsed->size() == 1) << text;
  return parsed && parsed->size() == 1 ? parsed->front() : Json();
}

const Json& version_of(std::string_view kind) {
  static const std::map<std::string, Json, std::less<>> all = [] {
    std::map<std::string, Json, std::less<>> result;
    for (const auto& [name, text] : crds()) {
      const Json crd = yaml(text);
      result[string_at(crd, {"spec", "names", "kind"})] = crd["spec"]["versions"][0];
    }
    return result;
  }();
  return all.at(std::string(kind));
}

const apiserver::Schema& schema_of(std::string_view kind) {
  static std::map<std::string, apiserver::Schema, std::less<>> all;
  const auto known = all.find(kind);
  if (known != all.end()) return known->second;
  auto schema = apiserver::Schema::compile(version_of(kind)["schema"]["openAPIV3Schema"]);
  EXPECT_TRUE(schema) << kind << ": " << schema.error().message;
  return all.emplace(kind, *schema).first->second;
}

Json document(std::string_view kind, std::string_view spec) {
  Json json = {
      {"apiVersion", "datamesh.dev/v1alpha1"}, {"kind", kind}, {"metadata", {{"name", "thing"}}}, {"spec", yaml(spec)}};
  if (kind != "Backend" && kind != "Domain" && kind != "Policy") json["metadata"]["namespace"] = "sales";
  return json;
}

struct Case {
  std::string_view kind, spec;
  bool good = true;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.kind << " " << one.spec;
}

class Agreement : public ::testing::TestWithParam<Case> {};
TEST_P(Agreement, OnWhatIsGoodAndWhatIsBad) {
  Json object = document(GetParam().kind, GetParam().spec);
  const auto& schema = schema_of(GetParam().kind);
  const auto unknown = apiserver::prune(object, schema);
  EXPECT_EQ(apiserver::strict_decoding_error(unknown, {}), "");
  const auto decoded_before = api::join(api::problems_of(object));
  apiserver::apply_defaults(object, schema);
  const auto errors = apiserver::validate(object, schema);
  EXPECT_EQ(errors.empty(), GetParam().good) << (errors.empty() ? "" : apiserver::join(errors));
  EXPECT_EQ(decoded_before.empty(), GetParam().good) << decoded_before;
  EXPECT_EQ(api::problems_of(object).empty(), GetParam().good);
}
INSTANTIATE_TEST_SUITE_P(
    Crds, Agreement,
    ::testing::Values(
        Case{"Backend", "{engine: nats, managed: {}}"},
        Case{"Backend",
             "{engine: nats, external: {endpoint: 'nats://bus:4222', credentialsRef: {namespace: a, name: b}}, "
             "domains: [sales], syncInterval: 90s, limits: {deletesPerPass: 0}}"},
        Case{"Backend", "{engine: nats}", false}, Case{"Backend", "{managed: {}}", false},
        Case{"Backend", "{engine: nats, managed: {}, external: {endpoint: 'nats://x'}}", false},
        Case{"Backend", "{engine: nats, managed: {platform: Cloud}}", false},
        Case{"Backend", "{engine: nats, managed: {storage: lots}}", false},
        Case{"Backend", "{engine: NATS, managed: {}}", false},
        Case{"Backend", "{engine: nats, managed: {}, syncInterval: soon}", false},
        Case{"Backend", "{engine: nats, managed: {}, limits: {deletesPerPass: -1}}", false},
        Case{"Backend", "{engine: nats, managed: {}, domains: [a, a]}", false},
        Case{"Backend", "{engine: nats, external: {endpoint: 'nats://me:you@x'}}", false}, Case{"Domain", "{}"},
        Case{"Domain",
             "{name: Sales, parent: retail, team: {name: t, members: [{username: ana, role: owner, dateIn: "
             "'2024-01-01'}]}, namespaces: [a, b], backends: [w], quota: {dataProducts: 3}, support: [{channel: x, "
             "tool: slack}]}"},
        Case{"Domain", "{team: {members: [{username: a}, {username: a}]}}", false},
        Case{"Domain", "{team: {members: [{username: a, role: king}]}}", false},
        Case{"Domain", "{team: {members: [{role: owner}]}}", false}, Case{"Domain", "{namespaces: [A]}", false},
        Case{"Domain", "{namespaces: [a, a]}", false}, Case{"Domain", "{quota: {dataProducts: -1}}", false},
        Case{"Domain", "{parent: Retail}", false}, Case{"DataProduct", "{}"},
        Case{"DataProduct",
             "{id: fbe8d147-28db-4f1d-bedf-a3fe9f458427, name: N, version: v1.4.0, type: aggregate, tenant: t, team: "
             "{name: x}, managementPorts: [{name: h, content: observability}], outputPorts: [{name: o, version: 1.2.0, "
             "type: topic, sbom: [{url: x}], provisioning: {contractRef: {name: c}, backend: w, deletionPolicy: "
             "Delete, parameters: {retention: 7d, replicas: 1}}}]}"},
        Case{"DataProduct", "{outputPorts: [{name: o, version: '1', type: tabels}]}", false},
        Case{"DataProduct", "{outputPorts: [{name: o, version: '1'}]}", false},
        Case{"DataProduct", "{outputPorts: [{name: o, type: tables}]}", false},
        Case{"DataProduct",
             "{outputPorts: [{name: o, version: '1', type: tables}, {name: o, version: '1', type: tables}]}", false},
        Case{"DataProduct", "{id: seven}", false}, Case{"DataProduct", "{lifecycle: gone}", false},
        Case{"DataProduct", "{outputPorts: [{name: o, version: x, type: tables}]}", false},
        Case{"DataProduct", "{outputPorts: [{name: -o, version: '1', type: tables}]}", false},
        Case{"DataProduct",
             "{outputPorts: [{name: o, version: '1', type: tables, provisioning: {deletionPolicy: Maybe}}]}", false},
        Case{"DataProduct", "{inputPorts: [{version: '1'}]}", false}, Case{"DataContract", "{version: 1.0.0}"},
        Case{"DataContract",
             "{version: 1.0.0, servers: [{server: a, type: postgres, port: 5432}], price: {priceAmount: 9.5}, "
             "slaProperties: [{property: latency, value: 4, unit: d}, {property: latency, value: x}], schema: [{name: "
             "t, quality: [{metric: rowCount, mustBeGreaterThan: 0}], properties: [{name: a, logicalType: string, "
             "logicalTypeOptions: {maxLength: 5}, primaryKeyPosition: -1, examples: [1, a]}]}], roles: [{role: r, "
             "access: read}], provisioning: {compatibility: Full, roles: [{role: r, maxClassification: public}]}}"},
        Case{"DataContract", "{}", false}, Case{"DataContract", "{version: 1.0.0, schema: [{properties: []}]}", false},
        Case{"DataContract", "{version: 1.0.0, schema: [{name: t}, {name: t}]}", false},
        Case{"DataContract", "{version: 1.0.0, schema: [{name: t, properties: [{name: a}, {name: a}]}]}", false},
        Case{"DataContract", "{version: 1.0.0, schema: [{name: t, properties: [{name: a, logicalType: text}]}]}",
             false},
        Case{"DataContract", "{version: 1.0.0, schema: [{name: t, properties: [{name: a, classification: secret}]}]}",
             false},
        Case{"DataContract", "{version: 1.0.0, schema: [{name: t, properties: [{name: a, physicalType: 'int;drop'}]}]}",
             false},
        Case{"DataContract", "{version: 1.0.0, roles: [{role: r}, {role: r}]}", false},
        Case{"DataContract", "{version: 1.0.0, roles: [{role: r, access: write}]}", false},
        Case{"DataContract", "{version: 1.0.0, provisioning: {compatibility: Some}}", false},
        Case{"Subscription", "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}}"},
        Case{"Subscription",
             "{description: {purpose: p, terms: t}, provider: {dataProductRef: {namespace: a, name: o}, outputPort: "
             "{name: o, version: '1'}}, consumer: {teamId: t, dataProductRef: {name: c}}, roles: [{role: r}], "
             "startTimestamp: '2026-01-01T00:00:00Z', endTimestamp: '2027-01-01T00:00:00+02:00', "
             "nextReassessmentTimestamp: '2026-06-01T00:00:00Z'}"},
        Case{"Subscription", "{}", false}, Case{"Subscription", "{provider: {dataProductRef: {name: o}}}", false},
        Case{"Subscription", "{provider: {dataProductRef: {name: O}, outputPort: {name: o, version: '1'}}}", false},
        Case{"Subscription",
             "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}, roles: [{role: r}, {role: "
             "r}]}",
             false},
        Case{"Subscription",
             "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}, endTimestamp: never}",
             false},
        Case{"Approval",
             "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r], decision: "
             "Approved, approver: ana}"},
        Case{"Approval",
             "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [], decision: "
             "Approved, approver: ana}",
             false},
        Case{"Approval",
             "{subscriptionRef: {name: b}, outputPort: {name: o, version: '1'}, roles: [r], decision: Approved, "
             "approver: ana}",
             false},
        Case{"Approval",
             "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r], approver: "
             "ana}",
             false},
        Case{"Approval",
             "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r], decision: "
             "Approved}",
             false},
        Case{"Approval",
             "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r], decision: "
             "Approved, approver: ana, level: 0}",
             false},
        Case{"Policy", "{}"},
        Case{"Policy",
             "{enforcement: Warn, enforceAfter: '2027-01-01T00:00:00Z', match: {kinds: [DataContract], domains: [a], "
             "tags: [pii]}, require: [{path: p, in: [a, 1], message: m, more: 1}], access: {approval: Required, "
             "levels: 2, maxDuration: 365d}, obligations: [{match: {classification: [restricted], tags: [pii]}, "
             "unlessRoles: [r], mask: Hash}], exceptions: [{ref: {namespace: a, name: b}, until: "
             "'2026-12-31T00:00:00Z', reason: r}]}"},
        Case{"Policy", "{enforcement: Maybe}", false}, Case{"Policy", "{access: {approval: Ask}}", false},
        Case{"Policy", "{access: {levels: 0}}", false}, Case{"Policy", "{match: {kinds: [Table]}}", false},
        Case{"Policy", "{obligations: [{mask: Blur}]}", false},
        Case{"Policy", "{obligations: [{match: {classification: [secret]}}]}", false},
        Case{"Policy", "{exceptions: [{reason: r}]}", false}, Case{"Policy", "{require: [{message: m}]}", false}));

// Every default of the CRD is the one that decode fills in: with and without it the value is the same.
template <class K, class Decode>
void expect_same_defaults(std::string_view kind, std::string_view spec, Decode decode) {
  const Json bare = document(kind, spec);
  Json filled = bare;
  apiserver::apply_defaults(filled, schema_of(kind));
  const Result<K> without = decode(bare), with = decode(filled);
  ASSERT_TRUE(without && with);
  EXPECT_EQ(*without, *with) << filled.dump(2);
  EXPECT_EQ(find(filled, {"status", "observedGeneration"}) ? filled["status"]["observedGeneration"] : Json(), -1);
}
TEST(Crds, HaveTheDefaultsOfDecode) {
  expect_same_defaults<api::Backend>("Backend", "{engine: nats, managed: {}, limits: {}}", api::decode_backend);
  expect_same_defaults<api::Domain>("Domain", "{team: {members: [{username: a}]}}", api::decode_domain);
  expect_same_defaults<api::DataProduct>("DataProduct",
                                         "{outputPorts: [{name: o, version: '1', type: tables, provisioning: {}}]}",
                                         api::decode_data_product);
  expect_same_defaults<api::DataContract>("DataContract",
                                          "{version: '1', schema: [{name: t, properties: [{name: a}]}], roles: [{role: "
                                          "r}], provisioning: {roles: [{role: r}]}}",
                                          api::decode_data_contract);
  expect_same_defaults<api::Subscription>(
      "Subscription", "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}}",
      api::decode_subscription);
  expect_same_defaults<api::Approval>("Approval",
                                      "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, "
                                      "roles: [r], decision: Approved, approver: ana}",
                                      api::decode_approval);
  expect_same_defaults<api::Policy>("Policy", "{access: {}, obligations: [{}]}", api::decode_policy);
}

// What encode writes, the CRD keeps: no field of ours is unknown to it, in the spec or in the status.
TEST(Crds, KnowEveryFieldThatEncodeWrites) {
  const auto expect_known = [](std::string_view kind, Json spec, Json status) {
    Json object = document(kind, "{}");
    object["spec"] = std::move(spec);
    object["status"] = std::move(status);
    EXPECT_THAT(apiserver::prune(object, schema_of(kind)), ::testing::IsEmpty()) << kind;
    apiserver::FieldErrors errors = apiserver::validate(object, schema_of(kind));
    EXPECT_TRUE(errors.empty()) << kind << (errors.empty() ? "" : apiserver::join(errors));
  };
  const std::vector<api::Condition> ready{{"Ready", "True", "Settled", "", 1, WallTime{}}};
  api::Backend backend;
  backend.engine = "nats";
  backend.managed = api::ManagedBackend{api::Platform::Swarm, api::ManagedScope::Domain, "2", "1Gi"};
  backend.domains = {"a"};
  expect_known("Backend", encode_spec(backend), encode_status(api::BackendStatus{1, ready, "2", {1, 2, 3, 4, 5}, "x"}));
  api::Domain domain{{}, "n", "p", "q", "t", {{"ana", api::TeamRole::Steward}}, {"a"}, {"w"}, 1, 2, {}};
  expect_known("Domain", encode_spec(domain), encode_status(api::DomainStatus{1, ready, 2, 3, "x"}));
  api::DataProduct product{{},
                           "fbe8d147-28db-4f1d-bedf-a3fe9f458427",
                           "n",
                           "1",
                           "active",
                           "d",
                           {"t"},
                           {{"i", "1", "c", "s"}},
                           {{"o", "1", "topic", "c", "r", "b", api::DeletionPolicy::Delete, {{"replicas", "1"}}}},
                           {}};
  expect_known("DataProduct", encode_spec(product),
               encode_status(api::DataProductStatus{1, ready, {{"o", "1", 1, "ns", "n"}}, {"r"}, "x"}));
  api::DataContract contract{
      {},
      "i",
      "n",
      "1",
      "active",
      {{"t", "pt", "d", {{"a", "string", "text", "d", true, true, true, 1, api::Classification::Public, {"t"}}}}},
      {{"r", "read", "f", "s", api::Classification::Restricted}},
      api::Compatibility::Full,
      {"t"},
      {}};
  expect_known("DataContract", encode_spec(contract), encode_status(api::DataContractStatus{1, ready, 1}));
  api::Subscription subscription{{}, "p", {"a", "b"}, {"o", "1"}, "c", {"r"}, WallTime{}, WallTime{}, {}};
  expect_known("Subscription", encode_spec(subscription),
               encode_status(api::SubscriptionStatus{
                   1, api::Phase::Active, ready, {{1, "ana", "Approved", WallTime{}}}, {{"t", {"a"}}}, "s", "x"}));
  api::Approval approval{{}, {"a", "b"}, {"o", "1"}, {"r"}, true, 2, "ana", WallTime{}, {}};
  expect_known("Approval", encode_spec(approval), encode_status(api::ApprovalStatus{1, ready}));
  api::Policy policy{{},
                     "p",
                     api::Enforcement::Warn,
                     WallTime{},
                     {{"DataProduct"}, {"d"}, {"t"}},
                     {{"p", {"\"a\""}, "m"}},
                     api::AccessRule{api::ApprovalRule::Deny, 2, std::chrono::hours(1)},
                     {{{api::Classification::Public}, {"t"}, {"r"}, api::Mask::Hash}},
                     {{{"a", "b"}, WallTime{}, "r"}},
                     {}};
  expect_known("Policy", encode_spec(policy), encode_status(api::PolicyStatus{1, ready}));
}

void expect_described(const Json& schema, const std::string& path) {
  if (!path.ends_with("metadata") && !path.ends_with("[]") && !path.ends_with("{}"))
    EXPECT_TRUE(schema.contains("description")) << path;
  if (schema.contains("properties"))
    for (const auto& [name, child] : schema["properties"].items()) expect_described(child, path + "." + name);
  if (schema.contains("items")) expect_described(schema["items"], path + "[]");
  if (schema.contains("additionalProperties")) expect_described(schema["additionalProperties"], path + "{}");
}

TEST(Crds, DescribeEveryField) {
  for (const char* kind : {"Backend", "Domain", "DataProduct", "DataContract", "Subscription", "Approval", "Policy"})
    expect_described(version_of(kind)["schema"]["openAPIV3Schema"], kind);
}

TEST(Crds, StandInTheBinaryAsInTheirFiles) {
  EXPECT_EQ(crds().size(), 7u);
  for (const auto& [name, text] : crds()) {
    std::ifstream stream(std::string(DATAMESH_SOURCE_DIR) + "/crds/" + std::string(name) + ".yaml");
    EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(stream), {})) << name;
  }
}

}  // namespace
}  // namespace datamesh

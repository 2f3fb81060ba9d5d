// Documents, good and bad: what decode makes of them, and what it says.

#include <gmock/gmock.h>

#include "api/backend.hpp"
#include "api/data_contract.hpp"
#include "api/data_product.hpp"
#include "api/domain.hpp"
#include "api/policy.hpp"
#include "api/subscription.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::api {
namespace {

Json document(std::string_view kind, std::string_view spec) {
  auto parsed = kube::parse_yaml(spec);
  EXPECT_TRUE(parsed) << spec;
  Json json = {{"apiVersion", "datamesh.dev/v1alpha1"},
               {"kind", kind},
               {"metadata", {{"name", "thing"}, {"namespace", "sales"}}},
               {"spec", parsed && !parsed->empty() ? parsed->front() : Json()}};
  if (kind == "Backend" || kind == "Domain" || kind == "Policy") json["metadata"].erase("namespace");
  return json;
}

struct Bad {
  std::string_view kind, spec, problem;
};
void PrintTo(const Bad& one, std::ostream* out) {
  *out << one.kind << " " << one.spec;
}

class BadDocuments : public ::testing::TestWithParam<Bad> {};
TEST_P(BadDocuments, AreRefusedWithPathValueAndWhatIsAllowed) {
  EXPECT_EQ(join(problems_of(document(GetParam().kind, GetParam().spec))), GetParam().problem);
}
INSTANTIATE_TEST_SUITE_P(
    Documents, BadDocuments,
    ::testing::Values(
        Bad{"Backend", "{external: {endpoint: 'nats://x'}}", "spec.engine: must be given"},
        Bad{"Backend", "{engine: nats}", "spec: \"\": must have exactly one of external and managed"},
        Bad{"Backend", "{engine: nats, managed: {platform: Cloud}}",
            "spec.managed.platform: \"Cloud\": must be one of Auto, Process, Kubernetes, Swarm"},
        Bad{"Backend", "{engine: nats, managed: [], external: {endpoint: 'nats://x'}}",
            "spec.managed: []: must be an object"},
        Bad{"Backend", "{engine: nats, external: {endpoint: 'nats://me:secret@x'}}",
            "spec.external.endpoint: \"nats://...@...\": must not contain credentials: put them into the Secret of "
            "spec.external.credentialsRef"},
        Bad{"Backend", "{engine: nats, managed: {}, syncInterval: 10}",
            "spec.syncInterval: 10: must be a duration, such as 90s, 1h30m or 7d"},
        Bad{"Backend", "{engine: nats, managed: {}, syncInterval: 48h}",
            "spec.syncInterval: \"2d\": must be from 1s to 24h"},
        Bad{"Backend", "{engine: nats, managed: {}, limits: {deletesPerPass: -1}}",
            "spec.limits.deletesPerPass: -1: must be 0 or more"},
        Bad{"Backend", "{engine: nats, managed: {}, domains: [sales, sales]}",
            "spec.domains[1]: \"sales\": is listed twice"},
        Bad{"Domain", "{team: {members: [{username: ana, role: boss}]}}",
            "spec.team.members[0].role: \"boss\": must be one of owner, developer, steward, viewer"},
        Bad{"Domain", "{team: {members: [{role: owner}]}}", "spec.team.members[0].username: must be given"},
        Bad{"Domain", "{parent: thing}", "spec.parent: \"thing\": must be another Domain"},
        Bad{"Domain", "{namespaces: [Sales]}",
            "spec.namespaces[0]: \"Sales\": must be 1 to 63 lower-case letters, digits and -, with a letter or digit "
            "at both ends"},
        Bad{"DataProduct", "{outputPorts: [{name: a, version: 1.0.0, type: tabels}]}",
            "spec.outputPorts[0].type: \"tabels\": must be one of tables, documents, keyvalue, topic, files, api"},
        Bad{"DataProduct", "{outputPorts: [{name: a, version: 1.0, type: tables}]}",
            "spec.outputPorts[0].version: 1.0: must be a string"},
        Bad{"DataProduct", "{outputPorts: [{name: a, version: latest, type: tables}]}",
            "spec.outputPorts[0].version: \"latest\": must be a version such as 1, 1.2 or 1.2.0"},
        Bad{"DataProduct",
            "{outputPorts: [{name: a, version: 1.0.0, type: tables}, {name: a, version: 1.1.0, type: tables}]}",
            "spec.outputPorts[1].version: \"1.1.0\": is the same port as spec.outputPorts[0]: a port is its name and "
            "its major version"},
        Bad{"DataProduct",
            "{outputPorts: [{name: a, version: 1.0.0, type: topic, provisioning: {parameters: {retenton: 7d}}}]}",
            "spec.outputPorts[0].provisioning.parameters.retenton: \"7d\": is not a parameter of type topic: "
            "retention, maxBytes, replicas"},
        Bad{"DataProduct",
            "{outputPorts: [{name: a, version: 1.0.0, type: topic, provisioning: {parameters: {replicas: 2}}}]}",
            "spec.outputPorts[0].provisioning.parameters.replicas: \"2\": must be 1, 3 or 5"},
        Bad{"DataProduct", "{id: 7, lifecycle: alive}",
            "spec.id: 7: must be a string; spec.lifecycle: \"alive\": must be one of proposed, draft, active, "
            "deprecated, retired"},
        Bad{"DataProduct", "[]", "spec: []: must be an object"},
        Bad{"DataContract", "{}", "spec.version: must be given"},
        Bad{"DataContract", "{version: 1.0.0, schema: [{name: t, properties: [{name: a, classification: secret}]}]}",
            "spec.schema[0].properties[0].classification: \"secret\": must be one of public, internal, confidential, "
            "restricted"},
        Bad{"DataContract", "{version: 1.0.0, schema: [{name: t, properties: [{name: a}, {name: a}]}]}",
            "spec.schema[0].properties[1].name: \"a\": is listed twice"},
        Bad{"DataContract",
            "{version: 1.0.0, schema: [{name: t, properties: [{name: a, physicalType: \"int'; drop table x\"}]}]}",
            "spec.schema[0].properties[0].physicalType: \"int'; drop table x\": must be a type such as varchar(20) or "
            "timestamptz"},
        Bad{"DataContract", "{version: 1.0.0, provisioning: {roles: [{role: ghost}]}}",
            "spec.provisioning.roles[0].role: \"ghost\": is not a role of the contract: add it to spec.roles"},
        Bad{"DataContract", "{version: 1.0.0, roles: [{role: a, access: write}]}",
            "spec.roles[0].access: \"write\": must be read"},
        Bad{"Subscription", "{}",
            "spec.provider: must be given; spec.provider.dataProductRef.name: must be given; "
            "spec.provider.outputPort.name: must be given; spec.provider.outputPort.version: must be given"},
        Bad{"Subscription",
            "{provider: {dataProductRef: {name: orders}, outputPort: {name: a, version: '1'}}, startTimestamp: "
            "'2026-01-02T00:00:00Z', endTimestamp: '2026-01-01T00:00:00Z'}",
            "spec.endTimestamp: \"2026-01-01T00:00:00Z\": must be later than spec.startTimestamp"},
        Bad{"Subscription",
            "{provider: {dataProductRef: {name: orders}, outputPort: {name: a, version: '1'}}, endTimestamp: tomorrow}",
            "spec.endTimestamp: \"tomorrow\": must be a time as in RFC 3339, such as 2027-06-30T23:59:59Z"},
        Bad{"Approval",
            "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: a, version: '1'}, roles: [r], approver: "
            "ana}",
            "spec.decision: must be given"},
        Bad{"Approval",
            "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: a, version: '1'}, decision: Approved, "
            "approver: ana}",
            "spec.roles: must be given"},
        Bad{"Approval",
            "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: a, version: '1'}, roles: [r], decision: "
            "Maybe, approver: ana}",
            "spec.decision: \"Maybe\": must be one of Approved, Rejected"},
        Bad{"Policy", "{access: {approval: Ask}}",
            "spec.access.approval: \"Ask\": must be one of Auto, Required, Deny"},
        Bad{"Policy", "{access: {levels: 0}}", "spec.access.levels: 0: must be from 1 to 9"},
        Bad{"Policy", "{match: {kinds: [Table]}}",
            "spec.match.kinds: \"Table\": must be one of DataProduct, DataContract, Subscription"},
        Bad{"Policy", "{exceptions: [{reason: none}]}",
            "spec.exceptions[0].ref: must be given; spec.exceptions[0].ref.namespace: must be given; "
            "spec.exceptions[0].ref.name: must be given"},
        Bad{"Table", "{}",
            "kind: \"Table\": must be one of Backend, Domain, DataProduct, DataContract, Subscription, Approval, "
            "Policy"}));

struct Good {
  std::string_view kind, spec;
};
void PrintTo(const Good& one, std::ostream* out) {
  *out << one.kind << " " << one.spec;
}

template <class K, class Decode>
void expect_round_trip(const Json& json, Decode decode) {
  const Result<K> first = decode(json);
  ASSERT_TRUE(first) << first.error().message;
  const Json again = {{"apiVersion", "datamesh.dev/v1alpha1"},
                      {"kind", json["kind"]},
                      {"metadata", encode_metadata(first->metadata)},
                      {"spec", encode_spec(*first)},
                      {"status", encode_status(first->status)}};
  const Result<K> second = decode(again);
  ASSERT_TRUE(second) << second.error().message << again;
  EXPECT_EQ(*first, *second) << again.dump(2);
}

class GoodDocuments : public ::testing::TestWithParam<Good> {};
TEST_P(GoodDocuments, ComeBackAsTheyWere) {
  Json json = document(GetParam().kind, GetParam().spec);
  json["metadata"]["uid"] = "u-1";
  json["metadata"]["generation"] = 4;
  json["metadata"]["labels"] = {{"team", "a"}};
  json["metadata"]["finalizers"] = {kFinalizer};
  json["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
  json["status"] = {{"observedGeneration", 3},
                    {"conditions",
                     {{{"type", "Ready"},
                       {"status", "False"},
                       {"reason", "Waiting"},
                       {"message", "for you"},
                       {"observedGeneration", 3},
                       {"lastTransitionTime", "2026-01-02T00:00:00Z"}}}}};
  if (GetParam().kind == "Backend") expect_round_trip<Backend>(json, decode_backend);
  if (GetParam().kind == "Domain") expect_round_trip<Domain>(json, decode_domain);
  if (GetParam().kind == "DataProduct") expect_round_trip<DataProduct>(json, decode_data_product);
  if (GetParam().kind == "DataContract") expect_round_trip<DataContract>(json, decode_data_contract);
  if (GetParam().kind == "Subscription") expect_round_trip<Subscription>(json, decode_subscription);
  if (GetParam().kind == "Approval") expect_round_trip<Approval>(json, decode_approval);
  if (GetParam().kind == "Policy") expect_round_trip<Policy>(json, decode_policy);
}
INSTANTIATE_TEST_SUITE_P(
    Documents, GoodDocuments,
    ::testing::Values(
        Good{"Backend",
             "{engine: postgresql, external: {endpoint: 'postgres://db:5432/mesh', credentialsRef: {namespace: a, "
             "name: b}}, domains: [sales], syncInterval: 1h30m, limits: {deletesPerPass: 3}}"},
        Good{"Backend", "{engine: nats, managed: {platform: Swarm, scope: Domain, version: '2', storage: 10Gi}}"},
        Good{"Domain",
             "{name: Sales, description: {purpose: To sell.}, parent: retail, team: {name: t, members: [{username: "
             "ana@x, role: owner}, {username: bo}]}, namespaces: [a, b], backends: [w], quota: {dataProducts: 0, "
             "subscriptions: 5}}"},
        Good{"Domain", "{}"},
        Good{"DataProduct",
             "{name: Orders, version: v1.4.0, lifecycle: deprecated, domain: sales, tags: [a], inputPorts: [{name: p, "
             "provisioning: {subscriptionRef: {name: s}}}], outputPorts: [{name: o, version: 1.2.0, type: topic, "
             "contractId: x, provisioning: {contractRef: {name: c}, backend: w, deletionPolicy: Delete, parameters: "
             "{retention: 7d, maxBytes: 1048576, replicas: 3}}}]}"},
        Good{"DataProduct", "{}"},
        Good{"DataContract",
             "{version: 1.2.0, name: O, tags: [t], schema: [{name: a, physicalName: b, description: d, properties: "
             "[{name: c, logicalType: string, physicalType: 'varchar(20)', required: true, unique: true, primaryKey: "
             "true, primaryKeyPosition: 1, classification: restricted, tags: [pii], description: x}, {name: e, "
             "primaryKeyPosition: -1}]}], roles: [{role: r, firstLevelApprovers: f, secondLevelApprovers: s}, {role: "
             "q}], provisioning: {compatibility: Full, roles: [{role: q, maxClassification: public}]}}"},
        Good{"DataContract", "{version: '1', provisioning: {roles: [{role: reader, maxClassification: restricted}]}}"},
        Good{"Subscription",
             "{description: {purpose: why}, provider: {dataProductRef: {name: orders}, outputPort: {name: o, version: "
             "'1'}}, consumer: {dataProductRef: {name: c}}, roles: [{role: r}], startTimestamp: "
             "'2026-01-01T00:00:00Z', endTimestamp: '2026-01-02T00:00:00Z'}"},
        Good{"Approval",
             "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r, s], decision: "
             "Rejected, level: 2, approver: ana, until: '2026-01-02T00:00:00Z'}"},
        Good{"Policy",
             "{description: {purpose: why}, enforcement: Warn, enforceAfter: '2026-01-02T00:00:00Z', match: {kinds: "
             "[DataContract], domains: [sales], tags: [pii]}, require: [{path: spec.x, in: [a, 1, null], message: m}, "
             "{path: spec.y}], access: {approval: Deny, levels: 2, maxDuration: 365d}, obligations: [{match: "
             "{classification: [restricted], tags: [pii]}, unlessRoles: [r], mask: Hash}], exceptions: [{ref: "
             "{namespace: a, name: b}, until: '2026-01-02T00:00:00Z', reason: r}]}"},
        Good{"Policy", "{access: {maxDuration: 90s}}"}));

TEST(Decode, FillsInDefaults) {
  const auto product =
      decode_data_product(document("DataProduct", "{outputPorts: [{name: o, version: 1.0.0, type: tables}]}"));
  ASSERT_TRUE(product);
  EXPECT_EQ(product->id, uuid_v5("urn:datamesh:product:sales:thing"));
  EXPECT_EQ(product->lifecycle, "active");
  EXPECT_EQ(product->output_ports[0].deletion_policy, DeletionPolicy::Retain);
  const auto domain = decode_domain(document("Domain", "{}"));
  ASSERT_TRUE(domain);
  EXPECT_THAT(domain->namespaces, ::testing::ElementsAre("thing"));
  const auto backend = decode_backend(document("Backend", "{engine: nats, managed: {}}"));
  ASSERT_TRUE(backend);
  EXPECT_EQ(backend->sync_interval, std::chrono::seconds(60));
  EXPECT_EQ(backend->deletes_per_pass, 50);
  EXPECT_EQ(backend->status.observed_generation, -1);
  const auto subscription = decode_subscription(
      document("Subscription", "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}}"));
  ASSERT_TRUE(subscription);
  EXPECT_EQ(subscription->product.ns, "sales");
}

TEST(Decode, SurvivesAnyTypeAnywhere) {
  const std::vector<Json> values = {nullptr,
                                    true,
                                    7,
                                    -1.5,
                                    "text",
                                    Json::array({1, nullptr, Json::object()}),
                                    Json::object({{"a", 1}}),
                                    std::string("\xff\xfe")};
  const std::vector<std::pair<std::string_view, std::string_view>> documents = {
      {"Backend",
       "{engine: nats, external: {endpoint: 'nats://x', credentialsRef: {namespace: a, name: b}}, domains: [a], "
       "limits: {deletesPerPass: 1}}"},
      {"Domain", "{team: {members: [{username: a, role: owner}]}, namespaces: [a], quota: {dataProducts: 1}}"},
      {"DataProduct",
       "{inputPorts: [{name: a}], outputPorts: [{name: o, version: '1', type: topic, provisioning: {contractRef: "
       "{name: c}, parameters: {replicas: 1}}}]}"},
      {"DataContract",
       "{version: '1', schema: [{name: a, properties: [{name: b, tags: [c]}]}], roles: [{role: r}], provisioning: "
       "{roles: [{role: r}]}}"},
      {"Subscription",
       "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}, roles: [{role: r}]}"},
      {"Approval",
       "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r], decision: "
       "Approved, approver: a}"},
      {"Policy",
       "{match: {kinds: [DataProduct]}, require: [{path: a, in: [b]}], access: {levels: 1}, obligations: [{match: "
       "{tags: [a]}}], exceptions: [{ref: {namespace: a, name: b}}]}"}};
  for (const auto& [kind, spec] : documents) {
    const Json good = document(kind, spec);
    const Json flat = good.flatten();
    for (const auto& [pointer, leaf] : flat.items()) {
      // Every value on the way to the leaf, replaced by every other type.
      for (Json::json_pointer at(pointer); !at.empty(); at = at.parent_pointer())
        for (const Json& value : values) {
          Json bad = good;
          bad[at] = value;
          static_cast<void>(problems_of(bad));
        }
    }
  }
  static_cast<void>(problems_of(Json::array()));
  static_cast<void>(problems_of(Json()));
}

TEST(Decode, ReadsAStatusAsFarAsItCan) {
  Json json = document("Domain", "{}");
  json["status"] = {{"conditions", 7}, {"dataProducts", "many"}, {"subscriptions", 3}};
  const auto domain = decode_domain(json);
  ASSERT_TRUE(domain) << domain.error().message;
  EXPECT_EQ(domain->status.subscriptions, 3);
}

TEST(Version, HasAMajor) {
  EXPECT_EQ(major_of("1"), 1);
  EXPECT_EQ(major_of("v2.3"), 2);
  EXPECT_EQ(major_of("10.0.0-rc.1+x"), 10);
  for (const char* text : {"", "v", "a", "1.", "1..2", "1.2.3.4", "-1", "1.2.3-", "99999999999"})
    EXPECT_FALSE(major_of(text)) << text;
}

TEST(Bytes, HaveUnits) {
  EXPECT_EQ(parse_bytes("0"), 0);
  EXPECT_EQ(parse_bytes("10Ki"), 10240);
  EXPECT_EQ(parse_bytes("1G"), 1000000000);
  for (const char* text : {"", "Gi", "-1", "1.5Gi", "9999999999Gi", "1Zi", "1 Gi"})
    EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(Condition, KeepsItsTimeWhileItsStatusStays) {
  std::vector<Condition> conditions;
  const WallTime one{std::chrono::seconds(1)}, two{std::chrono::seconds(2)}, three{std::chrono::seconds(3)};
  set_condition(conditions, {"Ready", "False", "A", "", 1, {}}, one);
  set_condition(conditions, {"Ready", "False", "B", "", 2, {}}, two);
  EXPECT_EQ(find_condition(conditions, "Ready")->last_transition, one);
  EXPECT_EQ(find_condition(conditions, "Ready")->reason, "B");
  set_condition(conditions, {"Ready", "True", "C", "", 2, {}}, three);
  EXPECT_EQ(find_condition(conditions, "Ready")->last_transition, three);
  remove_condition(conditions, "Ready");
  EXPECT_EQ(find_condition(conditions, "Ready"), nullptr);
}

TEST(NotActedOn, NamesWhatIsKeptOnly) {
  const auto policy =
      decode_policy(document("Policy", "{require: [{path: spec.x}], obligations: [{mask: Hide}, {mask: Hash}]}"));
  ASSERT_TRUE(policy);
  EXPECT_THAT(not_acted_on(*policy), ::testing::ElementsAre("spec.require", "spec.obligations[1].mask"));
}

}  // namespace
}  // namespace datamesh::api

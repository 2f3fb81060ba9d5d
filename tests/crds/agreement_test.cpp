// The CRDs and api/ say the same: what one takes, the other takes, with the same defaults.

#include <fstream>

#include <gmock/gmock.h>

#include "api/backend.hpp"
#include "api/change.hpp"
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

// The table of cases.yaml, for the schemas and for api/; tests/admission asks API servers the same.
TEST(Crds, AgreeOnWhatIsGoodAndWhatIsBad) {
  std::ifstream stream(std::string(DATAMESH_SOURCE_DIR) + "/tests/crds/cases.yaml");
  const Json cases = yaml(std::string(std::istreambuf_iterator<char>(stream), {}));
  ASSERT_GT(cases.size(), 70u);
  for (const Json& one : cases) {
    SCOPED_TRACE(one.dump());
    const std::string kind = one["kind"];
    Json object = document(kind, one["spec"].dump());
    object["metadata"]["name"] = one.value("name", "thing");
    const bool good = one.value("good", true);
    const auto& schema = schema_of(kind);
    const auto unknown = apiserver::prune(object, schema);
    EXPECT_EQ(apiserver::strict_decoding_error(unknown, {}), "");
    const auto decoded_before = api::join(api::problems_of(object));
    apiserver::apply_defaults(object, schema);
    const auto errors = apiserver::validate(object, schema);
    EXPECT_EQ(errors.empty(), good) << (errors.empty() ? "" : apiserver::join(errors));
    EXPECT_EQ(decoded_before.empty(), good) << decoded_before;
    EXPECT_EQ(api::problems_of(object).empty(), good);
  }
}

// What cannot be written over what: the rules about transitions, and their twins.
TEST(Crds, AgreeOnWhatCannotChange) {
  struct Change {
    std::string_view kind, before, after;
    bool good;
  };
  constexpr std::string_view kId = "{id: fbe8d147-28db-4f1d-bedf-a3fe9f458427}";
  constexpr std::string_view kAsked = "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}}";
  constexpr std::string_view kApproved =
      "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r], decision: Approved, "
      "approver: ana}";
  const std::vector<Change> changes = {
      {"DataProduct", kId, kId, true},
      {"DataProduct", kId, "{id: 00000000-28db-4f1d-bedf-a3fe9f458427}", false},
      {"DataProduct", kId, "{}", false},
      {"DataProduct", "{}", kId, true},
      {"DataContract", "{version: '1', id: a}", "{version: '2', id: a}", true},
      {"DataContract", "{version: '1', id: a}", "{version: '1', id: b}", false},
      {"DataContract", "{version: '1', id: a}", "{version: '1'}", false},
      {"Subscription", kAsked,
       "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '1'}}, roles: [{role: r}]}", true},
      {"Subscription", kAsked, "{provider: {dataProductRef: {name: o}, outputPort: {name: o, version: '2'}}}", false},
      {"Approval", kApproved,
       "{subscriptionRef: {namespace: a, name: b}, outputPort: {name: o, version: '1'}, roles: [r, s], decision: "
       "Rejected, approver: bo}",
       true},
      {"Approval", kApproved,
       "{subscriptionRef: {namespace: a, name: c}, outputPort: {name: o, version: '1'}, roles: [r], decision: "
       "Approved, approver: ana}",
       false},
  };
  for (const Change& one : changes) {
    SCOPED_TRACE(std::string(one.kind) + " " + std::string(one.after));
    const Json before = document(one.kind, one.before), after = document(one.kind, one.after);
    apiserver::ValidateOptions options;
    options.old_object = &before;
    const auto errors = apiserver::validate(after, schema_of(one.kind), options);
    EXPECT_EQ(errors.empty(), one.good) << (errors.empty() ? "" : apiserver::join(errors));
    const auto problems = api::problems_of_change(before, after);
    EXPECT_EQ(problems.empty(), one.good) << api::join(problems);
    if (errors.empty() || problems.empty()) continue;
    EXPECT_EQ(errors[0].field, problems[0].path);
    EXPECT_THAT(errors[0].body, ::testing::EndsWith(problems[0].message));
  }
}

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
  api::Subscription subscription{
      {}, "p", {"a", "b"}, {"o", "1"}, "c", {"r"}, WallTime{}, WallTime{std::chrono::hours(1)}, {}};
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

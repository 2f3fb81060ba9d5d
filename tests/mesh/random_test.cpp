// Laws that hold for any mesh: seeded random declarations, changed at random.

#include <random>

#include <gmock/gmock.h>

#include "tests/mesh/world.hpp"

namespace datamesh::mesh::testing {
namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(engine_); }
  bool one_in(int count) { return below(count) == 0; }
  std::string pick(const std::vector<std::string>& words) {
    return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kNamespaces{"sales", "sales-eu", "marketing", "finance", "orphan"};
const std::vector<std::string> kDomains{"sales", "marketing", "finance"};
const std::vector<std::string> kBackends{"warehouse", "events", "lab"};
const std::vector<std::string> kNames{"one", "two", "three"};
const std::vector<std::string> kTimes{"2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z"};
const std::vector<std::string> kTags{"pii", "open"};
const std::vector<std::string> kClasses{"public", "internal", "confidential", "restricted"};

Json object(const std::string& kind, const std::string& ns, const std::string& name, Json spec) {
  Json json = {{"apiVersion", "datamesh.dev/v1alpha1"},
               {"kind", kind},
               {"metadata", {{"name", name}}},
               {"spec", std::move(spec)}};
  if (!ns.empty()) json["metadata"]["namespace"] = ns;
  return json;
}

Json random_backend(Dice& dice) {
  const std::string name = dice.pick(kBackends);
  Json spec = {{"engine", name == "warehouse" ? "postgresql"
                          : name == "events"  ? "nats"
                                              : "memory"},
               {"managed", Json::object()}};
  if (dice.one_in(4)) spec["domains"] = {dice.pick(kDomains)};
  return object("Backend", "", name, spec);
}

Json random_domain(Dice& dice) {
  const std::string name = dice.pick(kDomains);
  Json spec = Json::object();
  if (name == "sales" || dice.one_in(3)) spec["namespaces"] = {name, dice.pick(kNamespaces)};
  if (spec.contains("namespaces") && spec["namespaces"][0] == spec["namespaces"][1]) spec.erase("namespaces");
  if (dice.one_in(3)) spec["backends"] = {dice.pick(kBackends)};
  if (dice.one_in(3)) spec["team"]["members"] = {{{"username", "ana"}, {"role", "owner"}}};
  if (dice.one_in(5)) spec["quota"] = {{"dataProducts", dice.below(3)}, {"subscriptions", dice.below(4)}};
  return object("Domain", "", name, spec);
}

Json random_contract(Dice& dice) {
  Json columns = Json::array();
  for (const std::string& name : {"a", "b", "c"}) {
    Json column = {{"name", name}, {"logicalType", "string"}, {"classification", dice.pick(kClasses)}};
    if (dice.one_in(3)) column["tags"] = {dice.pick(kTags)};
    if (!dice.one_in(5)) columns.push_back(column);
  }
  Json spec = {
      {"version", "1.0.0"}, {"id", dice.pick({"x", "y"})}, {"schema", {{{"name", "t"}, {"properties", columns}}}}};
  if (!dice.one_in(3)) {
    spec["roles"] = {{{"role", "r1"}}, {{"role", "r2"}}};
    spec["provisioning"]["roles"] = {{{"role", "r2"}, {"maxClassification", dice.pick(kClasses)}}};
  }
  return object("DataContract", dice.pick(kNamespaces), dice.pick(kNames), spec);
}

Json random_product(Dice& dice) {
  Json ports = Json::array();
  for (int i = dice.below(4); i-- > 0;) {
    Json port = {
        {"name", dice.pick(kNames)}, {"version", std::to_string(i + 1)}, {"type", dice.pick({"tables", "topic"})}};
    Json& provisioning = port["provisioning"];
    if (!dice.one_in(3))
      provisioning["contractRef"]["name"] = dice.pick(kNames);
    else
      port["contractId"] = dice.pick({"x", "y"});
    if (!dice.one_in(4))
      provisioning["backend"] =
          port["type"] == "tables" ? dice.pick({"warehouse", "lab"}) : dice.pick({"events", "lab"});
    provisioning["deletionPolicy"] = dice.pick({"Retain", "Delete"});
    ports.push_back(port);
  }
  Json spec = {{"outputPorts", ports},
               {"lifecycle", dice.pick({"active", "active", "active", "draft", "deprecated", "retired"})}};
  if (dice.one_in(4)) spec["tags"] = {dice.pick(kTags)};
  if (dice.one_in(8)) spec["domain"] = dice.pick(kDomains);
  Json result = object("DataProduct", dice.pick(kNamespaces), dice.pick(kNames), spec);
  if (dice.one_in(6)) result["metadata"]["deletionTimestamp"] = kTimes[0];
  return result;
}

Json random_subscription(Dice& dice) {
  Json spec = {{"provider",
                {{"dataProductRef", {{"namespace", dice.pick(kNamespaces)}, {"name", dice.pick(kNames)}}},
                 {"outputPort", {{"name", dice.pick(kNames)}, {"version", dice.pick({"1", "2"})}}}}}};
  if (dice.one_in(2)) spec["roles"] = {{{"role", dice.pick({"r1", "r2", "reader"})}}};
  if (dice.one_in(4)) spec["endTimestamp"] = dice.pick(kTimes);
  if (dice.one_in(6)) spec["startTimestamp"] = "2026-01-01T00:00:00Z";
  Json result = object("Subscription", dice.pick(kNamespaces), dice.pick({"s1", "s2", "s3"}), spec);
  if (dice.one_in(10)) result["metadata"]["deletionTimestamp"] = kTimes[0];
  return result;
}

// Mostly about a subscription that is there, so that some do count.
Json random_approval(Dice& dice, const World& world) {
  std::vector<const Json*> asked;
  for (const auto& [key, document] : world.documents)
    if (key.kind == "Subscription") asked.push_back(&document);
  Json spec = {{"subscriptionRef", {{"namespace", "marketing"}, {"name", "s1"}}},
               {"outputPort", {{"name", "one"}, {"version", "1"}}}};
  std::string ns = dice.pick(kNamespaces);
  if (!asked.empty() && !dice.one_in(5)) {
    const Json& one = *asked[static_cast<std::size_t>(dice.below(static_cast<int>(asked.size())))];
    spec["subscriptionRef"] = {{"namespace", one["metadata"]["namespace"]}, {"name", one["metadata"]["name"]}};
    spec["outputPort"] = one["spec"]["provider"]["outputPort"];
    if (!dice.one_in(5)) ns = one["spec"]["provider"]["dataProductRef"]["namespace"];
  }
  spec["roles"] = {dice.pick({"r1", "r2", "reader"})};
  spec["decision"] = dice.one_in(5) ? "Rejected" : "Approved";
  spec["level"] = 1 + dice.below(2);
  spec["approver"] = "ana";
  if (dice.one_in(4)) spec["until"] = dice.pick(kTimes);
  return object("Approval", ns, dice.pick({"a1", "a2", "a3", "a4", "a5"}), spec);
}

Json random_policy(Dice& dice) {
  Json spec = {{"enforcement", dice.pick({"Enforce", "Enforce", "Audit"})}};
  if (dice.one_in(2)) spec["match"]["tags"] = {dice.pick(kTags)};
  if (dice.one_in(2)) spec["match"]["domains"] = {dice.pick(kDomains)};
  if (dice.one_in(2))
    spec["access"] = {{"approval", dice.pick({"Auto", "Auto", "Required", "Deny"})}, {"levels", 1 + dice.below(2)}};
  if (dice.one_in(3))
    spec["obligations"] = {{{"match", {{"classification", {dice.pick(kClasses)}}}}, {"unlessRoles", {"r2"}}}};
  if (dice.one_in(3)) spec["enforceAfter"] = dice.pick(kTimes);
  return object("Policy", "", dice.pick(kNames), spec);
}

Json random_object(Dice& dice, const World& world) {
  switch (dice.below(10)) {
    case 0:
      return random_backend(dice);
    case 1:
      return random_domain(dice);
    case 2:
      return random_policy(dice);
    case 3:
    case 4:
      return random_contract(dice);
    case 5:
    case 6:
      return random_product(dice);
    case 7:
      return random_approval(dice, world);
    default:
      return random_subscription(dice);
  }
}

// One change: an object put, taken away, or broken; or a credential.
Dirty random_change(Dice& dice, World& world) {
  if (!world.documents.empty() && dice.one_in(6)) {
    auto found = world.documents.begin();
    std::advance(found, dice.below(static_cast<int>(world.documents.size())));
    const ObjectKey key = found->first;
    if (dice.one_in(3)) return world.catalog.put_invalid(key, "broken");
    if (dice.one_in(3) && key.kind == "Subscription")
      return world.catalog.put_credential(key, dice.pick({"", "v1", "v2"}));
    world.documents.erase(found);
    return world.catalog.remove(key);
  }
  return world.put(random_object(dice, world));
}

World random_world(Dice& dice) {
  World world;
  for (int i = 0; i < 3; ++i) {
    world.put(random_backend(dice));
    world.put(random_domain(dice));
  }
  for (int i = 0; i < 60; ++i) random_change(dice, world);
  return world;
}

std::string text_of(const ProductVerdict& verdict) {
  std::string text = verdict.domain + "|" + verdict.objection.reason + "|" + verdict.contract.reason + "|" +
                     std::to_string(verdict.provisioned_wanted);
  for (const auto& port : verdict.ports)
    text += "\n" + urn(port.key) + " " + port.backend + " " + port.objection.reason + " " +
            std::to_string(port.subscriptions);
  for (const auto& key : verdict.blocking) text += "\nblocked by " + to_string(key);
  return text;
}
std::string text_of(const SubscriptionVerdict& verdict) {
  std::string text = std::string(api::to_string(verdict.phase)) + "|" + verdict.approved.reason + "|" +
                     verdict.objection.reason + "|" + verdict.backend + "|" + verdict.consumer_domain + "|" +
                     testing::text_of(verdict.access);
  for (const auto& role : verdict.roles) text += " " + role;
  if (verdict.access) text += verdict.access->credential_version;
  return text;
}
std::string text_of(const DomainVerdict& verdict) {
  std::string text = verdict.objection.reason + "|" + std::to_string(verdict.data_products) + "|" +
                     std::to_string(verdict.subscriptions);
  for (const auto& word : verdict.namespaces) text += " " + word;
  for (const auto& word : verdict.backends) text += " @" + word;
  return text;
}

// Every verdict of a mesh, as text.
std::map<ObjectKey, std::string> verdicts_of(const Catalog& catalog, WallTime now) {
  std::map<ObjectKey, std::string> verdicts;
  for (const auto& key : catalog.keys("DataProduct")) verdicts[key] = text_of(evaluate_product(catalog, key, now));
  for (const auto& key : catalog.keys("Subscription"))
    verdicts[key] = text_of(evaluate_subscription(catalog, key, now));
  for (const auto& key : catalog.keys("Approval")) verdicts[key] = evaluate_approval(catalog, key, now).applied.reason;
  for (const auto& key : catalog.keys("DataContract")) {
    const auto verdict = evaluate_contract(catalog, key, now);
    verdicts[key] = verdict.objection.reason + std::to_string(verdict.ports);
  }
  for (const auto& key : catalog.keys("Domain")) verdicts[key] = text_of(evaluate_domain(catalog, key, now));
  return verdicts;
}

// What each owner wants of a backend, as text.
std::map<ObjectKey, std::string> wishes_of(const Workload& workload) {
  std::map<ObjectKey, std::string> wishes;
  for (const auto& domain : workload.domains) {
    wishes[domain.owner] = "domain";
    for (const auto& member : domain.members) wishes[domain.owner] += " " + member.username + member.credential_version;
  }
  for (const auto& port : workload.ports) {
    std::string& text = wishes[port.owner];
    text += urn(port.key) + std::to_string(static_cast<int>(port.type)) + std::to_string(port.keep);
    for (const auto& table : port.tables)
      for (const auto& column : table.columns) text += " " + table.name + "." + column.name;
    for (const auto& role : port.roles) {
      text += " role " + role.name;
      for (const auto& [table, columns] : role.readable)
        for (const auto& column : columns) text += " " + column;
    }
  }
  for (const auto& access : workload.accesses)
    wishes[access.subscription] =
        urn(access.port) + testing::text_of(access) + access.credential_version + access.consumer_domain;
  for (const auto& key : workload.held) wishes[key] += " held";
  return wishes;
}

class Random : public ::testing::TestWithParam<unsigned> {
 protected:
  Random() : dice_(GetParam()) { SCOPED_TRACE("seed " + std::to_string(GetParam())); }
  Dice dice_;
  const WallTime now_ = at("2026-06-01T00:00:00Z");
};

TEST_P(Random, NobodyHasAccessWithoutAnApprovalOrAPolicyOrTheSameDomain) {
  const World world = random_world(dice_);
  for (const auto& key : world.catalog.keys("Subscription")) {
    const auto verdict = evaluate_subscription(world.catalog, key, now_);
    if (!verdict.access) continue;
    bool approved = false, rejected = false;
    for (const auto& approval : world.catalog.approvals_for(key)) {
      const auto counts =
          evaluate_approval(world.catalog, {"Approval", approval->metadata.ns, approval->metadata.name}, now_);
      if (counts.applied) continue;
      (approval->approved ? approved : rejected) = true;
    }
    bool let_in = verdict.consumer_domain == verdict.access->port.domain;
    for (const auto& [name, policy] : world.catalog.policies())
      let_in |= policy->access && policy->access->approval == api::ApprovalRule::Auto;
    EXPECT_TRUE(approved || let_in) << to_string(key);
    EXPECT_FALSE(rejected) << to_string(key);
    EXPECT_TRUE(verdict.port) << to_string(key);
    EXPECT_FALSE(verdict.objection) << to_string(key);
  }
}

TEST_P(Random, VerdictsAndWorkloadsAgree) {
  const World world = random_world(dice_);
  std::map<ObjectKey, Access> given;
  for (const std::string& backend : kBackends)
    for (auto& access : compile(world.catalog, backend, now_).accesses) {
      const auto verdict = evaluate_subscription(world.catalog, access.subscription, now_);
      EXPECT_EQ(verdict.backend, backend);
      EXPECT_EQ(verdict.access, access) << to_string(access.subscription);
      EXPECT_TRUE(given.emplace(access.subscription, access).second);
    }
  for (const auto& key : world.catalog.keys("Subscription")) {
    const auto verdict = evaluate_subscription(world.catalog, key, now_);
    const bool served = verdict.access && world.catalog.backend(verdict.backend);
    EXPECT_EQ(served, given.contains(key)) << to_string(key);
  }
}

TEST_P(Random, AScopeIsARestrictionOfTheWhole) {
  const World world = random_world(dice_);
  std::vector<ObjectKey> owners;
  for (const char* kind : {"Domain", "DataProduct", "Subscription"})
    for (auto& key : world.catalog.keys(kind)) owners.push_back(key);
  for (const std::string& backend : kBackends) {
    const auto whole = wishes_of(compile(world.catalog, backend, now_));
    for (int turn = 0; turn < 10; ++turn) {
      std::set<ObjectKey> scope;
      for (const auto& key : owners)
        if (dice_.one_in(5)) scope.insert(key);
      const auto workload = compile(world.catalog, backend, now_, &scope);
      auto part = wishes_of(workload);
      for (const auto& [key, text] : part) {
        // The ports of a product outside the scope come one by one, with the accesses that need them.
        const auto in_whole = whole.find(key);
        ASSERT_NE(in_whole, whole.end()) << to_string(key) << " wants " << text;
        if (key.kind != "DataProduct" || scope.contains(key)) EXPECT_EQ(text, in_whole->second) << to_string(key);
      }
      for (const auto& key : scope)
        EXPECT_EQ(part.contains(key), whole.contains(key)) << to_string(key) << " on " << backend;
      for (const auto& access : workload.accesses)
        EXPECT_TRUE(std::ranges::any_of(workload.ports, [&](const Port& port) { return port.key == access.port; }));
    }
  }
}

TEST_P(Random, NothingChangesThatWasNotSaidToBeDirty) {
  World world = random_world(dice_);
  for (int turn = 0; turn < 40; ++turn) {
    const auto verdicts = verdicts_of(world.catalog, now_);
    std::map<std::string, std::map<ObjectKey, std::string>> wishes;
    for (const std::string& backend : kBackends) wishes[backend] = wishes_of(compile(world.catalog, backend, now_));
    const Dirty dirty = random_change(dice_, world);
    for (const auto& [key, text] : verdicts_of(world.catalog, now_)) {
      const auto before = verdicts.find(key);
      if (before == verdicts.end() || before->second != text)
        EXPECT_TRUE(dirty.objects.contains(key))
            << to_string(key) << " was " << (before == verdicts.end() ? "" : before->second) << " is " << text;
    }
    for (const std::string& backend : kBackends) {
      if (!world.catalog.backend(backend) || dirty.whole.contains(backend)) continue;
      const auto owners = dirty.owners.contains(backend) ? dirty.owners.at(backend) : std::set<ObjectKey>();
      auto now = wishes_of(compile(world.catalog, backend, now_));
      for (const auto& [key, text] : wishes[backend]) now.try_emplace(key, "");
      for (const auto& [key, text] : now) {
        const auto before = wishes[backend].find(key);
        if (text != (before == wishes[backend].end() ? "" : before->second))
          EXPECT_TRUE(owners.contains(key))
              << to_string(key) << " on " << backend << " was "
              << (before == wishes[backend].end() ? "" : before->second) << " is " << text;
      }
    }
    if (HasFailure()) return;
  }
}

TEST_P(Random, TimeAloneChangesAVerdictOnlyWhenItSaidSo) {
  const World world = random_world(dice_);
  for (const auto& key : world.catalog.keys("Subscription")) {
    const auto verdict = evaluate_subscription(world.catalog, key, now_);
    const WallTime calm =
        verdict.next_change ? *verdict.next_change - std::chrono::milliseconds(1) : at("2030-01-01T00:00:00Z");
    EXPECT_EQ(text_of(evaluate_subscription(world.catalog, key, calm)), text_of(verdict)) << to_string(key);
  }
}

INSTANTIATE_TEST_SUITE_P(Mesh, Random, ::testing::Range(1u, 16u));

}  // namespace
}  // namespace datamesh::mesh::testing

#include "drivers/nats/claims.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/json.hpp"
#include "drivers/nats/credentials.hpp"
#include "drivers/nats/desired.hpp"
#include "drivers/nats/lower.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

const WallTime noon{std::chrono::seconds(1'800'000'000)};
const ObjectKey churn{"Subscription", "marketing", "churn"};

Account example(const nkeys::Key& op) {
  const DomainKeys keys = domain_keys(op, "marketing");
  Account account = bare_account(op, keys, "marketing", Mark{{"Domain", "", "marketing"}, false, false, ""});
  account.accesses.emplace(churn, access_spec("AKEY", domain_keys(op, "sales").account.id(), "sales", "marketing",
                                              "sales__orders__placed__v1", churn));
  account.members.emplace("ana@x", MemberSpec{"AMEMBER", member_permissions("marketing", {"Member", "m", "a"}, true)});
  return account;
}

TEST(NatsClaims, AnAccountIsReadBackAsItWasWritten) {
  const nkeys::Key op = nkeys::Key::generate(nkeys::KeyType::Operator);
  const Account written = example(op);
  const auto read = read_account(write_account(op, written, noon));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, written);
}

TEST(NatsClaims, WhateverTheControlPlaneDidNotWriteIsAStrayOrChangesTheFrame) {
  const nkeys::Key op = nkeys::Key::generate(nkeys::KeyType::Operator);
  const Account written = example(op);
  const Json good = *nkeys::read_jwt(write_account(op, written, noon));
  const auto differs = [&](const char* what, auto damage) {
    Json claims = good;
    damage(claims["nats"]);
    const auto read = read_account(nkeys::sign_jwt(op, claims));
    ASSERT_TRUE(read) << what;
    EXPECT_TRUE(read->base != written.base || read->accesses != written.accesses || read->members != written.members)
        << what;
  };
  const Json import{{"name", "mine"}, {"type", "service"}, {"account", "A"}, {"subject", "x"}, {"local_subject", "y"}};
  differs("an import by hand", [&](Json& nats) { nats["imports"].push_back(import); });
  differs("an import in the name of a subscription", [&](Json& nats) {
    nats["imports"].push_back(import);
    nats["imports"].back()["name"] = "Subscription/marketing/churn";
  });
  differs("a signing key", [](Json& nats) { nats["signing_keys"].push_back("AHAND"); });
  differs("a wider permission", [](Json& nats) {
    for (Json& key : nats["signing_keys"]) {
      if (key.is_object()) key["template"]["pub"]["allow"].push_back(">");
    }
  });
  differs("a permission to answer", [](Json& nats) {
    for (Json& key : nats["signing_keys"]) {
      if (key.is_object()) key["template"]["resp"] = {{"max", 1}};
    }
  });
  differs("no permissions at all", [](Json& nats) {
    for (Json& key : nats["signing_keys"]) {
      if (key.is_object()) key["template"].erase("pub");
    }
  });
  differs("an export", [](Json& nats) {
    nats["exports"].push_back({{"name", "all"}, {"subject", ">"}, {"type", "stream"}});
  });
  differs("a limit", [](Json& nats) { nats["limits"]["conn"] = 1; });
  differs("a mapping", [](Json& nats) { nats["mappings"] = {{"a", Json::array()}}; });
  differs("imports of the wrong shape", [](Json& nats) { nats["imports"] = "none"; });
}

TEST(NatsClaims, ASubscriptionMayReachItsOwnDurableAndNothingElse) {
  const AccessSpec spec = access_spec("AKEY", "ASALES", "sales", "marketing", "s", churn);
  EXPECT_THAT(spec.permissions.publish, testing::UnorderedElementsAre("mesh.sales.CONSUMER.INFO.s.marketing__churn",
                                                                      "mesh.sales.CONSUMER.MSG.NEXT.s.marketing__churn",
                                                                      "$JS.ACK.s.marketing__churn.>"));
  EXPECT_THAT(spec.permissions.subscribe, testing::ElementsAre("_INBOX.marketing__churn.>"));
  ASSERT_EQ(spec.imports.size(), 3U);
  for (const Import& import : spec.imports) {
    EXPECT_EQ(import.account, "ASALES");
    EXPECT_THAT(spec.permissions.publish, testing::Contains(import.local_subject));
  }
  // Within its own domain it needs no import, and must not have one: an account cannot import from itself.
  EXPECT_THAT(access_spec("AKEY", "ASALES", "sales", "sales", "s", churn).imports, testing::IsEmpty());
}

TEST(NatsClaims, AMemberWhoIsNoProducerMaySendToNobodyButHimself) {
  const Permissions permissions = member_permissions("sales", {"Member", "sales", "events/ana@x"}, false);
  EXPECT_EQ(permissions.publish, permissions.subscribe);
  ASSERT_EQ(permissions.publish.size(), 1U);
  EXPECT_THAT(permissions.publish[0], testing::StartsWith("_INBOX.Member__sales__"));
}

TEST(NatsClaims, PlansShowNoSecret) {
  const nkeys::Key op = nkeys::Key::generate(nkeys::KeyType::Operator);
  const Keyring keys(op);
  mesh::Workload workload{.backend = "events",
                          .domains = {{{"Domain", "", "sales"}, "sales", {}}},
                          .ports = {},
                          .accesses = {},
                          .held = {}};
  const auto minted = mint_credential(keys, *parse_endpoint("nats://h:1"), churn, nullptr, "sales", noon, {});
  ASSERT_TRUE(minted);
  workload.domains[0].members = {{"ana", true, minted->version}};
  const auto user = nkeys::read_credentials(minted->fields.at("credentials"));
  for (const auto& change : diff(desired(keys, workload), Observed<Spec>{})) {
    for (const auto& line : lower(change)) {
      EXPECT_EQ(line.find(user->key.seed().reveal()), std::string::npos);
      EXPECT_EQ(line.find(op.seed().reveal()), std::string::npos);
      EXPECT_EQ(line.find(user->jwt), std::string::npos);
    }
  }
}

TEST(NatsCredentials, TheVersionNamesTheOneKeyThatSignedIt) {
  const Keyring keys(nkeys::Key::generate(nkeys::KeyType::Operator));
  const auto endpoint = parse_endpoint("nats://db.example:4222");
  ASSERT_TRUE(endpoint);
  auto first = *mint_credential(keys, *endpoint, churn, nullptr, "marketing", noon, {});
  const auto second = *mint_credential(keys, *endpoint, churn, nullptr, "marketing", noon, {});
  EXPECT_NE(first.version, second.version);
  EXPECT_EQ(credential_version(first.fields), first.version);
  EXPECT_TRUE(nkeys::is_public_key(first.version, nkeys::KeyType::Account));

  std::string damaged = first.fields.at("credentials").reveal();
  damaged[damaged.size() / 2] = damaged[damaged.size() / 2] == 'A' ? 'B' : 'A';
  first.fields["credentials"] = Secret(damaged);
  EXPECT_EQ(credential_version(first.fields), "");
  EXPECT_EQ(credential_version({}), "");
}

TEST(NatsCredentials, EndpointsAreTakenApartAndBadOnesRefused) {
  const auto good = parse_endpoint("tls://db.example");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->url, "tls://db.example:4222");
  for (const char* bad : {"", "db:4222", "http://db:1", "nats://", "nats://u:p@db:1", "nats://db:x",
                          "nats://db:", "nats://a b:1", "nats://db:1/x?y", "nats://a:1,nats://b:2"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
}

TEST(NatsNames, OrdinaryNamesStayReadable) {
  const mesh::PortKey port{"sales", "orders", "order-placed", 1};
  EXPECT_EQ(stream_name(port), "sales__orders__order-placed__v1");
  EXPECT_EQ(subject(port), "sales.orders.order-placed.v1.>");
  EXPECT_EQ(durable_name(churn), "marketing__churn");
  EXPECT_EQ(api_prefix("sales", "marketing"), "mesh.sales");
  EXPECT_EQ(api_prefix("sales", "sales"), "$JS.API");
}

TEST(NatsNames, HostileNamesGiveValidAndDifferentNames) {
  const std::vector<std::string> hostile = {"",
                                            ".",
                                            "a.b",
                                            "a_b",
                                            "a__b",
                                            "*",
                                            ">",
                                            "a>",
                                            "a b",
                                            "a\tb",
                                            "ä",
                                            "_",
                                            "__",
                                            "a_",
                                            "_a",
                                            "a__",
                                            "$JS.API",
                                            "mesh",
                                            "MESH",
                                            std::string(300, 'x'),
                                            std::string(301, 'x'),
                                            std::string("a\0b", 3),
                                            "a/b",
                                            "a\\b",
                                            "_INBOX",
                                            "\xff\xfe"};
  std::set<std::string> streams, durables, tokens;
  std::size_t count = 0;
  const auto is_valid = [](const std::string& name) {
    return !name.empty() && name.size() <= 255 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               std::string::npos;
  };
  for (const auto& a : hostile) {
    tokens.insert(token(a));
    EXPECT_TRUE(is_valid(token(a))) << a;
    EXPECT_NE(subject_root(a), "mesh");
    EXPECT_NE(subject_root(a).substr(0, 1), "$");
    for (const auto& b : hostile) {
      ++count;
      streams.insert(stream_name({"d", a, b, 1}));
      durables.insert(durable_name({"Subscription", a, b}));
      EXPECT_TRUE(is_valid(stream_name({"d", a, b, 1}))) << a << " " << b;
      EXPECT_TRUE(is_valid(durable_name({"Subscription", a, b}))) << a << " " << b;
    }
  }
  EXPECT_EQ(tokens.size(), hostile.size());
  EXPECT_EQ(streams.size(), count);
  EXPECT_EQ(durables.size(), count);
}

TEST(NatsNames, PlanNamesAreTakenApartAgain) {
  EXPECT_EQ(part(member_id("sales", "ana/x@y"), 1, true), "ana/x@y");
  EXPECT_EQ(part(consumer_id("d", "s", "c"), 2), "c");
  EXPECT_EQ(parse_key(to_string(churn)), churn);
  EXPECT_EQ(parse_key(to_string(ObjectKey{"Domain", "", "sales"})), (ObjectKey{"Domain", "", "sales"}));
  EXPECT_EQ(parse_key("nothing").kind, "");
}

}  // namespace
}  // namespace datamesh::nats

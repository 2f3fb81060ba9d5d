// Users who are let in try for more than they were given, and what people change by hand.

#include "tests/drivers/nats/fixture.hpp"

namespace datamesh::nats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kSubject = "sales.orders.order-placed.v1.eu";

class Hostile : public NatsDriver {
 protected:
  Hostile() {
    secret = topic("sales", "payroll", "paid");
    workload.ports.push_back(secret);
    consumer = subscribe(churn, port, "marketing");
    other = subscribe(subscription_key("marketing", "other"), secret, "marketing");
    ana = join("sales", "ana", true);
    gus = join("marketing", "gus", true);
    settle();
    producer = log_in(ana);
    EXPECT_EQ(producer->publish(kSubject, "one"), NATS_OK);
    EXPECT_EQ(producer->publish("sales.payroll.paid.v1.eu", "secret"), NATS_OK);
  }

  static std::string field(const mesh::Credential& credential, const char* name) {
    return credential.fields.at(name).reveal();
  }
  // The one request that a subscription may always make.
  std::string look(const mesh::Credential& credential) const {
    return field(credential, "jsApiPrefix") + ".CONSUMER.INFO." + field(credential, "stream") + "." +
           field(credential, "consumer");
  }
  std::string streams(const std::string& domain) { return as_control_plane(domain, "$JS.API.STREAM.LIST", ""); }

  mesh::Port secret;
  mesh::Credential consumer, other, ana, gus;
  std::unique_ptr<Client> producer;
};

// Everything that JetStream's interface offers, by each name under which a subscription might reach it.
std::vector<std::string> everything_about(const std::string& prefix, const std::string& stream,
                                          const std::string& durable) {
  std::vector<std::string> subjects;
  for (const char* call :
       {"STREAM.INFO.", "STREAM.DELETE.", "STREAM.PURGE.", "STREAM.UPDATE.", "STREAM.MSG.GET.", "STREAM.MSG.DELETE.",
        "STREAM.SNAPSHOT.", "CONSUMER.NAMES.", "CONSUMER.LIST.", "CONSUMER.CREATE.", "DIRECT.GET."}) {
    subjects.push_back(prefix + "." + call + stream);
  }
  for (const char* call : {"CONSUMER.DURABLE.CREATE.", "CONSUMER.DELETE.", "CONSUMER.CREATE."}) {
    subjects.push_back(prefix + "." + call + stream + "." + durable);
  }
  for (const char* call : {"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.CREATE.mine", "ACCOUNT.PURGE.x"}) {
    subjects.push_back(prefix + "." + call);
  }
  return subjects;
}

TEST_F(Hostile, ASubscriptionReachesItsOwnDurableAndNothingElse) {
  auto client = log_in(consumer);
  ASSERT_TRUE(client->is_in());
  std::vector<std::string> subjects;
  for (const std::string& prefix :
       {std::string("$JS.API"), field(consumer, "jsApiPrefix"), std::string("mesh.sales")}) {
    for (const auto& of : {consumer, other}) {
      const auto more = everything_about(prefix, field(of, "stream"), field(of, "consumer"));
      subjects.insert(subjects.end(), more.begin(), more.end());
    }
    subjects.push_back(prefix + ".CONSUMER.INFO." + field(other, "stream") + "." + field(other, "consumer"));
    subjects.push_back(prefix + ".CONSUMER.MSG.NEXT." + field(other, "stream") + "." + field(other, "consumer"));
    subjects.push_back(prefix + ".CONSUMER.MSG.NEXT." + field(consumer, "stream") + "." + field(other, "consumer"));
  }
  for (const char* subject :
       {kSubject, "sales.payroll.paid.v1.eu", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.INFO"}) {
    subjects.emplace_back(subject);
  }
  const std::string before = streams("sales");
  EXPECT_THAT(client->answered(subjects, field(consumer, "inboxPrefix"), look(consumer)), IsEmpty());
  const auto counts = [](const std::string& text) {
    std::vector<std::string> all;
    const auto body = parse_json(text);
    for (const auto& stream : (*body)["streams"]) {
      all.push_back(string_at(stream, {"config", "name"}) + " " + stream["state"]["messages"].dump() + " " +
                    stream["state"]["consumer_count"].dump());
    }
    return all;
  };
  EXPECT_THAT(counts(before), testing::SizeIs(2));
  EXPECT_EQ(counts(streams("sales")), counts(before));
  EXPECT_THAT(streams("marketing"), HasSubstr("\"total\":0"));
  EXPECT_THAT(settle().steps, IsEmpty()) << "nothing had changed";
  EXPECT_THAT(reader(consumer)->fetch(1), ElementsAre("one"));
}

TEST_F(Hostile, ASubscriptionHearsNothingButItsOwnAnswers) {
  auto client = log_in(consumer);
  auto neighbour = log_in(other);
  ASSERT_TRUE(client->is_in() && neighbour->is_in());
  for (const std::string& subject :
       {std::string(">"), std::string("sales.>"), std::string(kSubject), std::string("_INBOX.>"), std::string("$JS.>"),
        std::string("$SYS.>"), field(other, "inboxPrefix") + ".>"}) {
    const int heard = client->heard(subject, [&] {
      EXPECT_EQ(producer->publish(kSubject, "two"), NATS_OK);
      EXPECT_NE(neighbour->request(look(other), "", 30000), "");
    });
    EXPECT_EQ(heard, 0) << subject;
  }
  EXPECT_TRUE(client->is_open());
}

TEST_F(Hostile, AStrangersAccountGetsNothing) {
  workload.domains.push_back(domain_use("stranger"));
  std::ranges::sort(workload.domains, {}, &mesh::DomainUse::name);
  const auto sly = join("stranger", "sly", true);
  settle();
  for (const auto& credential : {sly, gus}) {
    auto client = log_in(credential);
    ASSERT_TRUE(client->is_in());
    std::vector<std::string> subjects = {kSubject, look(consumer),
                                         field(consumer, "jsApiPrefix") + ".CONSUMER.MSG.NEXT." +
                                             field(consumer, "stream") + "." + field(consumer, "consumer")};
    for (const char* call : {"STREAM.INFO.", "STREAM.MSG.GET."}) {
      subjects.push_back("mesh.sales." + std::string(call) + field(consumer, "stream"));
    }
    EXPECT_THAT(client->answered(subjects, field(credential, "inboxPrefix"), "$JS.API.INFO"), IsEmpty());
    const int heard = client->heard("sales.>", [&] { EXPECT_EQ(producer->publish(kSubject, "two"), NATS_OK); });
    EXPECT_EQ(heard, 0);
  }
  EXPECT_THAT(settle().steps, IsEmpty());
}

struct ByHand {
  const char* what;
  void (*change)(Account&);
};

class Claims : public Hostile, public testing::WithParamInterface<ByHand> {};

TEST_P(Claims, ChangedByHandAreRepaired) {
  Account account = account_of("marketing");
  const Account before = account;
  GetParam().change(account);
  ASSERT_FALSE(account == before);
  write_by_hand(account);
  const Pass seen = converge(Scope::everything(), Guard{.writes = false});
  ASSERT_FALSE(seen.error);
  EXPECT_THAT(seen.steps, testing::Not(IsEmpty())) << "not seen";
  settle();
  EXPECT_TRUE(account_of("marketing") == before);
  EXPECT_THAT(settle().steps, IsEmpty());
}

const ObjectKey kChurn = subscription_key("marketing", "churn-reads-orders");

INSTANTIATE_TEST_SUITE_P(
    Nats, Claims,
    testing::Values(
        ByHand{"more to send", [](Account& it) { it.accesses.at(kChurn).permissions.publish.emplace_back("sales.>"); }},
        ByHand{"more to hear", [](Account& it) { it.accesses.at(kChurn).permissions.subscribe = {">"}; }},
        ByHand{"an import less", [](Account& it) { it.accesses.at(kChurn).imports.pop_back(); }},
        ByHand{"another import",
               [](Account& it) {
                 auto more = it.accesses.at(kChurn).imports[0];
                 more.subject = more.local_subject = "$JS.API.STREAM.MSG.GET.sales__payroll__paid__v1";
                 it.accesses.at(kChurn).imports.push_back(more);
               }},
        ByHand{"another key",
               [](Account& it) { it.accesses.at(kChurn).key = nkeys::Key::generate(nkeys::KeyType::Account).id(); }},
        ByHand{"a key without limits",
               [](Account& it) {
                 Json frame = *parse_json(it.base.frame);
                 frame["signing_keys"].push_back(nkeys::Key::generate(nkeys::KeyType::Account).id());
                 it.base.frame = frame.dump();
               }},
        ByHand{"an export to everybody",
               [](Account& it) {
                 Json frame = *parse_json(it.base.frame);
                 frame["exports"].push_back({{"name", "all"}, {"subject", "marketing.>"}, {"type", "stream"}});
                 it.base.frame = frame.dump();
               }},
        ByHand{"other limits",
               [](Account& it) {
                 Json frame = *parse_json(it.base.frame);
                 frame["limits"]["conn"] = 1;
                 it.base.frame = frame.dump();
               }},
        ByHand{"a member less", [](Account& it) { it.members.clear(); }}),
    [](const auto& by_hand) {
      std::string name = by_hand.param.what;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST_F(Hostile, WhoWasGivenMoreByHandLosesItWithItsConnection) {
  Account account = account_of("marketing");
  account.accesses.at(churn).permissions.subscribe = {">"};
  write_by_hand(account);
  auto client = log_in(consumer);
  ASSERT_TRUE(client->is_in());
  settle();
  EXPECT_TRUE(eventually([&] { return !client->is_open(); }));
  auto again = log_in(consumer);
  ASSERT_TRUE(again->is_in());
  EXPECT_EQ(again->heard("$JS.>", [&] { EXPECT_EQ(producer->publish(kSubject, "two"), NATS_OK); }), 0);
}

}  // namespace
}  // namespace datamesh::nats

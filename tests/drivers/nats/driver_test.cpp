#include "drivers/nats/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/drivers/nats/server.hpp"

namespace datamesh::nats {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Sales offers a topic, marketing reads it. One server for each test.
class NatsDriver : public testing::Test {
 protected:
  NatsDriver() {
    auto made = Driver::create(server.options, real_clock());
    if (!made) std::abort();
    driver = *std::move(made);
    workload.backend = "events";
    workload.domains = {domain_use("marketing"), domain_use("sales")};
    workload.ports = {port};
  }

  mesh::Credential credential_of(const ObjectKey& subscription, const mesh::Port& of, const std::string& consumer) {
    auto made = driver->mint(subscription, &of, consumer);
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  mesh::Credential subscribe(const ObjectKey& subscription, const mesh::Port& of, const std::string& consumer) {
    auto credential = credential_of(subscription, of, consumer);
    workload.accesses.push_back(access_to(of, subscription, consumer, credential.version));
    return credential;
  }
  mesh::Credential join(const std::string& domain, const std::string& username, bool producer) {
    auto credential = driver->mint({"Member", domain, username}, nullptr, domain);
    EXPECT_TRUE(credential);
    for (auto& use : workload.domains) {
      if (use.name == domain) use.members.push_back({username, producer, credential->version});
    }
    return *std::move(credential);
  }

  Pass converge(Scope scope = Scope::everything(), Guard guard = {}) {
    return datamesh::converge(*driver, driver->desired(workload), std::move(scope), guard, real_clock(), {});
  }
  // Makes everything as declared, and expects that nothing is left to do.
  Pass settle() {
    Pass pass = converge();
    EXPECT_FALSE(pass.error) << pass.error->message;
    for (const auto& step : pass.remaining) ADD_FAILURE() << "remaining: " << describe(step);
    return pass;
  }
  static std::string describe(const Step& step) {
    return std::string(to_string(step.verb)) + " " + step.id.kind + " " + step.id.name + " " + step.reason +
           (step.error ? ": " + step.error->message : "");
  }

  std::unique_ptr<Client> log_in(const mesh::Credential& credential) {
    const auto field = [&](const char* name) { return credential.fields.at(name); };
    return std::make_unique<Client>(field("uri").reveal(), field("credentials"), field("inboxPrefix").reveal());
  }
  std::unique_ptr<Client> reader(const mesh::Credential& credential) {
    auto client = log_in(credential);
    if (client->is_in()) {
      client->status = client->bind(credential.fields.at("jsApiPrefix").reveal(),
                                    credential.fields.at("stream").reveal(), credential.fields.at("consumer").reveal());
    }
    return client;
  }
  // A request as the control plane would send it, in a domain's account.
  std::string as_control_plane(const std::string& domain, const std::string& subject, const std::string& body) {
    Keyring keys(server.signing);
    Pool pool(server.options.endpoint, *nkeys::read_credentials(server.options.system_credentials), keys, real_clock());
    auto account = domain.empty() ? pool.system() : pool.account(domain);
    EXPECT_TRUE(account) << account.error().message;
    auto answer = (*account)->request({subject, body}, {});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : "";
  }

  TestServer server;
  std::unique_ptr<Driver> driver;
  mesh::Port port = topic("sales", "orders", "order-placed");
  ObjectKey churn = subscription_key("marketing", "churn-reads-orders");
  mesh::Workload workload;
};

TEST_F(NatsDriver, ReachTellsTheVersionAndRefusesAForeignOperator) {
  const auto version = driver->reach({});
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(*version, "2.9.10");

  Options wrong = server.options;
  wrong.operator_signing_seed = nkeys::Key::generate(nkeys::KeyType::Operator).seed();
  const auto refused = (*Driver::create(wrong, real_clock()))->reach({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Denied);

  wrong = server.options;
  wrong.endpoint = "nats://127.0.0.1:" + std::to_string(free_port());
  const auto gone = (*Driver::create(wrong, real_clock()))->reach({});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::Unavailable);
  EXPECT_THAT(gone.error().message, testing::StartsWith("nats/events: "));
}

TEST_F(NatsDriver, DeliversFromProducerToSubscriberAndThenHasNothingToDo) {
  const auto credential = subscribe(churn, port, "marketing");
  const auto ana = join("sales", "ana@retail.example", true);
  const Pass first = settle();
  EXPECT_TRUE(first.wrote());

  auto producer = log_in(ana);
  ASSERT_TRUE(producer->is_in());
  for (const char* text : {"one", "two", "three"}) {
    EXPECT_EQ(producer->publish("sales.orders.order-placed.v1.eu", text), NATS_OK);
  }
  auto consumer = reader(credential);
  ASSERT_TRUE(consumer->is_in()) << natsStatus_GetText(consumer->status);
  EXPECT_THAT(consumer->fetch(2), ElementsAre("one", "two"));
  EXPECT_EQ(consumer->acked, NATS_OK);
  EXPECT_THAT(consumer->fetch(1), ElementsAre("three"));

  const Pass second = settle();
  EXPECT_THAT(second.steps, IsEmpty());
  const Pass scoped = converge(Scope::of({churn, domain_key("sales"), port.owner}));
  EXPECT_THAT(scoped.steps, IsEmpty());
  EXPECT_TRUE(consumer->is_open());
}

}  // namespace
}  // namespace datamesh::nats

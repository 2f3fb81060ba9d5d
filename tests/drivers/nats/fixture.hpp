#pragma once
// A driver on a real server in operator mode; sales offers a topic.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/nats/credentials.hpp"
#include "drivers/nats/lower.hpp"
#include "drivers/nats/pool.hpp"
#include "tests/drivers/nats/server.hpp"

namespace datamesh::nats {

// One server for each test.
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
    auto credential = driver->mint({"Member", domain, username}, nullptr, domain);  // as the Domain's loop asks
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
  Account account_of(const std::string& domain) {
    Keyring keys(server.signing);
    return *read_account(
        as_control_plane("", "$SYS.REQ.ACCOUNT." + keys.of(domain).account.id() + ".CLAIMS.LOOKUP", ""));
  }
  // As somebody would who has the keys of the control plane, and slips.
  void write_by_hand(const Account& account) {
    as_control_plane("", "$SYS.REQ.CLAIMS.UPDATE", write_account(server.signing, account, real_clock().wall()));
  }

  TestServer server;
  std::unique_ptr<Driver> driver;
  mesh::Port port = topic("sales", "orders", "order-placed");
  ObjectKey churn = subscription_key("marketing", "churn-reads-orders");
  mesh::Workload workload;
};

}  // namespace datamesh::nats

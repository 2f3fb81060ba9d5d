#include "drivers/nats/connection.hpp"
#include "drivers/nats/pool.hpp"
#include "tests/contract/driver_fence.hpp"
#include "tests/contract/driver_laws.hpp"
#include "tests/drivers/nats/server.hpp"

namespace datamesh {
namespace {

struct NatsFixture {
  using Driver = nats::Driver;
  static constexpr mesh::PortType type = mesh::PortType::Topic;
  static constexpr int rounds = 4;
  static constexpr bool exact_fence = false;  // asked before each batch

  NatsFixture() : under_test(driver_of(unfenced())) {}
  std::unique_ptr<nats::Driver> driver_of(const Fence& fence) {
    nats::Options options = server.options;
    options.fence = &fence;
    auto made = nats::Driver::create(options, real_clock());
    if (!made) std::abort();
    return *std::move(made);
  }
  nats::Driver& driver() { return *under_test; }
  const Clock& clock() { return real_clock(); }

  std::string credential(const ObjectKey& principal, const mesh::Port* port, const std::string& domain, int turn) {
    auto& version = versions[{principal, turn}];
    if (version.empty()) version = under_test->mint(principal, port, domain)->version;
    return version;
  }
  // All claims, and all streams and consumers with their configuration.
  std::string snapshot() {
    auto system = *pool.system();
    auto packs =
        *system->gather({"$SYS.REQ.CLAIMS.PACK", ""}, [](std::string_view answer) { return answer.empty(); }, {});
    std::ranges::sort(packs);
    std::string text;
    for (const auto& pack : packs) text += pack + "\n";
    Json streams = *parse_json(*system->request(
        {"$SYS.REQ.SERVER.PING.JSZ", R"({"accounts":true,"streams":true,"consumer":true,"config":true})"}, {}));
    std::set<std::string> lines;
    for (const Json& account : streams["data"].value("account_details", Json::array())) {
      for (const Json& stream : account.value("stream_detail", Json::array())) {
        lines.insert(account["id"].dump() + stream["config"].dump());
        for (const Json& consumer : stream.value("consumer_detail", Json::array())) {
          lines.insert(account["id"].dump() + stream["name"].dump() + consumer["config"].dump());
        }
      }
    }
    for (const auto& line : lines) text += line + "\n";
    return text;
  }
  // An account of somebody else under the same operator, with a stream.
  void put_foreign() {
    nats::Keyring others(nkeys::Key::generate(nkeys::KeyType::Operator));
    auto account = nats::bare_account(server.signing, others.of("theirs"), "theirs", {});
    account.mark.reset();
    (void)(*pool.system())
        ->request({"$SYS.REQ.CLAIMS.UPDATE", nats::write_account(server.signing, account, clock().wall())}, {});
    nats::Pool theirs(server.options.endpoint, *nkeys::read_credentials(server.options.system_credentials), others,
                      clock());
    (void)(*theirs.account("theirs"))
        ->request({"$JS.API.STREAM.CREATE.mine", R"({"name":"mine","subjects":["mine.>"]})"}, {});
  }
  // Deletes a stream, if there is one, and the claims of an account.
  bool break_something() {
    for (const char* domain : {"sales", "marketing", "finance"}) {
      auto account = pool.account(domain);
      if (!account) continue;
      const Json names = *parse_json(*(*account)->request({"$JS.API.STREAM.NAMES", ""}, {}));
      const Json* list = find(names, {"streams"});
      if (!list || !list->is_array() || list->empty()) continue;
      (void)(*account)->request({"$JS.API.STREAM.DELETE." + (*list)[0].get<std::string>(), ""}, {});
      (void)(*pool.system())
          ->request({"$SYS.REQ.CLAIMS.DELETE",
                     nats::delete_jwt(server.signing, keys.of(domain).account.id(), clock().wall())},
                    {});
      return true;
    }
    return false;
  }
  void fail_one_in(int) {}

  nats::TestServer server;
  nats::Keyring keys{server.signing};
  nats::Pool pool{server.options.endpoint, *nkeys::read_credentials(server.options.system_credentials), keys,
                  real_clock()};
  std::unique_ptr<nats::Driver> under_test;
  std::map<std::pair<ObjectKey, int>, std::string> versions;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Nats, DriverLaws, ::testing::Types<NatsFixture>);
INSTANTIATE_TYPED_TEST_SUITE_P(Nats, DriverFence, ::testing::Types<NatsFixture>);

}  // namespace datamesh

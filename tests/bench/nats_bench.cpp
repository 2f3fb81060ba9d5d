// How fast the NATS driver makes, looks at and changes a mesh, against a raw client sending the same requests.
//
// Starts a nats-server of its own in a temporary directory. Usage: nats_bench [STREAMS] [DOMAINS]
#include <cstdio>

#include "drivers/nats/apply.hpp"
#include "drivers/nats/desired.hpp"
#include "drivers/nats/lower.hpp"
#include "tests/drivers/nats/server.hpp"

namespace datamesh::nats {
namespace {

double ms_since(Steady start) {
  return std::chrono::duration<double, std::milli>(real_clock().steady() - start).count();
}

struct Mesh {
  mesh::Workload workload;
  Mesh(const Driver& driver, int streams, int domains) {
    workload.backend = "bench";
    const auto name = [&](int i) { return "d" + std::to_string(100 + i % domains); };
    for (int i = 0; i < domains; ++i) workload.domains.push_back(domain_use(name(i)));
    for (int i = 0; i < streams; ++i) {
      const mesh::Port port = topic(name(i), "p" + std::to_string(i), "events");
      const ObjectKey subscription = subscription_key(name(i + 1), "s" + std::to_string(i));
      const auto credential = driver.mint(subscription, &port, name(i + 1));
      workload.ports.push_back(port);
      workload.accesses.push_back(access_to(port, subscription, name(i + 1), credential->version));
    }
  }
};

// All requests must be answered, and well.
void send_all(const Result<std::shared_ptr<Connection>>& connection, const std::vector<Request>& requests) {
  const auto give_up = [](const Error& error) {
    std::fprintf(stderr, "raw client: %s\n", error.message.c_str());
    std::exit(1);
  };
  if (!connection) give_up(connection.error());
  for (const auto& answer : (*connection)->request_all(requests, {})) {
    if (!answer) give_up(answer.error());
    if (answer->find("\"error\"") != std::string::npos) give_up({Code::Unavailable, *answer});
  }
}

// The same claims, streams and durables, with nothing decided, read back or checked. Bodies are made beforehand.
double raw(const TestServer& server, const Mesh& mesh) {
  Keyring keys(server.signing);
  Pool pool(server.options.endpoint, *nkeys::read_credentials(server.options.system_credentials), keys, real_clock());
  const auto wanted = desired(keys, mesh.workload);
  std::map<std::string, Account> accounts;
  std::map<std::string, std::vector<Request>> streams, durables;
  for (const auto& domain : mesh.workload.domains) {
    accounts.emplace(domain.name, bare_account(keys.operator_key(), keys.of(domain.name), domain.name,
                                               Mark{domain.owner, false, false, ""}));
  }
  for (const auto& [id, want] : wanted.resources) {
    const Mark mark{want.owner, want.keep, false, ""};
    const std::string domain = part(id, 0), stream = part(id, 1);
    if (const auto* spec = std::get_if<AccessSpec>(&want.spec)) accounts.at(domain).accesses.emplace(want.owner, *spec);
    if (const auto* spec = std::get_if<StreamSpec>(&want.spec)) {
      streams[domain].push_back({"$JS.API.STREAM.CREATE." + stream, stream_config(stream, *spec, mark)});
    }
    if (const auto* spec = std::get_if<ConsumerSpec>(&want.spec)) {
      durables[domain].push_back({"$JS.API.CONSUMER.DURABLE.CREATE." + stream + "." + part(id, 2),
                                  consumer_request(stream, part(id, 2), *spec, mark)});
    }
  }
  std::vector<Request> bare, full;
  for (auto& [domain, account] : accounts) {
    full.push_back({"$SYS.REQ.CLAIMS.UPDATE", write_account(keys.operator_key(), account, real_clock().wall())});
    account.accesses.clear();
    bare.push_back({"$SYS.REQ.CLAIMS.UPDATE", write_account(keys.operator_key(), account, real_clock().wall())});
  }
  const Steady start = real_clock().steady();
  send_all(pool.system(), bare);
  send_all(pool.system(), full);
  const double claims = ms_since(start);
  for (const auto& [domain, requests] : streams) send_all(pool.account(domain), requests);
  const double with_streams = ms_since(start);
  for (const auto& [domain, requests] : durables) send_all(pool.account(domain), requests);
  std::printf("raw client: claims %.0f ms, streams %.0f ms, durables %.0f ms\n", claims, with_streams - claims,
              ms_since(start) - with_streams);
  return ms_since(start);
}

void report(const char* what, const Pass& pass) {
  const auto ms = [](Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); };
  std::printf("%-28s observe %8.1f  plan %7.1f  apply %8.1f  verify %8.1f ms; %zu steps, %zu remaining%s\n", what,
              ms(pass.observe), ms(pass.plan), ms(pass.apply), ms(pass.verify), pass.steps.size(),
              pass.remaining.size(), pass.error ? (" " + pass.error->message).c_str() : "");
}

int run(int streams, int domains) {
  double raw_ms = 0;
  {
    TestServer server;
    const auto driver = *Driver::create(server.options, real_clock());
    raw_ms = raw(server, Mesh(*driver, streams, domains));
    std::printf("raw client, all             %8.1f ms\n", raw_ms);
  }
  TestServer server;
  const auto driver = *Driver::create(server.options, real_clock());
  Mesh mesh(*driver, streams, domains);
  auto start = real_clock().steady();
  auto wanted = driver->desired(mesh.workload);
  std::printf("desired                     %8.1f ms\n", ms_since(start));
  const Pass first = converge(*driver, wanted, Scope::everything(), Guard{}, real_clock(), {});
  report("first pass", first);
  std::printf("apply against raw client     %.2f x\n",
              std::chrono::duration<double, std::milli>(first.apply).count() / raw_ms);
  const Pass second = converge(*driver, wanted, Scope::everything(), Guard{}, real_clock(), {});
  report("second pass, everything", second);

  // One product more, looked at alone.
  const mesh::Port port = topic("d100", "late", "events");
  mesh::Workload one;
  one.backend = "bench";
  one.ports = {port};
  report("one product more, scoped",
         converge(*driver, driver->desired(one), Scope::of({port.owner}), Guard{}, real_clock(), {}));
  report("the same again", converge(*driver, driver->desired(one), Scope::of({port.owner}), Guard{}, real_clock(), {}));
  return first.error || !first.remaining.empty() || !second.steps.empty() ? 1 : 0;
}

}  // namespace
}  // namespace datamesh::nats

int main(int argc, char** argv) {
  return datamesh::nats::run(argc > 1 ? std::atoi(argv[1]) : 1000, argc > 2 ? std::atoi(argv[2]) : 20);
}

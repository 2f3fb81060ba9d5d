// How fast the PostgreSQL driver provisions and looks, beside a raw client that sends the same SQL.
//
//   postgres_bench [PRODUCTS_TO_PROVISION] [PRODUCTS_TO_LOOK_AT]        default: 1000 10000
//
// A product here is a port with one table of six columns, one contract role, one subscription with its login. The raw
// client knows all statements beforehand and sends them pipelined over two connections, 100 products a transaction,
// into a fresh server; it neither looks nor plans. Server and client share the machine.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <thread>

#include <libpq-fe.h>
#include <poll.h>
#include <sys/resource.h>

#include "controller/core/clock.hpp"
#include "drivers/postgres/driver.hpp"
#include "drivers/postgres/lower.hpp"
#include "tests/drivers/postgres/builders.hpp"
#include "tests/drivers/postgres/server.hpp"

namespace datamesh::postgres {
namespace {

using test::Credentials;
using test::Server;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Of this process alone, so without the server: says what is ours when the machine is busy.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Of the servers that have ended so far, with all their sessions.
double server_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

double memory_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

mesh::Table table_of_six() {
  mesh::Table table = test::orders_table();
  table.columns.push_back({"customer_id", "integer", "bigint", false, false, 0, ""});
  table.columns.push_back({"country", "string", "varchar(2)", false, false, 0, ""});
  for (auto& column : table.columns) column.unique = false;
  return table;
}

mesh::Workload workload_of(std::size_t products, Credentials& credentials, const Endpoint& endpoint) {
  mesh::Workload workload;
  workload.backend = "bench";
  constexpr std::size_t per_domain = 50;
  const auto number = [](std::size_t i) { return std::to_string(100000 + i); };
  for (std::size_t d = 0; d * per_domain < products; ++d)
    workload.domains.push_back(test::domain_use("domain" + number(d)));
  for (std::size_t i = 0; i < products; ++i) {
    mesh::Port port = test::orders_port("domain" + number(i / per_domain), "product" + number(i));
    port.tables = {table_of_six()};
    port.roles = {port.roles[1]};
    const ObjectKey key{"Subscription", "marketing", "reads" + number(i)};
    workload.accesses.push_back(
        test::access_to(port, key.name, credentials.set(key, names::subscription(key), endpoint)));
    workload.ports.push_back(std::move(port));
  }
  return workload;
}

struct Machine {
  explicit Machine() : admin{"mesh_cp", Secret("control-plane-password")} {
    const auto ready = bootstrap(server.endpoint("postgres"), Server::superuser(), {"mesh", admin}, {});
    if (!ready) std::fprintf(stderr, "%s\n", ready.error().message.c_str());
  }
  Server server{/*durable=*/true};
  Login admin;
};

// --- the raw client -------------------------------------------------------------------------------------------------

using Statements = std::vector<std::string>;

void flush(PGconn* conn) {
  while (PQflush(conn) == 1) {
    pollfd entry{PQsocket(conn), POLLIN | POLLOUT, 0};
    poll(&entry, 1, 1000);
    if (entry.revents & POLLIN) PQconsumeInput(conn);
  }
}

void send_pipelined(const std::string& conninfo, const std::vector<Statements>& products) {
  PGconn* conn = PQconnectdb(conninfo.c_str());
  PQenterPipelineMode(conn);
  PQsetnonblocking(conn, 1);
  constexpr std::size_t per_sync = 100;
  for (std::size_t at = 0; at < products.size(); at += per_sync) {
    for (std::size_t i = at; i < std::min(at + per_sync, products.size()); ++i) {
      for (const auto& sql : products[i])
        PQsendQueryParams(conn, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
    }
    PQpipelineSync(conn);
    for (bool synced = false; !synced;) {
      flush(conn);
      PGresult* result = PQgetResult(conn);
      const auto status = PQresultStatus(result);
      synced = status == PGRES_PIPELINE_SYNC;
      if (result && status != PGRES_COMMAND_OK && !synced) {
        std::fprintf(stderr, "raw client: %s", PQresultErrorMessage(result));
        std::exit(1);
      }
      PQclear(result);
    }
  }
  PQfinish(conn);
}

// The statements of every product and its subscription together, as a provisioning script would have them.
std::vector<Statements> script_of(const mesh::Workload& workload, const Credentials& credentials, Statements& first) {
  std::map<ObjectKey, Statements> by_owner;
  std::map<std::string, ObjectKey> product_of;  // the subscription's product
  Plan<Spec> plan = order(diff(desired(workload), Observed<Spec>{}), Driver::rank);
  for (const auto& change : plan) {
    std::string verifier;
    if (const auto* role = std::get_if<Role>(&*change.after); role && role->login) {
      verifier =
          quote_literal(scram_verifier(credentials.get(change.owner)->fields.at("password"), "0123456789abcdef"));
    }
    const Lowered lowered = lower(change, verifier);
    auto& target = change.owner.kind == "Domain" ? first : by_owner[change.owner];
    target.insert(target.end(), lowered.act.begin(), lowered.act.end());
  }
  std::vector<Statements> script;
  for (std::size_t i = 0; i < workload.ports.size(); ++i) {
    Statements statements;
    const std::string product =
        quote_identifier(names::product(workload.ports[i].key.domain, workload.ports[i].key.product));
    for (const auto& sql : by_owner[workload.ports[i].owner]) {
      if (sql.starts_with("CREATE SCHEMA")) statements.push_back("GRANT " + product + " TO CURRENT_USER");
      statements.push_back(sql);
    }
    statements.push_back("REVOKE " + product + " FROM CURRENT_USER");
    const auto& access = by_owner[workload.accesses[i].subscription];
    statements.insert(statements.end(), access.begin(), access.end());
    script.push_back(std::move(statements));
  }
  return script;
}

// Logs in as every consumer and tries what must work and what must not, as proofs do.
double try_raw(const Machine& machine, const mesh::Workload& workload, const Credentials& credentials) {
  const double start = now();
  constexpr std::size_t at_once = 4;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < at_once; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < workload.ports.size(); i += at_once) {
        const auto& fields = credentials.get(workload.accesses[i].subscription)->fields;
        const std::string conninfo = "host=127.0.0.1 port=" + machine.server.endpoint("mesh").port +
                                     " dbname=mesh user=" + fields.at("username").reveal() +
                                     " password=" + fields.at("password").reveal();
        const std::string from = quote_identifier(names::schema(workload.ports[i].key)) + ".orders";
        PGconn* conn = PQconnectdb(conninfo.c_str());
        if (PQstatus(conn) != CONNECTION_OK) std::fprintf(stderr, "raw client: %s", PQerrorMessage(conn));
        for (const std::string sql :
             {"SELECT order_id, amount, placed_at, customer_id, country FROM " + from + " LIMIT 0",
              "SELECT email FROM " + from + " LIMIT 0", "EXPLAIN INSERT INTO " + from + " DEFAULT VALUES",
              "EXPLAIN DELETE FROM " + from})
          PQclear(PQexec(conn, sql.c_str()));
        PQfinish(conn);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return now() - start;
}

double provision_raw(std::size_t products) {
  Machine machine;
  Credentials credentials;
  const auto workload = workload_of(products, credentials, machine.server.endpoint("mesh"));
  Statements first;
  const auto script = script_of(workload, credentials, first);
  const std::string conninfo = "host=127.0.0.1 port=" + machine.server.endpoint("mesh").port +
                               " dbname=mesh user=mesh_cp password=" + machine.admin.password.reveal();
  const double start = now(), cpu = cpu_seconds();
  send_pipelined(conninfo, {first});
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    std::vector<Statements> part;
    for (std::size_t i = t; i < script.size(); i += 2) part.push_back(script[i]);
    threads.emplace_back([conninfo, part = std::move(part)] { send_pipelined(conninfo, part); });
  }
  for (auto& thread : threads) thread.join();
  const double took = now() - start;
  std::printf("  client CPU %.3f s\n", cpu_seconds() - cpu);
  std::printf("raw client: %zu consumers tried in %.2f s\n", products, try_raw(machine, workload, credentials));
  return took;
}

// --- the driver -----------------------------------------------------------------------------------------------------

struct Bench {
  explicit Bench(std::size_t products)
      : driver({"bench", machine.server.endpoint("mesh"), machine.admin, 2,
                [this](const ObjectKey& principal) { return credentials.get(principal); }}),
        workload(workload_of(products, credentials, machine.server.endpoint("mesh"))) {}

  Pass converge() {
    return datamesh::converge(driver, Driver::desired(workload), Scope::everything(), {}, real_clock(), {});
  }

  Machine machine;
  Credentials credentials;
  Driver driver;
  mesh::Workload workload;
};

void complain(const Pass& pass) {
  if (pass.error) std::printf("  ERROR %s\n", pass.error->message.c_str());
  for (const auto& step : pass.remaining) {
    std::printf("  LEFT %s %s: %s\n", step.id.kind.c_str(), step.id.name.c_str(),
                step.error ? step.error->message.c_str() : "");
    break;
  }
}

double provision(Bench& bench) {
  const double start = now(), cpu = cpu_seconds();
  const Pass pass = bench.converge();
  const double took = now() - start;
  complain(pass);
  std::printf("  client CPU %.3f s\n", cpu_seconds() - cpu);
  std::printf("  observe %.3f s, plan %.3f s, apply %.3f s, verify %.3f s\n", seconds(pass.observe), seconds(pass.plan),
              seconds(pass.apply), seconds(pass.verify));
  return took;
}

void look(Bench& bench) {
  std::vector<double> all;
  for (int i = 0; i < 7; ++i) {
    const double start = now(), cpu = cpu_seconds();
    const auto wanted = Driver::desired(bench.workload);
    const double desired_s = now() - start;
    const Pass pass = datamesh::converge(bench.driver, wanted, Scope::everything(), {}, real_clock(), {});
    all.push_back(now() - start);
    complain(pass);
    std::printf(
        "  look at %zu: desired %.3f s, observe %.3f s, plan %.3f s, total %.3f s (client CPU %.3f s), "
        "%zu things, %zu changes, %.0f MB\n",
        bench.workload.ports.size(), desired_s, seconds(pass.observe), seconds(pass.plan), all.back(),
        cpu_seconds() - cpu, pass.observed, pass.steps.size(), memory_mb());
  }
  std::ranges::sort(all);
  std::printf("  median %.3f s, best %.3f s\n", all[all.size() / 2], all.front());
}

// One product gets a column: what the scope needs, from the change to the second look.
void change_one(Bench& bench) {
  std::vector<double> observes, passes;
  for (std::size_t i = 0; i < 60; ++i) {
    mesh::Workload one;
    one.backend = "bench";
    one.ports = {bench.workload.ports[i * 7 % bench.workload.ports.size()]};
    one.ports[0].tables[0].columns.push_back({"note" + std::to_string(i), "string", "", false, false, 0, ""});
    const auto wanted = Driver::desired(one);
    Scope scope = Scope::of({one.ports[0].owner});
    const Pass pass = datamesh::converge(bench.driver, wanted, scope, {}, real_clock(), {});
    complain(pass);
    observes.push_back(seconds(pass.observe));
    passes.push_back(seconds(pass.observe + pass.plan + pass.apply + pass.verify));
  }
  std::ranges::sort(observes);
  std::ranges::sort(passes);
  std::printf("  one product changed: look p50 %.1f ms, pass p50 %.1f ms, p99 %.1f ms\n", observes[30] * 1e3,
              passes[30] * 1e3, passes[59] * 1e3);
}

int run(std::size_t products, std::size_t look_at) {
  const double raw = provision_raw(products);
  const double raw_cpu = server_cpu_seconds();
  std::printf("  server CPU %.2f s\n", raw_cpu);
  std::printf("raw client: %zu products in %.2f s = %.0f products/s\n", products, raw,
              static_cast<double>(products) / raw);
  {
    Bench bench(products);
    const double took = provision(bench);
    std::printf("driver: %zu products in %.2f s = %.0f products/s, %.2f x the raw client\n", products, took,
                static_cast<double>(products) / took, took / raw);
  }
  std::printf("  server CPU %.2f s\n", server_cpu_seconds() - raw_cpu);
  if (look_at == 0) return 0;
  Bench bench(look_at);
  const double took = provision(bench);
  std::printf("driver: %zu products in %.2f s\n", look_at, took);
  look(bench);
  change_one(bench);
  const double start = now();
  for (int i = 0; i < 1000; ++i) {
    if (!bench.driver.change_token({})) return 1;
  }
  std::printf("  change token: %.0f us\n", (now() - start) * 1e3);
  return 0;
}

}  // namespace
}  // namespace datamesh::postgres

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::size_t products = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  const std::size_t look_at = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10000;
  return datamesh::postgres::run(products, look_at);
}

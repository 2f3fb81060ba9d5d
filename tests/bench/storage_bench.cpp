// How fast the embedded server's storage is, and what an object costs in memory.
//   storage_bench [directory] [objects]
// Prints one line for each measurement. Each write is a new version of an object of about 2 KB, on disk when counted.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "apiserver/storage/storage.hpp"

namespace {

using namespace datamesh::apiserver::storage;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

long resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmRSS:") {
      long kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

constexpr auto managed_fields =
    R"("managedFields":[{"apiVersion":"datamesh.dev/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:tier":{}}},"f:spec":{".":{},"f:description":{".":{},"f:purpose":{}},"f:domain":{},"f:outputPorts":{},"f:version":{}}},"manager":"kubectl","operation":"Apply","time":"2026-11-01T10:22:33Z"},{"apiVersion":"datamesh.dev/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:lastTransitionTime":{},"f:message":{},"f:reason":{},"f:status":{},"f:type":{}}}}},"manager":"datamesh","operation":"Apply","subresource":"status","time":"2026-11-01T10:22:34Z"}],)";

Draft product(std::size_t number, std::size_t revision) {
  Draft draft;
  const std::string id = std::to_string(number);
  draft.key = {"datamesh.dev/dataproducts", "team-" + std::to_string(number % 50), "orders-of-region-" + id};
  // Digits that differ, as in real uids, so that deflating has something to do.
  const std::string scrambled = std::to_string(number * 2654435761u) + std::to_string(number * 40503u + 977u);
  draft.uid = (scrambled + "4f8911d39a0c0305e82c33013f2504e0").substr(0, 36);
  draft.labels = {{"app.kubernetes.io/managed-by", "datamesh"}, {"tier", number % 3 == 0 ? "gold" : "silver"}};
  draft.before =
      R"({"apiVersion":"datamesh.dev/v1alpha1","kind":"DataProduct","metadata":{"creationTimestamp":"2026-11-01T10:22:33Z","generation":)" +
      std::to_string(revision + 1) + R"(,"labels":{"app.kubernetes.io/managed-by":"datamesh","tier":"gold"},)" +
      managed_fields + R"("name":")" + draft.key.name + R"(","namespace":")" + draft.key.ns +
      R"(","resourceVersion":")";
  draft.after =
      R"(","uid":")" + draft.uid + R"("},"spec":{"description":{"purpose":"All orders of region )" + id +
      R"(, one row for each line, refreshed hourly","limitations":"Since 2020, revision )" + std::to_string(revision) +
      R"("},"domain":"sales","lifecycle":"active","outputPorts":[{"contractId":")" + scrambled +
      R"(","name":"orders","provisioning":{"backend":"warehouse","contractRef":{"name":"orders-v1"},"deletionPolicy":"Retain"},"type":"tables","version":"1.2.0"},{"contractId":"c2798941-1b7e-4b03-9e0d-955b1a872b32","name":"order-placed","provisioning":{"backend":"events","contractRef":{"name":"orders-v1"},"parameters":{"replicas":1,"retention":"7d"}},"type":"topic","version":"1.2.0"}],"version":"1.4.0"},"status":{"conditions":[{"lastTransitionTime":"2026-11-01T10:22:34Z","message":"4 of 4 as declared","observedGeneration":3,"reason":"Converged","status":"True","type":"Ready"},{"lastTransitionTime":"2026-11-01T10:22:34Z","message":"","observedGeneration":3,"reason":"Valid","status":"True","type":"ContractValid"}],"observedGeneration":3,"outputPorts":[{"dataset":{"name":"mesh.sales__orders_v1.orders","namespace":"postgres://db.example:5432"},"name":"orders","subscriptions":3,"version":"1.2.0"}]}})";
  return draft;
}

void fill(Store& store, std::size_t objects) {
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < objects; i += 16) {
        if (!store.write(Write::create(product(i, 0)))) std::abort();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::printf("fill: %zu objects, %.0f writes/s\n", objects, static_cast<double>(objects) / seconds_since(start));
}

void replace_from(Store& store, std::size_t writers, std::size_t objects, double for_seconds) {
  std::atomic<std::size_t> done{0};
  std::vector<std::vector<double>> latencies(writers);
  const auto commits = store.stats().commits;
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < writers; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t, revision = 1; seconds_since(start) < for_seconds; i += writers, ++revision) {
        const auto begin = Clock::now();
        if (!store.write(Write::replace(product(i % objects, revision), {}))) std::abort();
        latencies[t].push_back(seconds_since(begin) * 1e3);
        ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const double took = seconds_since(start);
  std::vector<double> all;
  for (const auto& part : latencies) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  std::printf("replace, %zu writers: %.0f writes/s, p50 %.2f ms, p99 %.2f ms, max %.2f ms, %.1f writes a commit\n",
              writers, static_cast<double>(done) / took, all[all.size() / 2], all[all.size() * 99 / 100], all.back(),
              static_cast<double>(done) / static_cast<double>(store.stats().commits - commits));
}

// Writers that do not wait for the answer, as connections of an event loop: `window` writes under way.
void replace_async(Store& store, std::size_t window, std::size_t objects, std::size_t writes) {
  std::atomic<std::size_t> under_way{0};
  std::atomic<std::size_t> failed{0};
  const auto start = Clock::now();
  for (std::size_t i = 0; i < writes; ++i) {
    for (auto now = under_way.load(); now >= window; now = under_way.load()) under_way.wait(now);
    ++under_way;
    store.write(Write::replace(product(i % objects, i + 100'000), {}), [&](const Outcome<RecordPtr>& answer) {
      if (!answer) ++failed;
      --under_way;
      under_way.notify_one();
    });
  }
  for (auto now = under_way.load(); now > 0; now = under_way.load()) under_way.wait(now);
  std::printf("replace, %zu under way: %.0f writes/s, %zu failed\n", window,
              static_cast<double>(writes) / seconds_since(start), failed.load());
}

void read_all(const Store& store, std::size_t objects) {
  ListOptions options;
  options.resource = "datamesh.dev/dataproducts";
  for (const std::size_t limit : {std::size_t{0}, std::size_t{500}}) {
    const auto start = Clock::now();
    options.limit = limit;
    options.continue_token.clear();
    std::size_t count = 0, bytes = 0;
    double picked = 0;
    do {
      const auto begin = Clock::now();
      const auto list = store.list(options);
      if (!list) std::abort();
      picked += seconds_since(begin);
      std::string text;
      for (const auto& record : list->items) record->append_body(text);
      count += list->items.size();
      bytes += text.size();
      options.continue_token = list->continue_token;
    } while (!options.continue_token.empty());
    std::printf("list, limit %zu: %zu objects, %.1f MB in %.1f ms (without the texts %.2f ms)\n", limit, count,
                static_cast<double>(bytes) / 1e6, seconds_since(start) * 1e3, picked * 1e3);
  }
  const auto start = Clock::now();
  constexpr std::size_t gets = 200'000;
  for (std::size_t i = 0; i < gets; ++i) {
    const auto draft = (i * 7919) % objects;
    const Key key{"datamesh.dev/dataproducts", "team-" + std::to_string(draft % 50),
                  "orders-of-region-" + std::to_string(draft)};
    if (!store.find(key)) std::abort();
  }
  std::printf("find: %.0f/s\n", gets / seconds_since(start));
}

}  // namespace

int main(int argc, char** argv) {
  const bool named = argc > 1 && std::string(argv[1]) != "-";
  std::string directory = named ? argv[1] : "/tmp/storage_bench_XXXXXX";
  if (!named && !mkdtemp(directory.data())) return 1;
  const std::size_t objects = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000;

  Options options;
  options.directory = directory;
  options.queue_writes = 65'536;
  {
    const long before = resident_kib();
    auto store = Store::open(options);
    if (!store) {
      std::fprintf(stderr, "%s\n", store.error().message.c_str());
      return 1;
    }
    const auto sample = product(1234, 7);
    std::printf("object: %zu bytes of JSON, %zu bytes packed\n", sample.before.size() + sample.after.size(),
                Packed(sample).bytes().size());
    fill(**store, objects);
    std::printf("memory: %ld bytes an object (with its history)\n",
                (resident_kib() - before) * 1024 / static_cast<long>(objects));
    for (const std::size_t writers : {1, 8, 64}) replace_from(**store, writers, objects, 3);
    replace_async(**store, 64, objects, 100'000);
    replace_async(**store, 1000, objects, 100'000);
    read_all(**store, objects);
    std::printf("resident: %ld MiB, history %zu events %zu bytes\n", resident_kib() / 1024,
                (*store)->stats().history_events, (*store)->stats().history_bytes);
    const auto start = Clock::now();
    store->reset();
    std::printf("close: %.0f ms\n", seconds_since(start) * 1e3);
  }
  const auto start = Clock::now();
  auto store = Store::open(options);
  if (!store) return 1;
  std::printf("open: %zu objects, %zu events in %.0f ms\n", (*store)->stats().objects, (*store)->stats().history_events,
              seconds_since(start) * 1e3);
  store->reset();
  if (!named) std::filesystem::remove_all(directory);
  return 0;
}

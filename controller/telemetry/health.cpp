#include "controller/telemetry/health.hpp"

#include "controller/core/log.hpp"

namespace datamesh::telemetry {

void Health::add(std::string name, Matters matters, Check check) {
  const std::lock_guard lock(mutex_);
  entries_.insert_or_assign(std::move(name), Entry{matters, std::move(check)});
}

void Health::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  entries_.erase(name);
}

Health::Outcome Health::ask(Matters about, const std::set<std::string>& excluded) const {
  std::map<std::string, Entry> entries;
  {
    const std::lock_guard lock(mutex_);
    entries = entries_;
  }
  Outcome outcome;
  for (const auto& [name, entry] : entries) {
    if (excluded.contains(name) || (about == Matters::ToLiveness && entry.matters == Matters::ToReadiness)) continue;
    const Result<void> result = entry.check();
    if (!result) log_debug("a health check fails", {{"check", name}, {"reason", result.error().message}});
    outcome.checks.emplace(name, static_cast<bool>(result));
    outcome.good = outcome.good && result;
  }
  return outcome;
}

http::Response health_response(std::string_view name, const Health::Outcome& outcome, bool verbose) {
  const http::Headers headers{{"Content-Type", "text/plain; charset=utf-8"},
                              {"X-Content-Type-Options", "nosniff"},
                              {"Cache-Control", "no-cache, private"}};
  if (outcome.good && !verbose) return {200, headers, "ok"};
  std::string text = "[+]ping ok\n";
  for (const auto& [check, good] : outcome.checks) {
    text += good ? "[+]" + check + " ok\n" : "[-]" + check + " failed: reason withheld\n";
  }
  text += std::string(name) + (outcome.good ? " check passed\n" : " check failed\n");
  return {outcome.good ? 200 : 503, headers, std::move(text)};
}

HealthServer::HealthServer(Health& health, Metrics& metrics, std::string address, std::uint16_t port)
    : health_(health),
      metrics_(metrics),
      // A thread of its own: a scrape takes milliseconds, and an overloaded API must not look dead.
      listener_(
          {.address = std::move(address), .port = port, .threads = 1, .limits = {.body_bytes = 0, .connections = 256}},
          [this](http::Request&& request, const std::shared_ptr<http::Exchange>& exchange) {
            exchange->respond(answer(request));
          }) {}

Result<void> HealthServer::start() {
  return listener_.start();
}
void HealthServer::stop() {
  listener_.stop();
}
std::string HealthServer::url() const {
  return listener_.url();
}
std::uint16_t HealthServer::port() const {
  return listener_.port();
}

http::Response HealthServer::answer(const http::Request& request) const {
  const http::Headers plain{{"Content-Type", "text/plain; charset=utf-8"}};
  if (request.method != "GET" && request.method != "HEAD") return {405, {{"Allow", "GET, HEAD"}}, ""};
  if (request.path == "/metrics") {
    return {200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, metrics_.expose()};
  }
  const std::size_t slash = request.path.find('/', 1);
  const std::string name = request.path.substr(1, slash == std::string::npos ? slash : slash - 1);
  if (name != "livez" && name != "healthz" && name != "readyz") return {404, plain, "not found\n"};
  std::set<std::string> excluded;
  const auto [first, last] = request.query.equal_range("exclude");
  for (auto it = first; it != last; ++it) excluded.insert(it->second);
  Health::Outcome outcome =
      health_.ask(name == "readyz" ? Health::Matters::ToReadiness : Health::Matters::ToLiveness, excluded);
  if (slash == std::string::npos) return health_response(name, outcome, request.query.contains("verbose"));
  const auto one = outcome.checks.find(request.path.substr(slash + 1));
  if (one == outcome.checks.end()) return {404, plain, "no such check\n"};
  return health_response(name, {one->second, {*one}}, request.query.contains("verbose"));
}

}  // namespace datamesh::telemetry

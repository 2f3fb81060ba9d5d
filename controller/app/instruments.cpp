#include "controller/app/instruments.hpp"

#include "api/types.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"

namespace datamesh::app {
namespace {

constexpr std::size_t kNotesMax = 1'000;
constexpr double kEventsPerSecond = 20, kBurst = 200;
constexpr const char* kController = "datamesh.dev/controller";

}  // namespace

AppInstruments::AppInstruments(telemetry::Metrics& metrics, kube::Store& store, const Clock& clock)
    : metrics_(metrics), store_(store), clock_(clock), writer_([this](std::stop_token stop) { write_events(stop); }) {}

AppInstruments::~AppInstruments() {
  writer_.request_stop();
  arrived_.notify_all();
}

void AppInstruments::reconciled(std::string_view controller, std::string_view result, Duration took) {
  metrics_.reconciled(controller, result, took);
  metrics_.queue_worked(controller, took);
}

void AppInstruments::event(const EventNote& note) {
  const std::lock_guard lock(mutex_);
  if (notes_.size() >= kNotesMax) return;
  notes_.push_back(note);
  arrived_.notify_one();
}

void AppInstruments::write_events(const std::stop_token& stop) {
  double tokens = kBurst;
  Steady filled = clock_.steady();
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    arrived_.wait_for(lock, stop, std::chrono::minutes(1), [&] { return !notes_.empty(); });
    std::vector<telemetry::EventWrite> writes = log_.tick(clock_.wall());
    if (!notes_.empty()) {
      const EventNote note = std::move(notes_.front());
      notes_.pop_front();
      const std::string version = note.about.kind == "Namespace" ? "v1" : std::string(api::kApiVersion);
      if (auto first = log_.add({{version, note.about.kind, note.about.ns, note.about.name, note.uid},
                                 note.warning,
                                 note.reason,
                                 note.action,
                                 note.note},
                                clock_.wall())) {
        writes.push_back(*std::move(first));
      }
    }
    const Steady now = clock_.steady();
    tokens = std::min(kBurst, tokens + kEventsPerSecond * std::chrono::duration<double>(now - filled).count());
    filled = now;
    lock.unlock();
    for (const auto& one : writes) {
      if (tokens < 1) break;
      tokens -= 1;
      write(one);
    }
    lock.lock();
  }
}

void AppInstruments::write(const telemetry::EventWrite& write) {
  const auto& type = kube::events();
  if (write.count > 1) {
    const auto patched = store_.patch(type, write.ns, write.name, {.body = telemetry::series_patch(write).dump()});
    if (patched || patched.error().code != Code::NotFound) return;
  }
  const auto created = store_.create(type, telemetry::event_object(write, kController, "datamesh"));
  if (!created && created.error().code != Code::NotFound) {
    log_debug("event not written", {{"error", created.error().message}});
  }
}

}  // namespace datamesh::app

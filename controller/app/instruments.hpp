#pragma once
// The loops' instruments: metrics, and Kubernetes Events written through the Store.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "controller/core/clock.hpp"
#include "controller/kube/store.hpp"
#include "controller/runtime/instruments.hpp"
#include "controller/telemetry/events.hpp"
#include "controller/telemetry/metrics.hpp"

namespace datamesh::app {

// Events are written by a thread of their own, at most kEventsPerSecond of them on average: they are news for people,
// and are dropped rather than holding anything up.
class AppInstruments : public Instruments {
 public:
  AppInstruments(telemetry::Metrics& metrics, kube::Store& store, const Clock& clock);
  ~AppInstruments() override;

  void queue_added(std::string_view queue) override { metrics_.queue_added(queue); }
  void queue_retried(std::string_view queue) override { metrics_.queue_retried(queue); }
  void queue_depth(std::string_view queue, std::size_t ready) override { metrics_.queue_depth(queue, ready); }
  void queue_waited(std::string_view queue, Duration waited) override { metrics_.queue_waited(queue, waited); }
  void workers(std::string_view controller, std::size_t active, std::size_t most) override {
    metrics_.workers(controller, active, most);
  }
  void reconciled(std::string_view controller, std::string_view result, Duration took) override;
  void passed(const std::string& backend, const Pass& pass, const std::map<std::string, std::size_t>& drift) override {
    metrics_.observe(backend, pass, drift);
  }
  void proved(const std::string& backend, std::string_view claim, bool held) override {
    metrics_.proved(backend, claim, held);
  }
  void became_ready(std::string_view kind, Duration took) override { metrics_.became_ready(kind, took); }
  void subscriptions(const std::map<std::string, std::size_t>& by_phase) override { metrics_.subscriptions(by_phase); }
  void event(const EventNote& note) override;

 private:
  void write_events(const std::stop_token& stop);
  void write(const telemetry::EventWrite& write);

  telemetry::Metrics& metrics_;
  kube::Store& store_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<EventNote> notes_;
  telemetry::EventLog log_;
  std::jthread writer_;
};

}  // namespace datamesh::app

#pragma once
// Kubernetes Events (events.k8s.io/v1), and what to write of them: the first of its kind is an object of its own, what
// repeats is counted in its series. A plain data structure: no threads, no clock; who calls writes what it returns.

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/clock.hpp"

namespace datamesh::telemetry {

struct ObjectReference {
  std::string api_version, kind, ns, name, uid;
  auto operator<=>(const ObjectReference&) const = default;
};

struct Event {
  ObjectReference regarding;
  bool warning = false;  // type: Warning, else Normal
  std::string reason;    // CamelCase, at most 128 characters
  std::string action;    // at most 128 characters
  std::string note;      // at most 1024 bytes; cut if longer
  auto operator<=>(const Event&) const = default;
};

struct EventWrite {
  std::string ns, name;
  Event event;
  int count = 1;  // 1: create the object; more: bring its series up to date
  WallTime first, last;
};

class EventLog {
 public:
  struct Limits {
    std::chrono::milliseconds idle = std::chrono::minutes(6);      // a series without a repetition ends
    std::chrono::milliseconds refresh = std::chrono::minutes(30);  // a running one is written so often at most
    std::size_t series = 4096;                                     // remembered; the one longest unseen is forgotten
  };

  EventLog() : EventLog(Limits{}) {}
  explicit EventLog(const Limits& limits) : limits_(limits) {}

  // What is to be written now: the first of a kind and its first repetition at once, the rest with tick().
  std::optional<EventWrite> add(const Event& event, WallTime now);
  // The final counts of series that ended, and running ones whose refresh is due.
  std::vector<EventWrite> tick(WallTime now);
  std::size_t size() const { return series_.size(); }

 private:
  struct Series {
    std::string name;
    int count = 1, written = 1;
    WallTime first, last, last_write;
    std::list<const Event*>::iterator age;
  };
  EventWrite write_of(const Event& event, Series& series, WallTime now) const;

  const Limits limits_;
  std::map<Event, Series> series_;
  std::list<const Event*> by_age_;  // longest unseen first
};

// The object to create, and the merge patch that brings its series up to date. `controller` is the reportingController
// ("datamesh.dev/controller"), `instance` names this process.
nlohmann::json event_object(const EventWrite& write, const std::string& controller, const std::string& instance);
nlohmann::json series_patch(const EventWrite& write);

}  // namespace datamesh::telemetry

#include "controller/telemetry/events.hpp"

#include <algorithm>
#include <cstdio>

#include "controller/core/json.hpp"

namespace datamesh::telemetry {
namespace {

// At most `bytes`, never within a UTF-8 sequence.
std::string cut(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// "{object}.{hexadecimal nanoseconds}", as client-go names them. `salt` tells those of one millisecond apart.
std::string name_of(const Event& event, WallTime now, std::size_t salt) {
  char suffix[32];
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  std::snprintf(suffix, sizeof suffix, ".%llx", static_cast<unsigned long long>(nanoseconds) + salt % 1'000'000);
  return cut(event.regarding.name, 253 - 20) + suffix;
}

}  // namespace

std::optional<EventWrite> EventLog::add(const Event& given, WallTime now) {
  Event event = given;
  event.note = cut(event.note, 1024);
  event.reason = cut(event.reason, 128);
  event.action = cut(event.action, 128);
  auto known = series_.find(event);
  if (known != series_.end() && now - known->second.last > limits_.idle) {  // ended, and tick() has not said so yet
    by_age_.erase(known->second.age);
    series_.erase(known);
    known = series_.end();
  }
  if (known == series_.end()) {
    if (series_.size() >= limits_.series) {
      series_.erase(*by_age_.front());
      by_age_.pop_front();
    }
    const std::size_t salt = std::hash<std::string>{}(event.reason + '\0' + event.action + '\0' + event.note);
    const auto added = series_.emplace(event, Series{name_of(event, now, salt), 1, 1, now, now, now, {}}).first;
    added->second.age = by_age_.insert(by_age_.end(), &added->first);
    return write_of(added->first, added->second, now);
  }
  Series& series = known->second;
  ++series.count;
  series.last = now;
  by_age_.splice(by_age_.end(), by_age_, series.age);
  if (series.count == 2) return write_of(known->first, series, now);
  return std::nullopt;
}

std::vector<EventWrite> EventLog::tick(WallTime now) {
  std::vector<EventWrite> writes;
  for (auto it = series_.begin(); it != series_.end();) {
    auto& [event, series] = *it;
    const bool ended = now - series.last > limits_.idle;
    const bool stale = now - series.last_write >= limits_.refresh;
    if (series.count > series.written && (ended || stale)) writes.push_back(write_of(event, series, now));
    if (ended) {
      by_age_.erase(series.age);
      it = series_.erase(it);
    } else {
      ++it;
    }
  }
  return writes;
}

EventWrite EventLog::write_of(const Event& event, Series& series, WallTime now) const {
  series.written = series.count;
  series.last_write = now;
  const std::string ns = event.regarding.ns.empty() ? "default" : event.regarding.ns;
  return {ns, series.name, event, series.count, series.first, series.last};
}

nlohmann::json event_object(const EventWrite& write, const std::string& controller, const std::string& instance) {
  const Event& event = write.event;
  Json regarding = {
      {"apiVersion", event.regarding.api_version}, {"kind", event.regarding.kind}, {"name", event.regarding.name}};
  if (!event.regarding.ns.empty()) regarding["namespace"] = event.regarding.ns;
  if (!event.regarding.uid.empty()) regarding["uid"] = event.regarding.uid;
  Json object = {{"apiVersion", "events.k8s.io/v1"},
                 {"kind", "Event"},
                 {"metadata", {{"namespace", write.ns}, {"name", write.name}}},
                 {"eventTime", format_micro_time(write.first)},
                 {"reportingController", controller},
                 {"reportingInstance", cut(instance, 128)},
                 {"action", event.action.empty() ? event.reason : event.action},
                 {"reason", event.reason},
                 {"regarding", std::move(regarding)},
                 {"note", event.note},
                 {"type", event.warning ? "Warning" : "Normal"}};
  if (write.count > 1) object["series"] = series_patch(write)["series"];
  return object;
}

nlohmann::json series_patch(const EventWrite& write) {
  return {{"series", {{"count", write.count}, {"lastObservedTime", format_micro_time(write.last)}}}};
}

}  // namespace datamesh::telemetry

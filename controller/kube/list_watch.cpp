#include "controller/kube/list_watch.hpp"

#include <algorithm>
#include <optional>
#include <random>

#include "controller/core/json.hpp"
#include "controller/core/log.hpp"
#include "controller/core/rest.hpp"

namespace datamesh::kube {
namespace {

constexpr JsonLimits kListLimits{.bytes = 256u << 20, .depth = 120};
constexpr JsonLimits kEventLimits{.bytes = 64u << 20, .depth = 120};
constexpr int kGone = 410;
constexpr int kSameVersionMax = 3;  // how often a watch that fails is begun again where it was
constexpr int kStreamsFailedMax = 2;
constexpr auto kShortWatch = std::chrono::seconds(1);

Code code_of(int status) {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return Code::Invalid;
    case 401:
    case 403:
      return Code::Denied;
    case 404:
      return Code::NotFound;
    case 409:
    case kGone:
      return Code::Conflict;
    default:
      return status >= 500 || status == 429 ? Code::Unavailable : Code::Internal;
  }
}

// Items of a list do not repeat what the list says of them.
void complete(const ResourceType& type, Json& item) {
  item["apiVersion"] = type.group.empty() ? type.version : type.group + "/" + type.version;
  item["kind"] = type.kind;
}

class Follower {
 public:
  Follower(http::Client& client, const ResourceType& type, const std::string& selector,
           const std::function<void(const Event&)>& sink, const ListWatchOptions& options, std::stop_token stop)
      : client_(client),
        type_(type),
        selector_(selector),
        sink_(sink),
        options_(options),
        stop_(std::move(stop)),
        streaming_(options.streaming) {}

  void run() {
    while (!stop_.stop_requested()) {
      const Outcome outcome = version_.empty() ? begin() : watch(from_version());
      if (stop_.stop_requested()) return;
      if (!outcome.trouble) continue;
      if (outcome.list_again) version_.clear();
      back_off(*outcome.trouble);
    }
  }

 private:
  struct Outcome {
    std::optional<Error> trouble = {};
    bool list_again = false;
  };

  // Everything there is. Afterwards version_ is set, or there was trouble.
  Outcome begin() {
    if (std::exchange(delivered_, true)) sink_({Event::Type::Relist, nullptr});
    syncing_ = true;
    if (streaming_ && streams_failed_ < kStreamsFailedMax) {
      Outcome outcome = watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=");
      if (!syncing_ || stop_.stop_requested()) return outcome;
      ++streams_failed_;
      if (outcome.trouble && outcome.trouble->code != Code::Invalid) return {outcome.trouble, true};
      streaming_ = false;  // not served here, or it ended before it was complete
      sink_({Event::Type::Relist, nullptr});
    }
    streams_failed_ = 0;  // pages for once: not everything between us and the server carries streams
    const auto listed = list_pages(
        client_, type_, "", selector_, options_.page_size,
        [&](Json& item) {
          sink_({Event::Type::Put, &item});
        },
        [&] {
          sink_({Event::Type::Relist, nullptr});
        },
        stop_);
    if (!listed) return {listed.error(), true};
    version_ = *listed;
    synced();
    return {};
  }

  void synced() {
    syncing_ = false;
    streams_failed_ = 0;
    sink_({Event::Type::Synced, nullptr});
  }

  std::string from_version() const { return "&resourceVersion=" + version_; }

  // One stream, from where `start` says, until it ends.
  Outcome watch(const std::string& start) {
    std::string target = path_of(type_, "", "") + "?watch=1&allowWatchBookmarks=true" + start +
                         "&timeoutSeconds=" + std::to_string(300 + random_() % 300);
    if (!selector_.empty()) target += "&labelSelector=" + http::percent_encode(selector_);
    Outcome outcome;
    std::size_t events = 0;
    const Steady began = options_.clock->steady();
    const auto ended = client_.lines(
        {.target = target, .timeout = options_.silence_max},
        [&](std::string_view line) {
          if (line.empty()) return true;
          outcome = take(line);
          if (outcome.trouble) return false;
          ++events;
          failures_ = same_version_ = 0;
          return !stop_.stop_requested();
        },
        stop_);
    if (outcome.trouble || stop_.stop_requested()) return outcome;
    if (!ended) return again(ended.error());
    if (ended->status == kGone) return {error_of(*ended), true};
    if (ended->status >= 400) return again(error_of(*ended));
    if (events == 0 && options_.clock->steady() - began < kShortWatch) {
      return again({Code::Unavailable, "the watch ended at once"});
    }
    return {};  // its time was over: go on from the last version
  }

  // From the same version for a few times; then the version itself may be what is wrong.
  Outcome again(Error trouble) { return {std::move(trouble), ++same_version_ > kSameVersionMax}; }

  Outcome take(std::string_view line) {
    const auto event = parse_json(line, kEventLimits);
    const Json* object = event ? find(*event, {"object"}) : nullptr;
    if (!object || !object->is_object()) return again({Code::Unavailable, "an event that cannot be read"});
    const std::string kind = string_at(*event, {"type"});
    if (kind == "ERROR") return failed(*object);
    const std::string version = string_at(*object, {"metadata", "resourceVersion"});
    if (version.empty()) return again({Code::Unavailable, "an event without a resourceVersion"});
    if (kind == "BOOKMARK") {
      const bool complete = string_at(*object, {"metadata", "annotations", "k8s.io/initial-events-end"}) == "true";
      // Before that, a version would stand for a part of what there is.
      if (!syncing_ || complete) version_ = version;
      if (syncing_ && complete) synced();
      return {};
    }
    if (!syncing_) version_ = version;
    sink_({kind == "DELETED" ? Event::Type::Removed : Event::Type::Put, object});
    return {};
  }

  // A Status inside the stream. Busy or broken servers are asked again; anything else is a version that is of no use.
  Outcome failed(const Json& status) {
    const Json* code = find(status, {"code"});
    const int number = code && code->is_number_integer() ? code->get<int>() : 0;
    Error error{number == 0 ? Code::Unavailable : code_of(number), string_at(status, {"message"})};
    if (number == 429 || number >= 500) return again(std::move(error));
    return {std::move(error), true};
  }

  void back_off(const Error& error) {
    log_warn("watch interrupted", {{"kind", type_.kind}, {"error", error.message}});
    const Duration delay = std::min(options_.longest_wait, options_.first_wait * (1 << std::min(failures_++, 6)));
    rest(delay / 2 + std::chrono::duration_cast<Duration>(delay * std::uniform_real_distribution<>(0, 1)(random_)),
         stop_);
  }

  http::Client& client_;
  const ResourceType& type_;
  const std::string& selector_;
  const std::function<void(const Event&)>& sink_;
  const ListWatchOptions& options_;
  const std::stop_token stop_;
  std::minstd_rand random_{std::random_device{}()};
  std::string version_;     // everything up to it was delivered; empty: unknown
  bool streaming_;          // the server has not refused it yet
  bool syncing_ = false;    // on the way to the first Synced after a listing began
  bool delivered_ = false;  // something may have been
  int failures_ = 0, same_version_ = 0, streams_failed_ = 0;
};

}  // namespace

Error error_of(const http::Response& response) {
  const auto status = parse_json(response.body);
  std::string message = status ? string_at(*status, {"message"}) : std::string();
  if (message.empty()) message = "the server answered " + std::to_string(response.status);
  return {code_of(response.status), message};
}

std::string path_of(const ResourceType& type, const std::string& ns, const std::string& name,
                    const std::string& subresource) {
  std::string path = type.group.empty() ? "/api/" + type.version : "/apis/" + type.group + "/" + type.version;
  if (type.namespaced && !ns.empty()) path += "/namespaces/" + http::percent_encode(ns);
  path += "/" + type.plural;
  if (!name.empty()) path += "/" + http::percent_encode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

Result<std::string> list_pages(http::Client& client, const ResourceType& type, const std::string& ns,
                               const std::string& label_selector, int page_size, const std::function<void(Json&)>& each,
                               const std::function<void()>& restart, const std::stop_token& stop) {
  std::string next;
  bool whole = false;
  for (;;) {
    std::string target = path_of(type, ns, "");
    target += whole ? "?" : "?limit=" + std::to_string(page_size);
    if (!label_selector.empty()) target += "&labelSelector=" + http::percent_encode(label_selector);
    if (!next.empty()) target += "&continue=" + http::percent_encode(next);
    auto response = client.request({.target = target}, stop);
    if (!response) return response.error();
    if (response->status == kGone && !next.empty() && !whole) {
      // Too slow for the server's history. The rest at another version would be no list of anything.
      whole = true;
      next.clear();
      restart();
      continue;
    }
    if (response->status >= 400) return error_of(*response);
    DATAMESH_TRY(Json page, parse_json(response->body, kListLimits));
    if (const auto items = page.find("items"); items != page.end() && items->is_array()) {
      for (auto& item : *items) {
        complete(type, item);
        each(item);
      }
    }
    next = string_at(page, {"metadata", "continue"});
    if (!next.empty()) continue;
    std::string version = string_at(page, {"metadata", "resourceVersion"});
    if (version.empty()) return Error{Code::Unavailable, "a list without a resourceVersion"};
    return version;
  }
}

void follow(http::Client& client, const ResourceType& type, const std::string& label_selector,
            const std::function<void(const Event&)>& sink, const ListWatchOptions& options, std::stop_token stop) {
  Follower(client, type, label_selector, sink, options, std::move(stop)).run();
}

}  // namespace datamesh::kube

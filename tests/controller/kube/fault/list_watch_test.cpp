// The client's side of the list/watch contract, against servers that misbehave byte by byte.

#include "controller/kube/list_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/json.hpp"
#include "tests/controller/kube/fault/scripted_server.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::kube {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::ScriptedServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const ResourceType kWidgets{"test.dev", "v1", "widgets", "Widget", true};

std::string event(const std::string& type, const std::string& name, int version, std::size_t padding = 0) {
  Json object = {{"apiVersion", "test.dev/v1"},
                 {"kind", "Widget"},
                 {"metadata", {{"name", name}, {"resourceVersion", std::to_string(version)}}}};
  if (padding > 0) object["spec"]["padding"] = std::string(padding, 'x');
  return Json{{"type", type}, {"object", object}}.dump() + "\n";
}
std::string bookmark(int version, bool complete) {
  Json metadata = {{"resourceVersion", std::to_string(version)}};
  if (complete) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return Json{{"type", "BOOKMARK"}, {"object", {{"kind", "Widget"}, {"metadata", metadata}}}}.dump() + "\n";
}
std::string status(int code, const std::string& message = "no") {
  return Json{{"kind", "Status"}, {"status", "Failure"}, {"code", code}, {"message", message}}.dump();
}
std::string error_event(int code) {
  return R"({"type":"ERROR","object":)" + status(code) + "}\n";
}
std::string page(const std::vector<std::string>& names, int version, const std::string& next = "") {
  Json items = Json::array();
  for (const auto& name : names) items.push_back({{"metadata", {{"name", name}, {"resourceVersion", "1"}}}});
  return Json{{"kind", "WidgetList"},
              {"metadata", {{"resourceVersion", std::to_string(version)}, {"continue", next}}},
              {"items", items}}
      .dump();
}
bool is_watch(const std::string& target) {
  return target.find("watch=1") != std::string::npos;
}
bool is_streaming_list(const std::string& target) {
  return target.find("sendInitialEvents=true") != std::string::npos;
}

// Follows a scripted server in a thread, and writes down what it delivers.
class Following {
 public:
  explicit Following(ScriptedServer::Script script, ListWatchOptions options = {}) : server_(std::move(script)) {
    if (options.first_wait == ListWatchOptions{}.first_wait) options.first_wait = 20ms;
    auto client = http::make_client({.url = server_.url()});
    EXPECT_TRUE(client);
    client_ = *std::move(client);
    thread_ = std::jthread([this, options](std::stop_token stop) {
      follow(
          *client_, kWidgets, "", [this](const Event& event) { take(event); }, options, std::move(stop));
    });
  }

  bool until(const std::string& wanted) {
    return datamesh::test::wait_until(
        [&] {
          const auto seen = log();
          return std::ranges::find(seen, wanted) != seen.end();
        },
        60s);
  }
  bool until_requests(std::size_t count) {
    return datamesh::test::wait_until([&] { return server_.count() >= count; }, 60s);
  }
  std::vector<std::string> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::vector<std::string> targets() const { return server_.targets(); }

 private:
  void take(const Event& event) {
    const std::lock_guard lock(mutex_);
    switch (event.type) {
      case Event::Type::Put:
        log_.push_back("put " + string_at(*event.object, {"metadata", "name"}));
        EXPECT_EQ((*event.object)["kind"], "Widget");
        break;
      case Event::Type::Removed:
        log_.push_back("removed " + string_at(*event.object, {"metadata", "name"}));
        break;
      case Event::Type::Synced:
        log_.emplace_back("synced");
        break;
      case Event::Type::Relist:
        log_.emplace_back("relist");
        break;
    }
  }

  mutable std::mutex mutex_;
  std::vector<std::string> log_;
  ScriptedServer server_;
  std::unique_ptr<http::Client> client_;
  std::jthread thread_;
};

// Answers the streaming list with "a" at version 7, then what `after` does with the n-th watch that follows.
ScriptedServer::Script after_sync(std::function<void(int, const std::string&, const Peer&)> after) {
  auto watches = std::make_shared<std::atomic<int>>(0);
  return [after = std::move(after), watches](int, const std::string& target, const std::string&, const Peer& peer) {
    if (is_streaming_list(target)) {
      peer.begin_stream();
      peer.chunk(event("ADDED", "a", 5) + bookmark(7, true));
      peer.end_stream();
    } else {
      after((*watches)++, target, peer);
    }
  };
}

TEST(ListWatch, AStreamingListGoesOnAsTheWatch) {
  Following it([](int, const std::string&, const std::string&, const Peer& peer) {
    peer.begin_stream();
    peer.chunk(event("ADDED", "a", 5) + event("ADDED", "b", 3));
    peer.chunk(bookmark(7, true));
    peer.chunk(event("MODIFIED", "a", 8) + event("DELETED", "b", 9) + event("ADDED", "c", 10));
    peer.hold();
  });
  EXPECT_TRUE(it.until("put c"));
  EXPECT_THAT(it.log(), ElementsAre("put a", "put b", "synced", "put a", "removed b", "put c"));
  EXPECT_EQ(it.targets().size(), 1U);
  EXPECT_THAT(it.targets()[0], HasSubstr("resourceVersionMatch=NotOlderThan"));
}

TEST(ListWatch, PagesAreReadWhereStreamingListsAreRefused) {
  Following it([](int, const std::string& target, const std::string&, const Peer& peer) {
    if (is_streaming_list(target)) {
      peer.answer(422, status(422, "sendInitialEvents is forbidden"));
    } else if (is_watch(target)) {
      peer.begin_stream();
      peer.chunk(event("ADDED", "c", 43));
      peer.hold();
    } else if (target.find("continue=next") != std::string::npos) {
      peer.answer(200, page({"b"}, 42));
    } else {
      peer.answer(200, page({"a"}, 42, "next"));
    }
  });
  EXPECT_TRUE(it.until("put c"));
  EXPECT_THAT(it.log(), ElementsAre("relist", "put a", "put b", "synced", "put c"));
  const auto targets = it.targets();
  ASSERT_EQ(targets.size(), 4U);
  EXPECT_THAT(targets[1], HasSubstr("limit=500"));
  EXPECT_THAT(targets[3], HasSubstr("resourceVersion=42&"));
}

TEST(ListWatch, ATokenThatExpiredBetweenPagesMakesOneWholeList) {
  Following it(
      [](int, const std::string& target, const std::string&, const Peer& peer) {
        if (is_watch(target)) {
          peer.begin_stream();
          peer.hold();
        } else if (target.find("continue=next") != std::string::npos) {
          peer.answer(410, status(410, "The provided continue parameter is too old"));
        } else if (target.find("limit=") != std::string::npos) {
          peer.answer(200, page({"a", "gone"}, 42, "next"));
        } else {
          peer.answer(200, page({"a", "b"}, 50));
        }
      },
      {.streaming = false});
  EXPECT_TRUE(it.until_requests(4));
  EXPECT_THAT(it.log(), ElementsAre("put a", "put gone", "relist", "put a", "put b", "synced"));
  EXPECT_THAT(it.targets().back(), HasSubstr("resourceVersion=50&"));
}

TEST(ListWatch, AVersionThatIsTooOldIsListedAgainInBothForms) {
  for (const bool inside : {false, true}) {
    auto lists = std::make_shared<std::atomic<int>>(0);
    Following it([inside, lists](int, const std::string& target, const std::string&, const Peer& peer) {
      if (is_streaming_list(target)) {
        peer.begin_stream();
        peer.chunk(event("ADDED", (*lists)++ == 0 ? "old" : "new", 5) + bookmark(7, true));
        if (*lists == 1) return peer.end_stream();
        return peer.hold();
      }
      if (!inside) return peer.answer(410, status(410, "too old resource version"));
      peer.begin_stream();
      peer.chunk(error_event(410));
      peer.end_stream();
    });
    EXPECT_TRUE(it.until("put new"));
    EXPECT_THAT(it.log(), ElementsAre("put old", "synced", "relist", "put new", "synced")) << inside;
  }
}

TEST(ListWatch, AStreamCutInTheMiddleOfAnEventGoesOnFromTheLastWholeOne) {
  Following it(after_sync([](int number, const std::string&, const Peer& peer) {
    peer.begin_stream();
    if (number == 0) {
      peer.chunk(event("ADDED", "b", 8));
      const std::string half = event("ADDED", "c", 9);
      return peer.chunk(half.substr(0, half.size() / 2));
    }
    peer.chunk(event("ADDED", "c", 9));
    peer.hold();
  }));
  EXPECT_TRUE(it.until("put c"));
  EXPECT_THAT(it.log(), ElementsAre("put a", "synced", "put b", "put c"));
  EXPECT_THAT(it.targets().back(), HasSubstr("resourceVersion=8&"));
}

TEST(ListWatch, ABookmarkIsWhereTheNextWatchBegins) {
  Following it(after_sync([](int number, const std::string&, const Peer& peer) {
    peer.begin_stream();
    if (number == 0) {
      peer.chunk(bookmark(50, false));
      return peer.end_stream();
    }
    peer.chunk(event("ADDED", "b", 51));
    peer.hold();
  }));
  EXPECT_TRUE(it.until("put b"));
  EXPECT_THAT(it.targets().back(), HasSubstr("resourceVersion=50&"));
}

TEST(ListWatch, ABookmarkBeforeTheEndOfAStreamingListIsNoVersionToGoOnFrom) {
  Following it([](int number, const std::string&, const std::string&, const Peer& peer) {
    peer.begin_stream();
    if (number == 0) return peer.chunk(event("ADDED", "a", 5) + bookmark(6, false));  // and cut
    peer.chunk(event("ADDED", "a", 5) + event("ADDED", "b", 4) + bookmark(7, true));
    peer.hold();
  });
  EXPECT_TRUE(it.until("synced"));
  EXPECT_THAT(it.log(), ElementsAre("put a", "relist", "put a", "put b", "synced"));
}

TEST(ListWatch, EventsOfAnySizeArriveHoweverTheyAreCut) {
  Following it(after_sync([](int, const std::string&, const Peer& peer) {
    peer.begin_stream();
    peer.chunk(event("ADDED", "huge", 8, 5u << 20));
    const std::string slow = event("ADDED", "slow", 9);
    for (const char byte : slow) peer.chunk(std::string(1, byte));
    peer.hold();
  }));
  EXPECT_TRUE(it.until("put slow"));
  EXPECT_THAT(it.log(), ElementsAre("put a", "synced", "put huge", "put slow"));
}

TEST(ListWatch, AServerInTroubleIsAskedAgainFromTheSameVersionAndThenListed) {
  auto broken = std::make_shared<std::atomic<int>>(0);
  Following it([broken](int, const std::string& target, const std::string&, const Peer& peer) {
    if (is_streaming_list(target)) {
      peer.begin_stream();
      peer.chunk(event("ADDED", *broken == 0 ? "a" : "again", 5) + bookmark(7, true));
      if (*broken == 0) return peer.end_stream();
      return peer.hold();
    }
    ++*broken;
    peer.begin_stream();
    peer.chunk(error_event(500));
    peer.end_stream();
  });
  EXPECT_TRUE(it.until("put again"));
  EXPECT_EQ(*broken, 4);
  for (const auto& target : it.targets()) {
    if (!is_streaming_list(target)) EXPECT_THAT(target, HasSubstr("resourceVersion=7&"));
  }
}

TEST(ListWatch, AStreamThatFallsSilentIsLeft) {
  Following it(after_sync([](int number, const std::string&, const Peer& peer) {
                 peer.begin_stream();
                 if (number > 0) peer.chunk(event("ADDED", "b", 8));
                 peer.hold();
               }),
               {.silence_max = 300ms});
  EXPECT_TRUE(it.until("put b"));
}

TEST(ListWatch, AServerThatEndsEveryWatchAtOnceIsNotHammered) {
  std::mutex mutex;
  std::vector<Steady> times;
  Following it(after_sync([&](int, const std::string&, const Peer& peer) {
                 {
                   const std::lock_guard lock(mutex);
                   times.push_back(real_clock().steady());
                 }
                 peer.begin_stream();
                 peer.end_stream();
               }),
               {.first_wait = 200ms});
  EXPECT_TRUE(it.until_requests(4));
  const std::lock_guard lock(mutex);
  ASSERT_GE(times.size(), 3U);
  EXPECT_GE(times[1] - times[0], 100ms);
  EXPECT_GE(times[2] - times[1], 200ms) << "the wait grows";
}

TEST(ListWatch, WhatIsDownIsWaitedForAndStreamingIsTriedAgainLater) {
  Following it([](int number, const std::string& target, const std::string&, const Peer& peer) {
    if (number < 2) return peer.answer(503, status(503));
    if (!is_watch(target)) return peer.answer(200, page({"a"}, 42));
    peer.begin_stream();
    peer.hold();
  });
  EXPECT_TRUE(it.until("synced"));
  EXPECT_THAT(it.log(), ElementsAre("relist", "relist", "put a", "synced"));
}

}  // namespace
}  // namespace datamesh::kube

#include "controller/telemetry/events.hpp"

#include <gtest/gtest.h>

#include "controller/core/json.hpp"

namespace datamesh::telemetry {
namespace {

using namespace std::chrono_literals;

const WallTime start = WallTime{std::chrono::seconds(1'800'000'000)};

Event granted(const std::string& name = "orders") {
  return {{"mesh.dev/v1", "Subscription", "sales", name, "uid-1"}, false, "Granted", "Grant", "may read orders"};
}

TEST(EventLog, WritesTheFirstAndItsFirstRepetitionAtOnce) {
  EventLog log;
  const auto first = log.add(granted(), start);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->count, 1);
  EXPECT_EQ(first->ns, "sales");
  const auto second = log.add(granted(), start + 1s);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->name, first->name);
  EXPECT_EQ(second->count, 2);
  EXPECT_EQ(second->last, start + 1s);
  EXPECT_FALSE(log.add(granted(), start + 2s)) << "a storm of the same is not a storm of writes";
  EXPECT_TRUE(log.tick(start + 3s).empty());
}

TEST(EventLog, WritesTheFinalCountOnceASeriesHasEnded) {
  EventLog log;
  for (int i = 0; i < 10; ++i) log.add(granted(), start + i * 1s);
  EXPECT_TRUE(log.tick(start + 6min).empty());
  const auto writes = log.tick(start + 6min + 10s);
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].count, 10);
  EXPECT_EQ(writes[0].last, start + 9s);
  EXPECT_EQ(log.size(), 0u);
}

TEST(EventLog, RefreshesASeriesThatGoesOn) {
  EventLog log;
  int writes = 0;
  for (int minute = 0; minute < 120; ++minute) {
    writes += log.add(granted(), start + minute * 1min).has_value();
    writes += static_cast<int>(log.tick(start + minute * 1min).size());
  }
  EXPECT_EQ(writes, 2 + 3) << "the first, its repetition, one each half hour";
}

TEST(EventLog, BeginsAnewAfterSilence) {
  EventLog log;
  const auto first = log.add(granted(), start);
  const auto later = log.add(granted(), start + 7min);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->count, 1);
  EXPECT_NE(later->name, first->name);
}

TEST(EventLog, TellsApartWhatDiffers) {
  EventLog log;
  Event other_note = granted(), warning = granted();
  other_note.note = "may read customers";
  warning.warning = true;
  EXPECT_EQ(log.add(granted(), start)->count, 1);
  EXPECT_EQ(log.add(other_note, start)->count, 1);
  EXPECT_EQ(log.add(warning, start)->count, 1);
  EXPECT_EQ(log.add(granted("customers"), start)->count, 1);
  EXPECT_NE(log.add(other_note, start)->name, log.add(granted(), start)->name);
}

TEST(EventLog, RemembersABoundedNumber) {
  EventLog log({.idle = 6min, .refresh = 30min, .series = 10});
  for (int i = 0; i < 10; ++i) log.add(granted(std::to_string(i)), start + i * 1s);
  log.add(granted("0"), start + 20s);
  log.add(granted("new"), start + 21s);
  EXPECT_EQ(log.size(), 10u);
  EXPECT_EQ(log.add(granted("1"), start + 22s)->count, 1) << "the one longest unseen was forgotten";
  EXPECT_FALSE(log.add(granted("0"), start + 23s)) << "the one seen lately was not";
}

TEST(EventLog, CutsWhatIsTooLongBetweenCharacters) {
  EventLog log;
  Event event = granted();
  event.note = std::string(1023, 'x') + "\xc3\xa9\xc3\xa9";
  const auto write = log.add(event, start);
  EXPECT_EQ(write->event.note, std::string(1023, 'x'));
}

TEST(EventObject, IsAnEventOfTheApi) {
  EventLog log;
  const auto first = log.add(granted(), start);
  const Json object = event_object(*first, "mesh.dev/controller", "host-1");
  EXPECT_EQ(object["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(object["eventTime"], "2027-01-15T08:00:00.000000Z");
  EXPECT_EQ(object["metadata"]["namespace"], "sales");
  EXPECT_TRUE(object["metadata"]["name"].get<std::string>().starts_with("orders."));
  EXPECT_EQ(object["regarding"]["kind"], "Subscription");
  EXPECT_EQ(object["type"], "Normal");
  EXPECT_FALSE(object.contains("series"));
  const auto second = log.add(granted(), start + 1s);
  EXPECT_EQ(series_patch(*second).dump(), R"({"series":{"count":2,"lastObservedTime":"2027-01-15T08:00:01.000000Z"}})");
  Event of_a_cluster_scoped_kind = granted();
  of_a_cluster_scoped_kind.regarding.ns = "";
  EXPECT_EQ(log.add(of_a_cluster_scoped_kind, start)->ns, "default");
}

}  // namespace
}  // namespace datamesh::telemetry

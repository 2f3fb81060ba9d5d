#include "apiserver/schema/managed_fields.hpp"

#include <gtest/gtest.h>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

const char* const version = "datamesh.dev/v1alpha1";

const Schema& schema() {
  static const Schema compiled = *Schema::compile(Json::parse(R"({"type":"object","properties":{
    "spec":{"type":"object","properties":{
      "engine":{"type":"string"},"size":{"type":"integer"},
      "ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
               "items":{"type":"object","properties":{"name":{"type":"string"},"port":{"type":"integer"},"proto":{"type":"string"}}}},
      "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
      "plain":{"type":"array","items":{"type":"string"}},
      "whole":{"type":"object","x-kubernetes-map-type":"atomic","properties":{"a":{"type":"string"},"b":{"type":"string"}}}}},
    "status":{"type":"object","properties":{"ready":{"type":"boolean"}}}}})"));
  return compiled;
}

Writer writer(std::string manager, std::string time = "2026-01-01T00:00:00Z", std::string subresource = "") {
  return {std::move(manager), version, std::move(subresource), std::move(time), true};
}

Json object_with(const Json& spec) {
  return {{"apiVersion", version}, {"kind", "Backend"}, {"metadata", {{"name", "x"}}}, {"spec", spec}};
}

// manager -> fieldsV1
Json owners(const Json& object) {
  Json out = Json::object();
  const Json* list = find(object, {"metadata", "managedFields"});
  if (!list) return out;
  for (const Json& one : *list)
    out[one["manager"].get<std::string>() + "/" + one["operation"].get<std::string>()] = one["fieldsV1"];
  return out;
}

Json created(const Json& spec, const std::string& manager = "kubectl-create") {
  Json object = object_with(spec);
  track_update(nullptr, object, writer(manager), schema());
  return object;
}

Json must_apply(const Json* live, const Json& spec, const std::string& manager, bool force = false) {
  const Applied applied = apply(live, object_with(spec), writer(manager, "2026-01-02T00:00:00Z"), schema(), force);
  EXPECT_TRUE(applied.conflicts.empty()) << conflict_message(applied.conflicts);
  EXPECT_FALSE(applied.bad_request) << *applied.bad_request;
  return applied.object();
}

TEST(ManagedFields, ACreateOwnsWhatItSaysAndNoBookkeeping) {
  Json object = object_with({{"engine", "nats"}, {"ports", {{{"name", "a"}, {"port", 1}}}}});
  object["metadata"].update({{"labels", {{"l", "1"}}}, {"uid", "u"}, {"generation", 1}, {"resourceVersion", "7"}});
  object["status"] = {{"ready", true}};
  track_update(nullptr, object, writer("kubectl-create"), schema());
  const Json& entry = object["metadata"]["managedFields"][0];
  EXPECT_EQ(entry["time"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(entry["fieldsType"], "FieldsV1");
  EXPECT_EQ(entry["fieldsV1"], Json::parse(R"({"f:metadata":{"f:labels":{".":{},"f:l":{}}},
    "f:spec":{".":{},"f:engine":{},"f:ports":{".":{},"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:port":{}}}}})"));
}

TEST(ManagedFields, AnUpdateTakesOverWhatItChanges) {
  const Json live = created({{"engine", "nats"}, {"size", 1}});
  Json object = live;
  object["spec"]["size"] = 2;
  object["spec"]["tags"] = {"x"};
  track_update(&live, object, writer("edit", "2026-01-03T00:00:00Z"), schema());
  EXPECT_EQ(owners(object), Json::parse(R"({"kubectl-create/Update":{"f:spec":{".":{},"f:engine":{}}},
    "edit/Update":{"f:spec":{"f:size":{},"f:tags":{".":{},"v:\"x\"":{}}}}})"));
  Json removed = object;
  removed["spec"].erase("tags");
  track_update(&object, removed, writer("edit", "2026-01-04T00:00:00Z"), schema());
  EXPECT_EQ(owners(removed)["edit/Update"], Json::parse(R"({"f:spec":{"f:size":{}}})"));
}

TEST(ManagedFields, NothingChangedNothingWritten) {
  const Json live = created({{"engine", "nats"}});
  Json object = live;
  object["metadata"].erase("managedFields");
  track_update(&live, object, writer("other", "2027-01-01T00:00:00Z"), schema());
  EXPECT_EQ(object, live);
}

TEST(ManagedFields, StatusHasItsOwnManager) {
  const Json live = created({{"engine", "nats"}});
  Json object = live;
  object["status"] = {{"ready", true}};
  track_update(&live, object, writer("datamesh", "2026-01-03T00:00:00Z", "status"), schema());
  EXPECT_EQ(owners(object)["datamesh/Update"], Json::parse(R"({"f:status":{".":{},"f:ready":{}}})"));
  EXPECT_EQ(object["metadata"]["managedFields"][1]["subresource"], "status");
}

TEST(ManagedFields, AnEmptyListResets) {
  const Json live = created({{"engine", "nats"}});
  Json object = live;
  object["metadata"]["managedFields"] = Json::array({Json::object()});
  object["spec"]["size"] = 1;
  track_update(&live, object, writer("x"), schema());
  EXPECT_EQ(owners(object), Json::parse(R"({"x/Update":{"f:spec":{"f:size":{}}}})"));
}

TEST(ManagedFields, OldUpdatersAreFoldedTogether) {
  Json live = created({{"size", 0}});
  for (int i = 0; i < 15; ++i) {
    Json object = live;
    object["metadata"]["labels"]["l" + std::to_string(i)] = "1";
    track_update(&live, object, writer("m" + std::to_string(i), "2026-02-" + std::to_string(10 + i) + "T00:00:00Z"),
                 schema());
    live = object;
  }
  EXPECT_EQ(live["metadata"]["managedFields"].size(), 10u);
  EXPECT_TRUE(owners(live).contains("ancient-changes/Update"));
}

TEST(Apply, CreatesAndOwnsTheFieldsItSays) {
  const Json object = must_apply(nullptr, {{"engine", "nats"}, {"ports", {{{"name", "a"}, {"port", 1}}}}}, "ana");
  EXPECT_EQ(
      owners(object),
      Json::parse(
          R"({"ana/Apply":{"f:spec":{"f:engine":{},"f:ports":{"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:port":{}}}}}})"));
}

TEST(Apply, ApplyingTheSameAgainChangesNothing) {
  const Json live = must_apply(nullptr, {{"engine", "nats"}}, "ana");
  const Applied again =
      apply(&live, object_with({{"engine", "nats"}}), writer("ana", "2030-01-01T00:00:00Z"), schema(), false);
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.object(), live);
}

TEST(Apply, RemovesWhatItNoLongerSays) {
  Json live = must_apply(nullptr,
                         {{"engine", "nats"},
                          {"size", 3},
                          {"ports", {{{"name", "a"}, {"port", 1}}, {{"name", "b"}, {"port", 2}}}},
                          {"tags", {"x", "y"}}},
                         "ana");
  live = must_apply(&live, {{"engine", "nats"}, {"ports", {{{"name", "b"}, {"port", 2}}}}, {"tags", {"y"}}}, "ana");
  EXPECT_EQ(live["spec"], Json::parse(R"({"engine":"nats","ports":[{"name":"b","port":2}],"tags":["y"]})"));
}

TEST(Apply, KeepsWhatOthersStillSay) {
  Json live = must_apply(nullptr, {{"engine", "nats"}, {"size", 3}}, "ana");
  live = must_apply(&live, {{"size", 3}}, "bo");
  live = must_apply(&live, {{"engine", "nats"}}, "ana");
  EXPECT_EQ(live["spec"], Json::parse(R"({"engine":"nats","size":3})"));
  EXPECT_EQ(owners(live)["bo/Apply"], Json::parse(R"({"f:spec":{"f:size":{}}})"));
}

TEST(Apply, KeepsDefaultsNobodyOwns) {
  Json live = must_apply(nullptr, {{"ports", {{{"name", "a"}, {"port", 1}}}}}, "ana");
  live["spec"]["ports"][0]["proto"] = "tcp";  // filled in by a default
  live = must_apply(&live, {{"ports", {{{"name", "a"}}}}}, "ana");
  EXPECT_EQ(live["spec"]["ports"], Json::parse(R"([{"name":"a","proto":"tcp"}])"));
}

TEST(Apply, ConflictsNameTheOwnerAndTheField) {
  const Json live = created({{"engine", "nats"}, {"size", 1}, {"ports", {{{"name", "a"}, {"port", 1}}}}},
                            "kubectl-client-side-apply");
  const Applied one = apply(&live, object_with({{"engine", "postgresql"}}), writer("ana"), schema(), false);
  EXPECT_EQ(conflict_message(one.conflicts),
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using datamesh.dev/v1alpha1: "
            ".spec.engine");
  const Applied two = apply(&live, object_with({{"size", 2}, {"ports", {{{"name", "a"}, {"port", 2}}}}}), writer("ana"),
                            schema(), false);
  EXPECT_EQ(conflict_message(two.conflicts),
            "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using datamesh.dev/v1alpha1:\n"
            "- .spec.ports[name=\"a\"].port\n- .spec.size");
  EXPECT_EQ(conflict_causes(one.conflicts)[0]["reason"], "FieldManagerConflict");
  EXPECT_FALSE(two.value);
}

TEST(Apply, ForceTakesOver) {
  const Json live = created({{"engine", "nats"}, {"size", 1}}, "other");
  const Json object = must_apply(&live, {{"engine", "postgresql"}}, "ana", true);
  EXPECT_EQ(object["spec"], Json::parse(R"({"engine":"postgresql","size":1})"));
  EXPECT_EQ(owners(object),
            Json::parse(R"({"ana/Apply":{"f:spec":{"f:engine":{}}},"other/Update":{"f:spec":{".":{},"f:size":{}}}})"));
}

TEST(Apply, SayingTheSameIsSharingNotAConflict) {
  const Json live = created({{"engine", "nats"}}, "other");
  const Json object = must_apply(&live, {{"engine", "nats"}}, "ana");
  EXPECT_EQ(owners(object).size(), 2u);
}

TEST(Apply, AtomicThingsAreTakenWhole) {
  Json live = must_apply(nullptr, {{"plain", {"a", "b"}}, {"whole", {{"a", "1"}, {"b", "2"}}}}, "ana");
  live = must_apply(&live, {{"plain", {"c"}}, {"whole", {{"a", "3"}}}}, "ana");
  EXPECT_EQ(live["spec"], Json::parse(R"({"plain":["c"],"whole":{"a":"3"}})"));
  const Applied other = apply(&live, object_with({{"plain", {"d"}}}), writer("bo"), schema(), false);
  EXPECT_EQ(other.conflicts.size(), 1u);
}

TEST(Apply, ListItemsKeepAppliedOrderAmongOthers) {
  Json live = must_apply(nullptr, {{"ports", {{{"name", "a"}}, {{"name", "b"}}}}}, "ana");
  live = must_apply(&live, {{"ports", {{{"name", "c"}}, {{"name", "a"}}}}}, "bo");
  Json names = Json::array();
  for (const Json& one : live["spec"]["ports"]) names.push_back(one["name"]);
  EXPECT_EQ(names, Json::parse(R"(["c","a","b"])"));
}

TEST(Apply, StatusAndMainDoNotMix) {
  Json live = must_apply(nullptr, {{"engine", "nats"}}, "ana");
  Json configuration = object_with({{"engine", "postgresql"}});
  configuration["status"] = {{"ready", true}};
  const Applied status = apply(&live, configuration, writer("ctl", "2026-01-05T00:00:00Z", "status"), schema(), false);
  EXPECT_EQ(status.object()["spec"]["engine"], "nats");
  EXPECT_EQ(status.object()["status"]["ready"], true);
  const Applied main = apply(&live, configuration, writer("ana", "2026-01-05T00:00:00Z"), schema(), false);
  EXPECT_FALSE(main.object().contains("status"));
}

TEST(Apply, MalformedConfigurationsAreRefused) {
  EXPECT_TRUE(apply(nullptr, object_with({{"ports", {{{"name", "a"}}, {{"name", "a"}}}}}), writer("x"), schema(), false)
                  .bad_request);
  EXPECT_TRUE(apply(nullptr, object_with({{"ports", {{{"port", 1}}}}}), writer("x"), schema(), false).bad_request);
  Json managed = object_with({});
  managed["metadata"]["managedFields"] = Json::array({{{"manager", "x"}}});
  EXPECT_EQ(apply(nullptr, managed, writer("x"), schema(), false).bad_request, "metadata.managedFields must be nil");
}

TEST(Apply, WhatHasNoRecordBelongsToBeforeFirstApply) {
  const Json live = object_with({{"engine", "nats"}});
  const Applied applied = apply(&live, object_with({{"engine", "x"}}), writer("ana"), schema(), false);
  ASSERT_EQ(applied.conflicts.size(), 1u);
  EXPECT_EQ(applied.conflicts[0].manager, "\"before-first-apply\" using datamesh.dev/v1alpha1");
}

TEST(Manager, NamesAreChecked) {
  EXPECT_EQ(default_manager("kubectl/v1.32.4 (linux/amd64)"), "kubectl");
  EXPECT_EQ(default_manager(""), "unknown");
  EXPECT_EQ(join(validate_manager("", true)), "fieldManager: Required value: is required for apply patch");
  EXPECT_FALSE(validate_manager(std::string(129, 'a'), false).empty());
  EXPECT_TRUE(validate_manager("kubectl", true).empty());
}

}  // namespace
}  // namespace datamesh::apiserver

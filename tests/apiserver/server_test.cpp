#include "apiserver/server.hpp"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "controller/core/json.hpp"
#include "controller/http/client.hpp"

namespace datamesh::apiserver {
namespace {

const kube::ResourceType kWidgets{"test.dev", "v1", "widgets", "Widget", true};

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Json widget(const std::string& name, const std::string& color = "red") {
  return {{"apiVersion", "test.dev/v1"},
          {"kind", "Widget"},
          {"metadata", {{"name", name}, {"namespace", "default"}}},
          {"spec", {{"color", color}}}};
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/datamesh-server-XXXXXX";
    directory_ = ::mkdtemp(name);
    start();
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  void start() {
    Server::Options options;
    options.data_dir = directory_ + "/data";
    options.crds = {read_text(std::string(DATAMESH_SOURCE_DIR) + "/tests/e2e/kubectl/widgets.yaml")};
    options.admission = [](const Json*, const Json* after, const User&) -> std::vector<api::Problem> {
      if (after == nullptr || string_at(*after, {"spec", "color"}) != "forbidden") return {};
      return {{"spec.color", "\"forbidden\"", "must be visible"}};
    };
    options.on_request = [this](const RequestRecord& record) {
      const std::lock_guard lock(mutex_);
      records_.push_back(record);
    };
    auto server = Server::start(std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
    store_ = server_->store();
  }
  http::Response request(const std::string& target, const Secret& token) {
    http::ClientOptions options;
    options.url = server_->url();
    options.ca_pem = server_->ca_pem();
    options.bearer_token = [token] { return token; };
    const auto client = http::make_client(options);
    EXPECT_TRUE(client);
    const auto response = (*client)->get(target);
    EXPECT_TRUE(response) << (response ? "" : response.error().message);
    return response ? *response : http::Response{0, {}, {}};
  }

  std::string directory_;
  std::mutex mutex_;
  std::vector<RequestRecord> records_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<kube::Store> store_;
};

TEST_F(ServerTest, TheStoreAnswersAsItsContractSays) {
  const auto made = store_->create(kWidgets, widget("a"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)["spec"]["size"], 3);
  EXPECT_EQ(store_->create(kWidgets, widget("a")).error().code, Code::Conflict);
  EXPECT_EQ(store_->get(kWidgets, "default", "absent").error().code, Code::NotFound);
  EXPECT_EQ(store_->create(kWidgets, widget("bad", "")).error().code, Code::Invalid);
  EXPECT_EQ(store_->create(kWidgets, widget("bad", "forbidden")).error().code, Code::Invalid);
  Json changed = *made;
  changed["spec"]["color"] = "blue";
  const auto updated = store_->update(kWidgets, changed);
  ASSERT_TRUE(updated);
  EXPECT_EQ((*updated)["metadata"]["generation"], 2);
  EXPECT_EQ(store_->update(kWidgets, changed).error().code, Code::Conflict);
  const auto status = store_->patch(
      kWidgets, "default", "a",
      {kube::PatchType::Merge, R"({"status":{"phase":"Done"},"spec":{"color":"no"}})", "status", "test", false});
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ((*status)["status"]["phase"], "Done");
  EXPECT_EQ((*status)["spec"]["color"], "blue");
  EXPECT_EQ((*status)["metadata"]["generation"], 2);
  EXPECT_EQ(store_->list(kWidgets, "default")->size(), 1u);
  EXPECT_EQ(store_->remove(kWidgets, "default", "a", "another-uid").error().code, Code::Conflict);
  EXPECT_TRUE(store_->remove(kWidgets, "default", "a", ""));
  EXPECT_TRUE(store_->remove(kWidgets, "default", "a", ""));
  EXPECT_EQ(store_->list({"no.such", "v1", "things", "Thing", true}, "").error().code, Code::NotFound);
}

TEST_F(ServerTest, AnApplyCreatesAndThenChangesNothing) {
  const kube::Patch apply{kube::PatchType::Apply, widget("applied").dump(), "", "test", true};
  const auto first = store_->patch(kWidgets, "default", "applied", apply);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = store_->patch(kWidgets, "default", "applied", apply);
  ASSERT_TRUE(second);
  EXPECT_EQ(*first, *second);
}

TEST_F(ServerTest, AWatchDeliversWhatThereIsThenWhatChanges) {
  ASSERT_TRUE(store_->create(kWidgets, widget("first")));
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> seen;
  std::jthread reader([&](const std::stop_token& stop) {
    store_->watch(
        kWidgets, "",
        [&](const kube::Event& event) {
          const std::lock_guard lock(mutex);
          const char* types[] = {"put", "removed", "synced", "relist"};
          seen.push_back(std::string(types[static_cast<int>(event.type)]) +
                         (event.object != nullptr ? " " + string_at(*event.object, {"metadata", "name"}) : ""));
          changed.notify_all();
        },
        stop);
  });
  const auto wait_for = [&](std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return seen.size() >= count; });
  };
  ASSERT_TRUE(wait_for(2));
  ASSERT_TRUE(store_->create(kWidgets, widget("second")));
  ASSERT_TRUE(store_->remove(kWidgets, "default", "first", ""));
  ASSERT_TRUE(wait_for(4));
  reader.request_stop();
  reader.join();
  EXPECT_EQ(seen, (std::vector<std::string>{"put first", "synced", "put second", "removed first"}));
}

TEST_F(ServerTest, TokensSayWhoAsks) {
  const auto owner = server_->mint_token("root", {kMasters}, std::chrono::hours(1));
  const auto stranger = server_->mint_token("stranger", {}, std::chrono::hours(1));
  ASSERT_TRUE(owner && stranger);
  EXPECT_EQ(request("/api/v1/secrets", *owner).status, 200);
  EXPECT_EQ(request("/api/v1/secrets", *stranger).status, 403);
  EXPECT_EQ(request("/api", *stranger).status, 200);
  EXPECT_EQ(request("/api", Secret()).status, 401);
  EXPECT_EQ(request("/api", Secret("x.y.z")).status, 401);
  EXPECT_EQ(request("/readyz", Secret()).status, 200);
  const std::lock_guard lock(mutex_);
  ASSERT_FALSE(records_.empty());
  EXPECT_EQ(records_[0].verb, "list");
  EXPECT_EQ(records_[0].resource, "secrets");
  EXPECT_EQ(records_[0].code, 200);
}

TEST_F(ServerTest, EverythingIsThereAfterARestart) {
  ASSERT_TRUE(store_->create(kWidgets, widget("kept")));
  const auto token = server_->mint_token("root", {kMasters}, std::chrono::hours(1));
  const std::uint16_t port = server_->port();
  const std::string ca = server_->ca_pem();
  store_.reset();
  server_.reset();
  start();
  EXPECT_TRUE(store_->get(kWidgets, "default", "kept"));
  EXPECT_EQ(server_->port(), port);
  EXPECT_EQ(server_->ca_pem(), ca);
  EXPECT_EQ(request("/api/v1/namespaces", *token).status, 200);
}

TEST_F(ServerTest, ASecondServerIsKeptOutOfTheDirectory) {
  Server::Options options;
  options.data_dir = directory_ + "/data";
  const auto second = Server::start(std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Unavailable);
}

}  // namespace
}  // namespace datamesh::apiserver

// What is on disk: after a restart, a kill, by another key, of another program, damaged.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apiserver/storage/sqlite.hpp"
#include "tests/apiserver/storage/store_fixture.hpp"
#include "tests/testing/temp_dir.hpp"

namespace datamesh::apiserver::storage {
namespace {

using test::TempDir;

std::unique_ptr<Store> open_in(const TempDir& directory) {
  Options options;
  options.directory = directory.path();
  return open_store(options);
}

Error open_error(const std::filesystem::path& directory) {
  Options options;
  options.directory = directory;
  auto store = Store::open(options);
  EXPECT_FALSE(store);
  return store ? Error{Code::Internal, "it opened"} : store.error();
}

std::string all_files(const TempDir& directory) {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    if (entry.path().filename() != "encryption.key") text += test::read_file(entry.path());
  }
  return text;
}

void overwrite(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

TEST(Restart, BringsObjectsVersionsAndOwnersBack) {
  const TempDir directory;
  Rv last = 0;
  {
    const auto store = open_in(directory);
    Draft owned = draft(pod("owned"), std::string(5000, 'x'));
    owned.owners = {"boss"};
    owned.labels = {{"app", "shop"}};
    owned.deleting = true;
    rv_of(store->write(Write::create(owned)));
    create(*store, pod("a"), "1");
    replace(*store, pod("a"), "2");
    create(*store, {"/nodes", "", "gone"});
    last = remove(*store, {"/nodes", "", "gone"});
  }
  const auto store = open_in(directory);
  EXPECT_EQ(store->current_rv(), last);
  EXPECT_EQ(store->stats().objects, 2u);
  EXPECT_EQ(store->find(pod("a"))->body(), text(pod("a"), "2", 4));
  const auto owned = store->owned_by("boss");
  ASSERT_EQ(owned.size(), 1u);
  EXPECT_EQ(owned[0]->label("app"), "shop");
  EXPECT_TRUE(owned[0]->deleting());
  EXPECT_EQ(owned[0]->body(), text(pod("owned"), std::string(5000, 'x'), 2));
  EXPECT_EQ(create(*store, pod("b")), last + 1);
}

TEST(Restart, TheLastVersionStaysEvenWhenNothingElseDoes) {
  const TempDir directory;
  Rv last = 0;
  {
    const auto store = open_in(directory);
    create(*store, pod("a"));
    last = remove(*store, pod("a"));
    ASSERT_EQ(*store->compact(last), last);
  }
  const auto store = open_in(directory);
  EXPECT_EQ(store->current_rv(), last);
  EXPECT_EQ(store->compacted_rv(), last);
  EXPECT_EQ(create(*store, pod("a")), last + 1);
}

TEST(Restart, WatchesAndPagesResumeWithinTheHistory) {
  const TempDir directory;
  std::string token;
  {
    const auto store = open_in(directory);
    create(*store, pod("a"), "1");  // 2
    create(*store, pod("b"), "1");  // 3
    ListOptions options;
    options.resource = pods;
    options.limit = 1;
    token = store->list(options)->continue_token;  // at 3
    replace(*store, pod("a"), "2");                // 4
    remove(*store, pod("b"));                      // 5
    create(*store, pod("b"), "again");             // 6
    replace(*store, pod("b"), "and again");        // 7
    remove(*store, pod("a"));                      // 8
  }
  const auto store = open_in(directory);
  Collector collector;
  const auto watch = store->watch({pods, "", "", 2}, collector.sink());
  ASSERT_TRUE(watch);
  EXPECT_EQ(collector.story(), "A3 M4 D5 A6 M7 D8");
  const auto events = collector.events();
  EXPECT_EQ(events[1]->previous()->body(), text(pod("a"), "1", 2));
  EXPECT_EQ(events[2]->body(), text(pod("b"), "1", 5));
  EXPECT_EQ(events[2]->previous()->rv(), 3u);
  EXPECT_EQ(events[3]->body(), text(pod("b"), "again", 6));
  EXPECT_EQ(events[5]->body(), text(pod("a"), "2", 8));
  ListOptions options;
  options.resource = pods;
  options.continue_token = token;
  const auto page = store->list(options);
  EXPECT_EQ(shown(page), "b3");
}

TEST(Restart, SecretsAreNotReadableInTheFiles) {
  const TempDir directory;
  const Key secret{"/secrets", "default", "password"};
  const std::string value = "tremendously-confidential-8321";
  {
    const auto store = open_in(directory);
    // Noise does not deflate: in the clear it would be found as it is.
    create(*store, pod("open"), "zq8RkX2v7LpWm4Tn");
    create(*store, secret, value);
    replace(*store, secret, value + "-second");
    EXPECT_EQ(all_files(directory).find(value), std::string::npos);
    EXPECT_NE(all_files(directory).find("zq8RkX2v7LpWm4Tn"), std::string::npos) << "this would find nothing at all";
    remove(*store, secret);
    create(*store, secret, value + "-third");
  }
  EXPECT_EQ(all_files(directory).find(value), std::string::npos);
  EXPECT_EQ(all_files(directory).find("tremendously"), std::string::npos);
  struct stat status {};
  for (const char* name : {"encryption.key", "datamesh.db"}) {
    ASSERT_EQ(::stat((directory / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
  const auto store = open_in(directory);
  EXPECT_EQ(store->find(secret)->body(), text(secret, value + "-third", store->current_rv()));
  Collector collector;
  const auto watch = store->watch({"/secrets", "", "", 1}, collector.sink());
  ASSERT_TRUE(watch);
  EXPECT_EQ(collector.events()[0]->body(), text(secret, value, 3));
}

TEST(Restart, ASealedVersionFitsNoOtherObject) {
  const TempDir directory;
  {
    const auto store = open_in(directory);
    create(*store, {"/secrets", "ns", "mine"}, "mine");
    create(*store, {"/secrets", "ns", "theirs"}, "theirs");
  }
  {
    const auto connection = sqlite::Connection::open((directory / "datamesh.db").string());
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->execute("UPDATE object SET data = (SELECT data FROM object WHERE name = 'theirs')"));
  }
  const Error error = open_error(directory.path());
  EXPECT_EQ(error.code, Code::Invalid);
  EXPECT_NE(error.message.find("/secrets ns/mine"), std::string::npos) << error.message;
}

TEST(Restart, TheKeyMustFit) {
  const TempDir directory;
  { const auto store = open_in(directory); }
  const auto key = directory / "encryption.key";
  const std::string good = test::read_file(key);
  ASSERT_EQ(good.size(), 32u);

  overwrite(key, std::string(32, 'k'));
  EXPECT_EQ(open_error(directory.path()).code, Code::Invalid);
  overwrite(key, "short");
  EXPECT_EQ(open_error(directory.path()).code, Code::Invalid);
  std::filesystem::remove(key);
  const Error missing = open_error(directory.path());
  EXPECT_EQ(missing.code, Code::Invalid);
  EXPECT_NE(missing.message.find("missing"), std::string::npos) << missing.message;
  EXPECT_FALSE(std::filesystem::exists(key)) << "a new key beside an old database";

  overwrite(key, good);
  ::chmod(key.c_str(), 0644);
  EXPECT_EQ(open_error(directory.path()).code, Code::Invalid) << "readable by others";
  ::chmod(key.c_str(), 0600);
  open_in(directory);
}

TEST(Restart, OneProcessAtATime) {
  const TempDir directory;
  const auto store = open_in(directory);
  const Error error = open_error(directory.path());
  EXPECT_EQ(error.code, Code::Unavailable);
  EXPECT_NE(error.message.find("in use"), std::string::npos);
}

TEST(Restart, FilesOfOthersAreRefusedAndLeftAlone) {
  const TempDir text_file, other_database, newer;
  const std::string words = std::string(200, '#') + "\nnot a database\n" + std::string(8000, 'x');
  text_file.write("datamesh.db", words);
  EXPECT_EQ(open_error(text_file.path()).code, Code::Invalid);
  EXPECT_EQ(test::read_file(text_file / "datamesh.db"), words);

  {
    const auto connection = sqlite::Connection::open((other_database / "datamesh.db").string());
    ASSERT_TRUE(connection && connection->execute("CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)"));
  }
  EXPECT_NE(open_error(other_database.path()).message.find("not a database of datamesh"), std::string::npos);

  { const auto store = open_in(newer); }
  {
    const auto connection = sqlite::Connection::open((newer / "datamesh.db").string());
    ASSERT_TRUE(connection && connection->execute("PRAGMA user_version=2"));
  }
  EXPECT_NE(open_error(newer.path()).message.find("another version"), std::string::npos);
}

TEST(Restart, AnyChangedByteOfAnObjectIsNoticed) {
  const TempDir directory;
  {
    const auto store = open_in(directory);
    for (int i = 0; i < 20; ++i)
      create(*store, pod("p" + std::to_string(i)), std::string(600, static_cast<char>('a' + i)));
  }
  const auto change = [&](const std::string& sql) {
    const auto connection = sqlite::Connection::open((directory / "datamesh.db").string());
    return connection && connection->execute(sql);
  };
  ASSERT_TRUE(change("UPDATE object SET data = substr(data, 1, length(data) - 1) || x'ff' WHERE name = 'p7'"));
  const Error error = open_error(directory.path());
  EXPECT_EQ(error.code, Code::Invalid);
  EXPECT_NE(error.message.find("/pods default/p7"), std::string::npos) << error.message;

  ASSERT_TRUE(change("DELETE FROM object WHERE name = 'p7'"));
  EXPECT_EQ(open_error(directory.path()).code, Code::Invalid) << "its creation is in the log, but it is not there";
}

TEST(Restart, ACutFileIsRefused) {
  const TempDir directory;
  {
    const auto store = open_in(directory);
    for (int i = 0; i < 200; ++i)
      create(*store, pod("p" + std::to_string(i)), std::to_string(i * 7919) + std::string(600, 'a'));
  }
  const auto path = directory / "datamesh.db";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_EQ(open_error(directory.path()).code, Code::Invalid);
}

// ---- kill -9. The child writes and says which versions were answered; the parent kills it at some moment.

[[noreturn]] void write_and_tell(const std::filesystem::path& directory, int out, std::uint64_t seed) {
  Options options;
  options.directory = directory;
  // Small, so that forgetting takes part in it.
  options.history.events = 300;
  auto opened = Store::open(options);
  if (!opened) ::_exit(3);
  Store& store = **opened;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&store, out, seed, t] {
      std::mt19937_64 random(seed + t);
      for (std::uint64_t i = 0;; ++i) {
        // Each thread has keys of its own: the last answer for a key is what must be there.
        const Key key{random() % 4 ? pods : "/secrets", "t" + std::to_string(t), "k" + std::to_string(random() % 8)};
        const auto there = store.find(key);
        const bool removes = there && random() % 4 == 0;
        auto write = removes ? Write::remove(key)
                     : there ? Write::replace(draft(key, std::to_string(random())), {})
                             : Write::create(draft(key, std::to_string(random())));
        const auto answer = store.write(std::move(write));
        if (!answer) ::_exit(4);
        const std::string line = key.resource + " " + key.ns + " " + key.name + " " + std::to_string((*answer)->rv()) +
                                 " " + (removes ? "-" : (*answer)->body()) + "\n";
        // One write: whole lines, as they are shorter than PIPE_BUF.
        if (::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(5);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ::_exit(0);
}

struct Told {
  Rv rv = 0;
  std::string body;
};

// Reads what the child says until `until`, then kills it and reads the rest.
std::string kill_after(pid_t child, int in, std::chrono::microseconds after) {
  std::string told;
  char buffer[65536];
  const auto read_some = [&] {
    const ssize_t size = ::read(in, buffer, sizeof buffer);
    if (size > 0) told.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  };
  read_some();  // it has begun
  const auto until = std::chrono::steady_clock::now() + after;
  while (std::chrono::steady_clock::now() < until && read_some()) {
  }
  ::kill(child, SIGKILL);
  while (read_some()) {
  }
  return told;
}

class Kill : public ::testing::Test {
 protected:
  void round(std::uint64_t seed, std::chrono::microseconds after) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_and_tell(directory_.path(), ends[1], seed);
    ::close(ends[1]);
    const std::string told = kill_after(child, ends[0], after);
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself: " << WEXITSTATUS(status);
    take(told);
    check();
  }

  std::size_t answered_ = 0;

 private:
  void take(const std::string& told) {
    std::istringstream lines(told);
    std::string resource, ns, name, body;
    Rv rv = 0;
    while (lines >> resource >> ns >> name >> rv >> body) {
      ++answered_;
      Told& last = told_[{resource, ns, name}];
      ASSERT_GT(rv, last.rv);
      last = {rv, body};
      last_rv_ = std::max(last_rv_, rv);
    }
  }

  // Each key is at least as new as was answered; and if it is that version, it is that text.
  void check() {
    Options options;
    options.directory = directory_.path();
    const auto store = open_store(options);
    ASSERT_GE(store->current_rv(), last_rv_);
    for (auto& [key, last] : told_) {
      const auto now = store->find(key);
      if (now) {
        ASSERT_GE(now->rv(), last.rv) << key.name << " went back";
        ASSERT_TRUE(now->rv() > last.rv || now->body() == last.body) << key.name;
        last = {now->rv(), now->body()};
      } else if (last.body != "-") {
        // Removed by a write whose answer was not heard: there must be the change, if history goes that far.
        ASSERT_GT(store->current_rv(), last.rv) << key.name << " was answered and is gone";
        ASSERT_TRUE(removed_after(*store, key, last.rv)) << key.name << " was answered and is gone";
        last.body = "-";
      }
    }
    last_rv_ = store->current_rv();
  }

  static bool removed_after(Store& store, const Key& key, Rv rv) {
    Collector collector;
    const Rv from = std::max(rv, store.compacted_rv());
    const auto watch = store.watch({key.resource, key.ns, key.name, from}, collector.sink());
    const auto events = collector.events();
    return watch && !events.empty() && events.back()->type() == Event::Type::Deleted;
  }

  const TempDir directory_;
  std::map<Key, Told> told_;
  Rv last_rv_ = 0;
};

TEST_F(Kill, LosesNothingThatWasAnswered) {
  const std::uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200 && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(i));
    round(random(), std::chrono::microseconds(random() % 30'000));
  }
  EXPECT_GT(answered_, 2000u);
  RecordProperty("answered", static_cast<int>(answered_));
}

}  // namespace
}  // namespace datamesh::apiserver::storage

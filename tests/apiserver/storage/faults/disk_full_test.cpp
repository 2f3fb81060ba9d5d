// A disk that is full, in a process of its own: a limit on the size of files is a full disk that can be emptied.

#include <csignal>
#include <cstdio>
#include <random>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/apiserver/storage/store_fixture.hpp"
#include "tests/testing/temp_dir.hpp"

namespace datamesh::apiserver::storage {
namespace {

void limit_files(rlim_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// Does not deflate.
std::string noise(std::mt19937_64& random) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text.push_back(static_cast<char>('0' + random() % 70));
  return text;
}

#define NEED(condition)                                                          \
  if (!(condition)) {                                                            \
    std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
    return 1;                                                                    \
  }

int fill_and_recover(const std::filesystem::path& directory) {
  ::signal(SIGXFSZ, SIG_IGN);  // write() fails with EFBIG instead
  std::mt19937_64 random(11);
  Options options;
  options.directory = directory;
  auto opened = Store::open(options);
  NEED(opened);
  Store& store = **opened;
  Collector collector;
  const auto watch = store.watch({pods, "", "", store.current_rv()}, collector.sink());
  NEED(watch);

  // Some writes may succeed after the first that fails: the write-ahead log is emptied into the database, as far as
  // there is room in that.
  limit_files(1 << 20);
  std::size_t written = 0;
  Rv rv = store.current_rv();
  for (int failures_in_a_row = 0; failures_in_a_row < 20;) {
    NEED(written < 10'000);
    const Key key = pod("p" + std::to_string(written));
    const auto answer = store.write(Write::create(draft(key, noise(random))));
    if (answer) {
      failures_in_a_row = 0;
      ++written;
      NEED((*answer)->rv() == ++rv);
      continue;
    }
    // Nothing has happened, and everything that was there is still served.
    ++failures_in_a_row;
    NEED(answer.failure().reason == Reason::Unavailable);
    NEED(store.current_rv() == rv);
    NEED(!store.find(key));
    NEED(store.count(pods) == written);
    NEED(store.find(pod("p0")));
  }
  NEED(written > 20);
  NEED(store.stats().failed_commits >= 20);
  NEED(collector.size() == written);
  const Rv full_at = rv;
  const Key refused = pod("p" + std::to_string(written));

  limit_files(RLIM_INFINITY);
  const auto after = store.write(Write::create(draft(refused, noise(random))));
  NEED(after);
  NEED((*after)->rv() == full_at + 1);
  for (int i = 0; i < 200; ++i) NEED(store.write(Write::create(draft(pod("q" + std::to_string(i)), noise(random)))));
  NEED(store.current_rv() == full_at + 201);
  const Rv last = store.current_rv();
  const std::string body = store.find(refused)->body();

  // And all of it is on disk.
  auto* const gone = opened->release();
  const_cast<std::unique_ptr<Watch>&>(*watch).reset();
  delete gone;
  auto reopened = Store::open(options);
  NEED(reopened);
  NEED((*reopened)->current_rv() == last);
  NEED((*reopened)->count(pods) == written + 201);
  NEED((*reopened)->find(refused)->body() == body);
  return 0;
}

TEST(DiskFull, IsSaidChangesNothingAndPasses) {
  const test::TempDir directory;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int code = fill_and_recover(directory.path());
    std::fflush(stderr);
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(DiskFull, ADirectoryThatCannotBeMadeIsSaid) {
  const test::TempDir directory;
  Options options;
  options.directory = directory.write("file", "x") / "below";
  const auto store = Store::open(options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::Unavailable);
}

}  // namespace
}  // namespace datamesh::apiserver::storage

#pragma once
// A child process that does not outlive the test: it is stopped by its id when the object goes, and by the kernel when
// the test dies.

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "tests/testing/temp_dir.hpp"

namespace datamesh::test {

struct ChildOptions {
  std::map<std::string, std::string> environment = {};  // on top of the test's own
  std::filesystem::path directory = {};                 // where it starts; empty: here
  std::string input = {};                               // its standard input
};

// Not thread-safe: one thread owns it. A program that cannot be started ends with code 127.
class Child {
 public:
  explicit Child(const std::vector<std::string>& command, const ChildOptions& options = {});
  ~Child();  // stop()
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // Standard output and standard error so far.
  std::string output() const { return read_file(files_ / "out"); }
  std::string errors() const { return read_file(files_ / "err"); }

  // Whether the text came up on either of them; false at once when the child ended without it.
  bool wait_for_output(std::string_view text, std::chrono::milliseconds at_most = std::chrono::seconds(20));
  // Whether it (or somebody) listens on that port; false at once when the child ended.
  bool wait_for_port(int port, std::chrono::milliseconds at_most = std::chrono::seconds(20));

  bool is_running();
  void signal(int number);
  // The exit code, 128 + n for a child that died of signal n; nothing when it still runs after that time.
  std::optional<int> wait(std::chrono::milliseconds at_most = std::chrono::seconds(20));
  // Asks it to end (SIGTERM), then makes it (SIGKILL). The exit code.
  int stop(std::chrono::milliseconds patience = std::chrono::seconds(5));

 private:
  TempDir files_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

struct Ran {
  int exit_code;
  std::string output, errors;
};

// Runs a command to its end; killed when that takes too long.
Ran run(const std::vector<std::string>& command, const ChildOptions& options = {},
        std::chrono::milliseconds at_most = std::chrono::seconds(60));

}  // namespace datamesh::test

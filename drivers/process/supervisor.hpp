#pragma once
// Runs servers as child processes: starts them, starts them again when they die, stops them.
//
// A child does not outlive this program, however that ends: the kernel sends it its stop signal when the watching
// thread is gone (PR_SET_PDEATHSIG). The next start waits for such a one to finish (its pid file), so that two servers
// never share a directory.

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "controller/core/clock.hpp"
#include "controller/core/result.hpp"

namespace datamesh::process {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};
// Who servers run as when we are root: user `postgres` if there is one, else `nobody`. Nothing: as ourselves.
std::optional<Identity> unprivileged();

struct ProcessSpec {
  std::string name;
  std::vector<std::string> argv;           // the program with its full path
  std::map<std::string, std::string> env;  // the whole environment
  std::filesystem::path working_dir;       // also what a survivor is known by: its path is in argv
  std::filesystem::path log_file;          // of the program's output; the one before is kept as .1
  std::filesystem::path pid_file;          // ours
  std::optional<Identity> run_as;
  int stop_signal = 15;
  std::chrono::milliseconds stop_deadline{20'000};  // then SIGKILL
  std::chrono::milliseconds ready_deadline{60'000};
  std::chrono::milliseconds backoff_least{200}, backoff_most{30'000};
  std::function<bool(pid_t)> ready;         // quick, from any thread
  std::function<void()> before_start = {};  // each time, e.g. to clear what a killed server left
};

enum class State { Starting, Running, BackingOff, Stopping, Stopped };
std::string_view to_string(State state);

struct Status {
  State state = State::Stopped;
  pid_t pid = -1;
  int restarts = 0;
  std::string last_exit;  // "exit status 1", "signal 9"
};

// Thread-safe. Destroying it stops everything.
class Supervisor {
 public:
  explicit Supervisor(const Clock& clock);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts it, if it is not running, and waits until it is ready. Unavailable: it was not within the deadline; it goes
  // on being restarted until stop() is called.
  Result<void> start(ProcessSpec spec, std::stop_token stop);
  std::optional<Status> status(const std::string& name) const;
  // Waits until it has ended. Not an error if it does not run.
  void stop(const std::string& name);
  void stop_all();

 private:
  struct Child;

  void watch(std::stop_token stop);
  void begin(Child& child);
  void ended(Child& child, int wait_status);
  void advance(Child& child);
  void wake() const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::unique_ptr<Child>> children_;
  int wake_ = -1;        // eventfd: something for the watching thread to do
  std::jthread thread_;  // last: it uses the rest
};

// Runs a program to its end. Its output, or Unavailable with the last of it.
struct Command {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;
  std::filesystem::path working_dir;
  std::optional<Identity> run_as;
  std::string input;
};
Result<std::string> run(const Command& command, std::chrono::milliseconds deadline, const Clock& clock,
                        std::stop_token stop);

// Ends a process that an earlier run of this program left behind, if it is one: its command line names `directory`.
// True: nothing of the kind runs any more.
bool end_survivor(pid_t pid, const std::filesystem::path& directory, int signal, std::chrono::milliseconds deadline);
std::optional<pid_t> read_pid(const std::filesystem::path& pid_file);

}  // namespace datamesh::process

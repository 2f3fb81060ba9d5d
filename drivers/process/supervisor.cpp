#include "drivers/process/supervisor.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/core/log.hpp"
#include "drivers/process/spawn.hpp"

namespace datamesh::process {
namespace {

constexpr std::chrono::milliseconds probe_interval{10};
constexpr std::chrono::seconds healthy_after{30};  // running so long, the next back-off starts small again
constexpr std::uintmax_t log_bytes_max = 16 << 20;

int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

int open_log(const ProcessSpec& spec) {
  std::error_code error;
  if (std::filesystem::file_size(spec.log_file, error) > log_bytes_max && !error) {
    std::filesystem::rename(spec.log_file, spec.log_file.string() + ".1", error);
  }
  return ::open(spec.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

std::optional<Identity> user_named(const char* name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(4096);
  if (::getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
  return Identity{entry.pw_uid, entry.pw_gid, name};
}

// True if the process has ended by then.
bool wait_for_end(int pidfd, std::chrono::milliseconds deadline) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(deadline.count())) > 0;
}

}  // namespace

struct Supervisor::Child {
  ProcessSpec spec;
  Status status;
  int pidfd = -1;
  bool is_wanted = true;
  Steady started{}, due{}, kill_at = Steady::max();
  std::chrono::milliseconds backoff{};
};

std::optional<Identity> unprivileged() {
  if (::geteuid() != 0) return {};
  if (auto user = user_named("postgres")) return user;
  return user_named("nobody");
}

std::string_view to_string(State state) {
  constexpr std::string_view names[] = {"starting", "running", "backing off", "stopping", "stopped"};
  return names[static_cast<std::size_t>(state)];
}

std::optional<pid_t> read_pid(const std::filesystem::path& pid_file) {
  std::ifstream file(pid_file);
  long pid = 0;
  if (!(file >> pid) || pid <= 1) return {};
  return static_cast<pid_t>(pid);
}

bool end_survivor(pid_t pid, const std::filesystem::path& directory, int signal, std::chrono::milliseconds deadline) {
  const int pidfd = open_pidfd(pid);
  if (pidfd < 0) return true;
  // The number may be somebody else's by now.
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  const std::string command{std::istreambuf_iterator<char>(file), {}};
  bool is_gone = true;
  if (command.find(directory.string()) != std::string::npos) {
    log_info("ending a server of an earlier run", {{"pid", std::to_string(pid)}, {"directory", directory.string()}});
    ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
    is_gone = wait_for_end(pidfd, deadline);
    if (!is_gone) {
      ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
      is_gone = wait_for_end(pidfd, std::chrono::seconds(5));
    }
  }
  ::close(pidfd);
  return is_gone;
}

Supervisor::Supervisor(const Clock& clock)
    : clock_(clock),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](std::stop_token stop) { watch(stop); }) {}

Supervisor::~Supervisor() {
  stop_all();
  thread_.request_stop();
  wake();
  thread_.join();
  ::close(wake_);
}

void Supervisor::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

Result<void> Supervisor::start(ProcessSpec spec, std::stop_token stop) {
  const std::string name = spec.name;
  const Steady deadline = clock_.steady() + spec.ready_deadline;
  {
    const std::lock_guard lock(mutex_);
    auto& child = children_[name];
    if (!child || child->status.state == State::Stopped) {
      child = std::make_unique<Child>();
      child->spec = std::move(spec);
      child->backoff = child->spec.backoff_least;
      child->status.state = State::BackingOff;  // due at once
      wake();
    }
  }
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto found = children_.find(name);
    if (found == children_.end() || found->second->status.state == State::Stopped) {
      return Error{Code::Cancelled, name + " was stopped"};
    }
    const Status& now = found->second->status;
    if (now.state == State::Running) return {};
    if (stop.stop_requested()) return Error{Code::Cancelled, "stopped while " + name + " was starting"};
    if (clock_.steady() >= deadline) {
      return Error{Code::Unavailable, name + " is not ready (" + std::string(to_string(now.state)) +
                                          (now.last_exit.empty() ? "" : ", ended with " + now.last_exit) +
                                          "); its log is " + found->second->spec.log_file.string()};
    }
    changed_.wait_for(lock, stop, probe_interval, [&] { return found->second->status.state == State::Running; });
  }
}

std::optional<Status> Supervisor::status(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = children_.find(name);
  return found == children_.end() ? std::nullopt : std::optional(found->second->status);
}

void Supervisor::stop(const std::string& name) {
  std::unique_lock lock(mutex_);
  const auto found = children_.find(name);
  if (found == children_.end()) return;
  found->second->is_wanted = false;
  wake();
  changed_.wait(lock, [&] { return found->second->status.state == State::Stopped; });
}

void Supervisor::stop_all() {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, child] : children_) {
      child->is_wanted = false;  // all at once
      names.push_back(name);
    }
  }
  wake();
  for (const auto& name : names) stop(name);
}

void Supervisor::begin(Child& child) {
  const ProcessSpec& spec = child.spec;
  if (const auto old = read_pid(spec.pid_file)) {
    if (!end_survivor(*old, spec.working_dir, spec.stop_signal, spec.stop_deadline)) {
      child.status.last_exit = "a server of an earlier run does not end";
      child.due = clock_.steady() + child.backoff;
      return;
    }
  }
  if (spec.before_start) spec.before_start();
  const int log_fd = open_log(spec);
  const auto pid = spawn({spec.argv, spec.env, spec.working_dir, spec.run_as, -1, log_fd, spec.stop_signal});
  if (log_fd >= 0) ::close(log_fd);
  if (!pid) {
    child.status.last_exit = pid.error().message;
    child.due = clock_.steady() + child.backoff;
    return;
  }
  std::ofstream(spec.pid_file, std::ios::trunc) << *pid << '\n';
  child.status.pid = *pid;
  child.status.state = State::Starting;
  child.pidfd = open_pidfd(*pid);
  child.started = clock_.steady();
  log_info("server started", {{"server", spec.name}, {"pid", std::to_string(*pid)}});
}

void Supervisor::ended(Child& child, int wait_status) {
  const Steady now = clock_.steady();
  ::close(child.pidfd);
  child.pidfd = -1;
  child.status.last_exit = describe_exit(wait_status);
  child.status.pid = -1;
  child.kill_at = Steady::max();
  std::error_code error;
  std::filesystem::remove(child.spec.pid_file, error);
  if (!child.is_wanted) {
    child.status.state = State::Stopped;
    log_info("server stopped", {{"server", child.spec.name}, {"with", child.status.last_exit}});
    return;
  }
  log_warn("server ended, starting it again", {{"server", child.spec.name}, {"with", child.status.last_exit}});
  if (now - child.started >= healthy_after) child.backoff = child.spec.backoff_least;
  child.status.state = State::BackingOff;
  ++child.status.restarts;
  child.due = now + child.backoff;
  child.backoff = std::min(child.backoff * 2, child.spec.backoff_most);
}

// One step of a child's life. Called by the watching thread alone, which is the one that forks: children die with it.
void Supervisor::advance(Child& child) {
  int wait_status = 0;
  if (child.status.pid > 0 && ::waitpid(child.status.pid, &wait_status, WNOHANG) == child.status.pid) {
    ended(child, wait_status);
  }
  const Steady now = clock_.steady();
  switch (child.status.state) {
    case State::BackingOff:
      if (!child.is_wanted) {
        child.status.state = State::Stopped;
      } else if (now >= child.due) {
        begin(child);
      }
      break;
    case State::Starting:
    case State::Running:
      if (!child.is_wanted) {
        ::kill(child.status.pid, child.spec.stop_signal);
        child.status.state = State::Stopping;
        child.kill_at = now + child.spec.stop_deadline;
      } else if (child.status.state == State::Starting && (!child.spec.ready || child.spec.ready(child.status.pid))) {
        child.status.state = State::Running;
      }
      break;
    case State::Stopping:
      if (now >= child.kill_at) {
        ::kill(child.status.pid, SIGKILL);
        child.kill_at = Steady::max();
      }
      break;
    case State::Stopped:
      break;
  }
}

void Supervisor::watch(std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> entries{{wake_, POLLIN, 0}};
    std::chrono::milliseconds wait{1000};
    {
      const std::lock_guard lock(mutex_);
      for (auto& [name, child] : children_) {
        advance(*child);
        if (child->pidfd >= 0) entries.push_back({child->pidfd, POLLIN, 0});
        const auto until = [&](Steady due) {
          return std::chrono::ceil<std::chrono::milliseconds>(std::max(due - clock_.steady(), Duration::zero()));
        };
        if (child->status.state == State::Starting) wait = std::min(wait, probe_interval);
        if (child->status.state == State::BackingOff) wait = std::min(wait, until(child->due));
        if (child->status.state == State::Stopping && child->kill_at != Steady::max()) {
          wait = std::min(wait, until(child->kill_at));
        }
      }
    }
    changed_.notify_all();
    ::poll(entries.data(), entries.size(), static_cast<int>(wait.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(wake_, &count, sizeof count);
  }
}

Result<std::string> run(const Command& command, std::chrono::milliseconds deadline, const Clock& clock,
                        std::stop_token stop) {
  int input[2], output[2];
  if (::pipe2(input, O_CLOEXEC) != 0) return Error{Code::Unavailable, "pipe"};
  if (::pipe2(output, O_CLOEXEC) != 0) {
    ::close(input[0]);
    ::close(input[1]);
    return Error{Code::Unavailable, "pipe"};
  }
  const auto pid =
      spawn({command.argv, command.env, command.working_dir, command.run_as, input[0], output[1], SIGKILL});
  ::close(input[0]);
  ::close(output[1]);
  // Less than a pipe holds, so this does not wait for the reader. One that has died already is told by its exit.
  ::fcntl(input[1], F_SETFL, O_NONBLOCK);
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  [[maybe_unused]] const auto written = ::write(input[1], command.input.data(), command.input.size());
  const timespec at_once{};
  ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(input[1]);
  if (!pid) {
    ::close(output[0]);
    return pid.error();
  }

  std::string text;
  const Steady end = clock.steady() + deadline;
  bool is_late = false;
  for (;;) {
    pollfd entry{output[0], POLLIN, 0};
    is_late = stop.stop_requested() || clock.steady() >= end;
    if (is_late) break;
    if (::poll(&entry, 1, 100) <= 0) continue;
    char buffer[4096];
    const auto count = ::read(output[0], buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(output[0]);
  if (is_late) ::kill(*pid, SIGKILL);
  int wait_status = 0;
  ::waitpid(*pid, &wait_status, 0);
  const std::string program = std::filesystem::path(command.argv[0]).filename();
  if (stop.stop_requested()) return Error{Code::Cancelled, program + " was stopped"};
  if (is_late) return Error{Code::Unavailable, program + " took too long"};
  if (wait_status != 0) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return Error{Code::Unavailable, program + ": " + describe_exit(wait_status) + ": " +
                                        text.substr(text.size() > 600 ? text.size() - 600 : 0)};
  }
  return text;
}

}  // namespace datamesh::process

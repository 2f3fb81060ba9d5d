#include "drivers/process/spawn.hpp"

#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace datamesh::process {
namespace {

void say(const char* text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
}

[[noreturn]] void give_up(const char* doing) {
  say(doing);
  say(": ");
  say(::strerrordesc_np(errno));
  say("\n");
  ::_exit(127);
}

// Runs in the child: only what is safe after fork.
[[noreturn]] void become(const Spawn& how, pid_t parent, char* const* argv, char* const* envp) {
  ::setsid();
  for (int signal = 1; signal < 32; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(077);

  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(how.input < 0 ? null : how.input, STDIN_FILENO);
  ::dup2(how.output < 0 ? null : how.output, STDOUT_FILENO);
  ::dup2(STDOUT_FILENO, STDERR_FILENO);
  ::close_range(3, ~0U, 0);

  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;  // a stream holds several
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  if (how.run_as) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(how.run_as->gid) != 0 || ::setuid(how.run_as->uid) != 0) {
      give_up("setuid");
    }
  }
  // After setuid, which clears it. The parent may be gone already.
  if (how.death_signal != 0) {
    ::prctl(PR_SET_PDEATHSIG, how.death_signal);
    if (::getppid() != parent) ::_exit(127);
  }
  if (!how.working_dir.empty() && ::chdir(how.working_dir.c_str()) != 0) give_up(how.working_dir.c_str());
  ::execve(argv[0], argv, envp);
  give_up(argv[0]);
}

}  // namespace

Result<pid_t> spawn(const Spawn& how) {
  if (how.argv.empty()) return Error{Code::Internal, "no program to start"};
  std::vector<std::string> settings;
  for (const auto& [name, value] : how.env) settings.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (const auto& argument : how.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  for (const auto& setting : settings) envp.push_back(const_cast<char*>(setting.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) return Error{Code::Unavailable, std::string("fork: ") + ::strerrordesc_np(errno)};
  if (child == 0) become(how, parent, argv.data(), envp.data());
  return child;
}

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "signal " + std::to_string(WTERMSIG(wait_status));
  return "exit status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace datamesh::process

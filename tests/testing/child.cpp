#include "tests/testing/child.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/testing/free_port.hpp"
#include "tests/testing/wait.hpp"

namespace datamesh::test {
namespace {

// NAME=value of this process, overridden by what the options say.
std::vector<std::string> environment_of(const ChildOptions& options) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text(*variable);
    const std::string name(text.substr(0, text.find('=')));
    if (!options.environment.contains(name)) variables.emplace_back(text);
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

struct Streams {
  std::string input, output, errors;
};

// Runs in the child, between fork and exec: system calls only.
[[noreturn]] void become(char* const* command, char* const* environment, const char* directory,
                         const Streams& streams) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int input = open(streams.input.c_str(), O_RDONLY);
  const int output = open(streams.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int errors = open(streams.errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const bool is_ready = dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(errors, 2) == 2 &&
                        (*directory == '\0' || chdir(directory) == 0);
  if (is_ready) execvpe(command[0], command, environment);
  std::perror(command[0]);
  _exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& command, const ChildOptions& options) {
  auto arguments = command;
  auto variables = environment_of(options);
  const auto argument_pointers = pointers(arguments);
  const auto variable_pointers = pointers(variables);
  const std::string directory = options.directory.string();
  const Streams streams{files_.write("in", options.input), files_.write("out", ""), files_.write("err", "")};
  pid_ = fork();
  if (pid_ == 0) become(argument_pointers.data(), variable_pointers.data(), directory.c_str(), streams);
  if (pid_ < 0) {
    std::perror("fork");
    std::abort();
  }
}

Child::~Child() {
  stop();
}

bool Child::wait_for_output(std::string_view text, std::chrono::milliseconds at_most) {
  const auto is_there = [&] {
    return output().find(text) != std::string::npos || errors().find(text) != std::string::npos;
  };
  wait_until([&] { return is_there() || !is_running(); }, at_most);
  return is_there();
}

bool Child::wait_for_port(int port, std::chrono::milliseconds at_most) {
  wait_until([&] { return is_listening(port) || !is_running(); }, at_most);
  return is_running() && is_listening(port);
}

bool Child::is_running() {
  if (exit_code_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

void Child::signal(int number) {
  if (is_running()) kill(pid_, number);
}

std::optional<int> Child::wait(std::chrono::milliseconds at_most) {
  wait_until([&] { return !is_running(); }, at_most);
  return exit_code_;
}

int Child::stop(std::chrono::milliseconds patience) {
  signal(SIGTERM);
  if (const auto code = wait(patience)) return *code;
  signal(SIGKILL);
  return wait().value_or(-1);
}

Ran run(const std::vector<std::string>& command, const ChildOptions& options, std::chrono::milliseconds at_most) {
  Child child(command, options);
  const auto code = child.wait(at_most);
  if (!code) child.signal(SIGKILL);
  const int exit_code = code ? *code : child.stop();
  return Ran{exit_code, child.output(), child.errors()};
}

}  // namespace datamesh::test

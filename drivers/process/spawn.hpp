#pragma once
// fork and exec, with nothing between them that a program of many threads must not do.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "controller/core/result.hpp"
#include "drivers/process/supervisor.hpp"

namespace datamesh::process {

struct Spawn {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;
  std::filesystem::path working_dir;
  std::optional<Identity> run_as;
  int input = -1, output = -1;  // descriptors; -1: /dev/null
  int death_signal = 0;         // sent to the child when the calling thread ends
};

// The child's pid. It has a session of its own, no other descriptor of ours, default signals, umask 077.
// An error of exec comes as exit status 127 and a line of output.
Result<pid_t> spawn(const Spawn& how);

// "exit status 1", "signal 9"
std::string describe_exit(int wait_status);

}  // namespace datamesh::process

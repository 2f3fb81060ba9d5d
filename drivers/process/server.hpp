#pragma once
// What servers of all engines share: a directory, a port that stays, secrets on disk.

#include <filesystem>
#include <map>
#include <string>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "drivers/process/supervisor.hpp"

namespace datamesh::process {

// What the control plane needs to know of a server it runs.
struct ManagedServer {
  std::string endpoint;                       // URL without credentials
  std::map<std::string, Secret> credentials;  // as in the admin Secret of an external backend
  std::string version;
};

// The first of these programs that can be executed: in the given directories (a trailing part may be `*`, latest
// version first), then in PATH.
Result<std::filesystem::path> find_program(const std::string& name, const std::vector<std::string>& directories);

// Makes the directory, if it is not there, for that identity alone.
Result<void> make_private_directory(const std::filesystem::path& directory, const std::optional<Identity>& owner);

// The port written in the file; the first time a free one, which is then written there.
Result<int> stable_port(const std::filesystem::path& file);

// The secrets in a JSON file that only we can read; the first time those of `make`.
Result<std::map<std::string, Secret>> stable_secrets(const std::filesystem::path& file,
                                                     const std::function<std::map<std::string, Secret>()>& make);

// Replaces the file as a whole: a reader, or a start after a crash, sees the old or the new one.
Result<void> write_file(const std::filesystem::path& file, const std::string& text, int mode,
                        const std::optional<Identity>& owner);
std::string read_file(const std::filesystem::path& file);

}  // namespace datamesh::process

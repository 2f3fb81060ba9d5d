#pragma once
// The platform `Process`: managed backends as child processes of this program, on this machine.

#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>

#include "drivers/process/server.hpp"
#include "drivers/process/supervisor.hpp"

namespace datamesh::process {

// Thread-safe. Destroying it stops every server, cleanly.
class Platform {
 public:
  explicit Platform(const Clock& clock) : clock_(clock), supervisor_(clock) {}

  // Makes sure that a server runs, is ready and prepared, and says how to reach it. Repeatable, and cheap when it runs.
  // `name` is the backend's; `data_dir` is for this server alone and is made if absent. The endpoint stays the same for
  // ever. Invalid: an engine that cannot be run this way. Unavailable: not installed, or it does not start; the message
  // names its log.
  Result<ManagedServer> ensure(const std::string& name, const std::string& engine,
                               const std::filesystem::path& data_dir, std::stop_token stop);
  std::optional<Status> status(const std::string& name) const { return supervisor_.status(name); }
  // Stops it and leaves its data.
  void stop(const std::string& name) { supervisor_.stop(name); }

 private:
  const Clock& clock_;
  std::mutex mutex_;  // one start at a time
  Supervisor supervisor_;
};

}  // namespace datamesh::process

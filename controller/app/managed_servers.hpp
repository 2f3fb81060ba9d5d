#pragma once
// Managed backends of the platform `Process`: child processes, whose whereabouts are written down as Secrets so that
// other commands (`datamesh plan`) and people can reach them; and those that another control plane runs.

#include <filesystem>
#include <map>
#include <mutex>

#include "controller/kube/store.hpp"
#include "drivers/process/platform.hpp"
#include "reconcilers/backend/engine.hpp"

namespace datamesh::app {

class ProcessServers : public ManagedServers {
 public:
  ProcessServers(kube::Store& store, std::filesystem::path data_dir, const Clock& clock)
      : store_(store), data_dir_(std::move(data_dir)), platform_(clock) {}

  Result<Connection> ensure(const std::string& backend, const std::string& engine, std::stop_token stop) override;
  Result<void> release(const std::string& backend) override;

 private:
  Result<void> write_down(const Connection& connection);

  kube::Store& store_;
  const std::filesystem::path data_dir_;
  process::Platform platform_;
};

// For a control plane without a data directory: servers are those that another one has written down.
class OtherServers : public ManagedServers {
 public:
  explicit OtherServers(kube::Store& store) : store_(store) {}

  Result<Connection> ensure(const std::string& backend, const std::string& engine, std::stop_token stop) override;
  Result<void> release(const std::string&) override { return {}; }

 private:
  kube::Store& store_;
};

}  // namespace datamesh::app

#include "drivers/process/platform.hpp"

#include "drivers/process/nats_server.hpp"
#include "drivers/process/postgres_server.hpp"

namespace datamesh::process {

Result<ManagedServer> Platform::ensure(const std::string& name, const std::string& engine,
                                       const std::filesystem::path& data_dir, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  const auto directory = std::filesystem::absolute(data_dir, error).lexically_normal();
  if (error || name.empty()) return Error{Code::Invalid, "a managed server needs a name and a directory"};
  Result<ManagedServer> server = Error{Code::Invalid, "engine '" + engine + "' cannot be run as a process"};
  if (engine == "postgresql") server = ensure_postgres(supervisor_, clock_, name, directory, stop);
  if (engine == "nats") server = ensure_nats(supervisor_, clock_, name, directory, stop);
  if (!server) return with_context(engine + "/" + name, server.error());
  return server;
}

}  // namespace datamesh::process

#pragma once
// A PostgreSQL server of our own: a directory, a port on 127.0.0.1, a role for the control plane.

#include <filesystem>
#include <stop_token>
#include <string>

#include "drivers/process/server.hpp"

namespace datamesh::process {

// Makes it, if it is not there, starts it, if it does not run, and prepares it for the mesh: database `mesh`, owned by
// role `mesh_cp`. Repeatable. Credentials: username, password. The superuser has no password and comes in over the Unix
// socket alone, as the operating system's user that the server or this program runs as.
//
//   DIR/data     the cluster (initdb: checksums, SCRAM)      DIR/run       the socket
//   DIR/port     its port, for ever                          DIR/log       its messages
//   DIR/secrets  the password of mesh_cp, for us alone
Result<ManagedServer> ensure_postgres(Supervisor& supervisor, const Clock& clock, const std::string& name,
                                      const std::filesystem::path& directory, std::stop_token stop);

}  // namespace datamesh::process

#pragma once
// Making a fresh server ready for the mesh: the control plane's role, the database, nothing open to everybody.

#include <string>
#include <vector>

#include "drivers/postgres/connection.hpp"

namespace datamesh::postgres {

struct BootstrapOptions {
  std::string database = "mesh";
  Login control_plane = {"mesh_cp", {}};  // the role to make; its password is sent as a SCRAM verifier
};

// One statement and the database it is for.
struct BootstrapStatement {
  std::string database, sql;
  std::string unless = {};  // a query: when it returns a row there is nothing to do
};

// In order, for a superuser. Everybody keeps CONNECT on the mesh's database, since every login of the server is one of
// the mesh, and loses everything else: TEMPORARY there, CONNECT elsewhere, the schema "public".
std::vector<BootstrapStatement> bootstrap_sql(const BootstrapOptions& options);

// Runs them; repeatable. `endpoint` is usually a Unix socket, `superuser` whoever made the server. A second run sets
// the password again.
Result<void> bootstrap(const Endpoint& endpoint, const Login& superuser, const BootstrapOptions& options,
                       std::stop_token stop);

}  // namespace datamesh::postgres

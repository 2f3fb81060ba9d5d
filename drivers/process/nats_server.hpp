#pragma once
// A NATS server of our own: operator mode, JetStream, a port on 127.0.0.1.

#include <filesystem>
#include <stop_token>
#include <string>

#include "drivers/process/server.hpp"

namespace datamesh::process {

// Makes it, if it is not there, and starts it, if it does not run. Repeatable. Credentials: operatorSigningKey,
// systemCredentials.
//
//   DIR/nats.conf, DIR/operator.jwt   written at each start     DIR/port     its port, for ever
//   DIR/jwt                           the accounts' claims      DIR/log      its messages
//   DIR/js                            the streams               DIR/secrets  the keys, for us alone
Result<ManagedServer> ensure_nats(Supervisor& supervisor, const Clock& clock, const std::string& name,
                                  const std::filesystem::path& directory, std::stop_token stop);

}  // namespace datamesh::process

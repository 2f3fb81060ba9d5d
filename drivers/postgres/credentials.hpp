#pragma once
// Passwords: how they are made, named by a version, and shown to the server as a SCRAM verifier only.

#include <map>
#include <string>
#include <string_view>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "drivers/postgres/connection.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {

// "SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>" (RFC 5803; PostgreSQL stores it as it is). `salt` is 16 bytes.
// About a millisecond, on purpose. For passwords of printable ASCII, which is what we mint: SASLprep leaves them alone.
std::string scram_verifier(const Secret& password, std::string_view salt);

// The version of a password: the first 16 hex digits of its SHA-256. Empty for an empty password.
std::string version_of_password(const Secret& password);

// The version that a stored credential stands for; empty when it is not one of ours, or damaged: user name, password or
// server missing, a password that is not printable ASCII.
std::string version_of(const std::map<std::string, Secret>& fields);

// All fields of the binding (servicebinding.io): type provider host port database username password uri, and schema.
std::map<std::string, Secret> binding(const Endpoint& endpoint, const std::string& username, const Secret& password,
                                      const std::string& schema);

}  // namespace datamesh::postgres

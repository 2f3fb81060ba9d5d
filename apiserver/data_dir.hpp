#pragma once
// What the server keeps in its data directory besides the store: CA, certificate, port, kubeconfig.

#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/http/pki.hpp"

namespace datamesh::apiserver {

// Complete or not at all: written beside it, synced, renamed.
Result<void> write_file(const std::string& path, const std::string& text, unsigned mode);
Result<std::string> read_file(const std::string& path);  // NotFound

// The directory (0700), made if missing.
Result<void> make_directory(const std::string& path);
Result<http::KeyPair> load_or_create_ca(const std::string& directory, WallTime now);
// For this start; not kept.
Result<http::KeyPair> issue_server_certificate(const http::KeyPair& ca, const std::string& address,
                                               const std::vector<std::string>& names, WallTime now);
std::uint16_t last_port(const std::string& directory);  // 0: none

// For kubectl. `ca_pem` and the token are embedded.
std::string kubeconfig_text(const std::string& url, const std::string& ca_pem, const std::string& user,
                            const Secret& token);

}  // namespace datamesh::apiserver

#pragma once
// Encryption at rest: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce for each seal. A key may be used 2^32
// times by that standard.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver::storage {

class Sealer {
 public:
  static constexpr std::size_t key_size = 32;
  explicit Sealer(Secret key) : key_(std::move(key)) {}

  // Nonce, ciphertext, tag. `bound_to` is not kept, and must be said again to open.
  Result<std::string> seal(std::string_view plain, std::string_view bound_to) const;
  // nullopt: another key, another `bound_to`, or changed.
  std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const;

 private:
  Secret key_;
};

// Reads the key at `path`, 32 raw bytes; makes one (mode 0600) if there is none and `may_create`. Invalid: missing,
// another size, or readable by others.
Result<Secret> load_key(const std::string& path, bool may_create);

}  // namespace datamesh::apiserver::storage

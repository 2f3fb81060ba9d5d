#pragma once
// Names of declarations, and identifiers computed or drawn.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace datamesh {

// Names a declaration: the object a user wrote. `ns` is empty for cluster-scoped kinds.
struct ObjectKey {
  std::string kind, ns, name;
  auto operator<=>(const ObjectKey&) const = default;
};

// "DataProduct/sales/orders", "Domain/sales".
std::string to_string(const ObjectKey& key);

// Lower-case hex SHA-256 (FIPS 180-4).
std::string sha256_hex(std::string_view bytes);
// HMAC-SHA256 (RFC 2104), 32 raw bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);

// RFC 9562 version 5, name space URL.
std::string uuid_v5(std::string_view name);

// From the operating system's generator.
std::string random_bytes(std::size_t count);
std::string random_uuid();
// Letters and digits, 5.95 bits each: a password, a name suffix.
std::string random_token(std::size_t length);

std::string base64_encode(std::string_view bytes);
std::string base64url_encode(std::string_view bytes);  // without padding
// Empty result: not base64 (both alphabets accepted) unless the input was empty.
std::string base64_decode(std::string_view text);

}  // namespace datamesh

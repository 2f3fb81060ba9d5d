#pragma once
// nkeys (ed25519 keys with a printable, typed form) and the JWTs they sign, as NATS servers in operator mode use them.
//
// Source: https://github.com/nats-io/nkeys and the JWT claims, version 2, of https://github.com/nats-io/jwt.
// Needs OpenSSL alone. Values; thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/log.hpp"
#include "controller/core/result.hpp"

struct evp_pkey_st;

namespace datamesh::nkeys {

enum class KeyType : std::uint8_t { Account = 0, Operator = 14 << 3, User = 20 << 3 };

class Key {
 public:
  static Key generate(KeyType type);
  // The same key for the same master and purpose, for ever: HMAC-SHA256(master, purpose). What can be computed again
  // need not be stored.
  static Key derived(KeyType type, const Key& master, std::string_view purpose);
  // Invalid: not a seed ("SO...", "SA...", "SU..."), or its check sum is wrong.
  static Result<Key> from_seed(const Secret& seed);

  KeyType type() const { return type_; }
  // What others know the key by: O..., A... or U...
  const std::string& id() const { return id_; }
  Secret seed() const;
  // 64 raw bytes.
  std::string sign(std::string_view message) const;

 private:
  Key(KeyType type, Secret raw);

  KeyType type_;
  Secret raw_;
  std::string id_;
  std::shared_ptr<evp_pkey_st> key_;
};

// Whether a text is the public half of a key of that type.
bool is_public_key(std::string_view id, KeyType type);
bool verify(std::string_view id, std::string_view message, std::string_view signature);

// Signs claims; fills in `iss`, and a new `jti` each time. The rest (sub, iat, name, nats, exp) is the caller's.
std::string sign_jwt(const Key& issuer, nlohmann::json claims);
// The claims, if the text is a JWT whose issuer signed it. Whether that issuer is to be trusted is the caller's
// question.
Result<nlohmann::json> read_jwt(std::string_view jwt);

// The text of a .creds file: what a NATS client logs in with.
struct UserCredentials {
  std::string jwt;
  Key key;
};
Secret to_text(const UserCredentials& credentials);
Result<UserCredentials> read_credentials(const Secret& text);

}  // namespace datamesh::nkeys

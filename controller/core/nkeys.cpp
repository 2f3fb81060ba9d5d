#include "controller/core/nkeys.hpp"

#include <cstdlib>

#include <openssl/evp.h>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::nkeys {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr unsigned seed_prefix = 18 << 3;
constexpr std::size_t raw_size = 32, signature_size = 64;

std::string base32(std::string_view bytes) {
  std::string text;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(buffer >> (bits - 5)) & 31];
  }
  if (bits > 0) text += alphabet[(buffer << (5 - bits)) & 31];
  return text;
}

// Empty if a character is not of the alphabet.
std::string from_base32(std::string_view text) {
  std::string bytes;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return {};
    buffer = (buffer << 5) | static_cast<std::uint32_t>(value);
    bits += 5;
    if (bits >= 8) {
      bytes += static_cast<char>((buffer >> (bits - 8)) & 255);
      bits -= 8;
    }
  }
  return bytes;
}

// CRC-16/XMODEM, little endian.
std::string check_sum(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
    for (int i = 0; i < 8; ++i) crc = (crc & 0x8000U ? (crc << 1) ^ 0x1021U : crc << 1) & 0xffffU;
  }
  return {static_cast<char>(crc & 255), static_cast<char>(crc >> 8)};
}

// The bytes before a correct check sum, or nothing.
std::string checked(std::string_view text) {
  std::string bytes = from_base32(text);
  if (bytes.size() < 3) return {};
  const std::string body = bytes.substr(0, bytes.size() - 2);
  return check_sum(body) == bytes.substr(body.size()) && base32(bytes) == text ? body : std::string();
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// Without a working generator or signature nothing of what we would hand out is safe.
void require(bool holds) {
  if (!holds) std::abort();
}

using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == std::string_view::npos) return {};
  text.remove_prefix(from + begin.size());
  const auto to = text.find(end);
  if (to == std::string_view::npos) return {};
  text = text.substr(0, to);
  constexpr std::string_view blank = " \t\r\n-";
  const auto first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

Key::Key(KeyType type, Secret raw)
    : type_(type),
      raw_(std::move(raw)),
      key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw_.reveal()), raw_size), EVP_PKEY_free) {
  std::string body(raw_size + 1, static_cast<char>(type));
  std::size_t size = raw_size;
  require(key_ && EVP_PKEY_get_raw_public_key(key_.get(), bytes_of(body) + 1, &size) == 1);
  id_ = base32(body + check_sum(body));
}

Key Key::generate(KeyType type) {
  return {type, Secret(random_bytes(raw_size))};
}

Key Key::derived(KeyType type, const Key& master, std::string_view purpose) {
  return {type, Secret(hmac_sha256(master.raw_.reveal(), purpose))};
}

Result<Key> Key::from_seed(const Secret& seed) {
  const std::string body = checked(seed.reveal());
  const Error wrong{Code::Invalid, "not a NATS seed (S..., 58 characters)"};
  if (body.size() != raw_size + 2) return wrong;
  const unsigned first = static_cast<unsigned char>(body[0]), second = static_cast<unsigned char>(body[1]);
  if ((first & 0xf8U) != seed_prefix) return wrong;
  const auto type = static_cast<KeyType>(((first & 7U) << 5) | (second >> 3));
  if (type != KeyType::Account && type != KeyType::Operator && type != KeyType::User) return wrong;
  return Key(type, Secret(body.substr(2)));
}

Secret Key::seed() const {
  const auto type = static_cast<unsigned>(type_);
  std::string body{static_cast<char>(seed_prefix | (type >> 5)), static_cast<char>((type & 31U) << 3)};
  body += raw_.reveal();
  return Secret(base32(body + check_sum(body)));
}

std::string Key::sign(std::string_view message) const {
  const Digest context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
          EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(message), message.size()) == 1);
  return signature;
}

bool is_public_key(std::string_view id, KeyType type) {
  const std::string body = checked(id);
  return body.size() == raw_size + 1 && static_cast<unsigned char>(body[0]) == static_cast<unsigned char>(type);
}

bool verify(std::string_view id, std::string_view message, std::string_view signature) {
  const std::string body = checked(id);
  if (body.size() != raw_size + 1 || signature.size() != signature_size) return false;
  const std::shared_ptr<EVP_PKEY> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(std::string_view(body)) + 1, raw_size),
      EVP_PKEY_free);
  const Digest context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

std::string sign_jwt(const Key& issuer, nlohmann::json claims) {
  claims["iss"] = issuer.id();
  // Servers take a text that they have seen before for no change, even after they deleted it.
  claims["jti"] = random_token(26);
  const std::string head =
      base64url_encode(R"({"typ":"JWT","alg":"ed25519-nkey"})") + "." + base64url_encode(claims.dump());
  return head + "." + base64url_encode(issuer.sign(head));
}

Result<nlohmann::json> read_jwt(std::string_view jwt) {
  const Error wrong{Code::Invalid, "not a NATS JWT"};
  const auto first = jwt.find('.'), last = jwt.rfind('.');
  if (first == std::string_view::npos || first == last) return wrong;
  DATAMESH_TRY(Json header, parse_json(base64_decode(jwt.substr(0, first))));
  if (string_at(header, {"alg"}) != "ed25519-nkey") return wrong;
  const JsonLimits limits{.bytes = std::size_t{64} << 20};
  DATAMESH_TRY(Json claims, parse_json(base64_decode(jwt.substr(first + 1, last - first - 1)), limits));
  if (!verify(string_at(claims, {"iss"}), jwt.substr(0, last), base64_decode(jwt.substr(last + 1)))) {
    return Error{Code::Invalid, "a NATS JWT that its issuer did not sign"};
  }
  return claims;
}

Secret to_text(const UserCredentials& credentials) {
  return Secret("-----BEGIN NATS USER JWT-----\n" + credentials.jwt + "\n------END NATS USER JWT------\n\n" +
                "-----BEGIN USER NKEY SEED-----\n" + credentials.key.seed().reveal() +
                "\n------END USER NKEY SEED------\n");
}

Result<UserCredentials> read_credentials(const Secret& text) {
  const std::string_view jwt = between(text.reveal(), "BEGIN NATS USER JWT-----", "------END"),
                         seed = between(text.reveal(), "BEGIN USER NKEY SEED-----", "------END");
  if (jwt.empty() || seed.empty()) return Error{Code::Invalid, "not the text of a NATS .creds file"};
  DATAMESH_TRY(Key key, Key::from_seed(Secret(std::string(seed))));
  DATAMESH_TRY(const Json claims, read_jwt(jwt));
  if (string_at(claims, {"sub"}) != key.id()) {
    return Error{Code::Invalid, "NATS credentials whose JWT and seed are not of the same user"};
  }
  return UserCredentials{std::string(jwt), std::move(key)};
}

}  // namespace datamesh::nkeys

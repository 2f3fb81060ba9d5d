#include "drivers/postgres/credentials.hpp"

#include <algorithm>
#include <array>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "controller/core/ids.hpp"

namespace datamesh::postgres {
namespace {

constexpr int kIterations = 4096;  // PostgreSQL's own number; the passwords are random, so more would protect nothing

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {digest.begin(), digest.end()};
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

}  // namespace

std::string scram_verifier(const Secret& password, std::string_view salt) {
  const std::string& text = password.reveal();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> key{};
  PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(salt.data()),
                    static_cast<int>(salt.size()), kIterations, EVP_sha256(), SHA256_DIGEST_LENGTH, key.data());
  const std::string salted(key.begin(), key.end());
  const std::string stored = sha256(hmac_sha256(salted, "Client Key"));
  return "SCRAM-SHA-256$" + std::to_string(kIterations) + ":" + base64_encode(salt) + "$" + base64_encode(stored) +
         ":" + base64_encode(hmac_sha256(salted, "Server Key"));
}

std::string version_of_password(const Secret& password) {
  return password.empty() ? "" : sha256_hex(password.reveal()).substr(0, 16);
}

std::string version_of(const std::map<std::string, Secret>& fields) {
  const auto get = [&](const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? Secret() : found->second;
  };
  const Secret password = get("password");
  const bool printable = std::ranges::all_of(password.reveal(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!printable || get("type").reveal() != "postgresql") return "";
  for (const char* field : {"username", "host", "port", "database", "uri"}) {
    if (get(field).empty()) return "";
  }
  return version_of_password(password);
}

std::map<std::string, Secret> binding(const Endpoint& endpoint, const std::string& username, const Secret& password,
                                      const std::string& schema) {
  const bool bracketed = endpoint.host.find(':') != std::string::npos;
  const std::string host = bracketed ? "[" + endpoint.host + "]" : percent_encode(endpoint.host);
  const std::string uri = "postgres://" + percent_encode(username) + ":" + percent_encode(password.reveal()) + "@" +
                          host + ":" + endpoint.port + "/" + percent_encode(endpoint.database);
  std::map<std::string, Secret> fields = {{"type", Secret("postgresql")},
                                          {"provider", Secret("datamesh")},
                                          {"host", Secret(endpoint.host)},
                                          {"port", Secret(endpoint.port)},
                                          {"database", Secret(endpoint.database)},
                                          {"username", Secret(username)},
                                          {"password", password},
                                          {"uri", Secret(uri)}};
  if (!schema.empty()) fields.emplace("schema", Secret(schema));
  return fields;
}

}  // namespace datamesh::postgres

#include "drivers/postgres/credentials.hpp"

#include <algorithm>
#include <array>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "controller/core/ids.hpp"

namespace datamesh::postgres {
namespace {

constexpr int kIterations = 4096;  // PostgreSQL's own number; the passwords are random, so more would protect nothing

// The plain SHA-256 functions are deprecated in OpenSSL 3, and the fast ones: see Hmac.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::string sha256(std::string_view bytes) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return {digest.begin(), digest.end()};
}

// PBKDF2 with HMAC-SHA-256, one block (RFC 8018 section 5.2). OpenSSL's own function takes more than twice as long,
// since it copies a context of the general interface for each of the 8192 hashes; a thousand new subscriptions feel it.
class Hmac {
 public:
  explicit Hmac(std::string key) {
    if (key.size() > SHA256_CBLOCK) key = sha256(key);
    key.resize(SHA256_CBLOCK, '\0');
    start(inner_, key, 0x36);
    start(outer_, key, 0x5c);
  }
  Digest operator()(const void* data, std::size_t size) const {
    Digest digest;
    SHA256_CTX context = inner_;
    SHA256_Update(&context, data, size);
    SHA256_Final(digest.data(), &context);
    context = outer_;
    SHA256_Update(&context, digest.data(), digest.size());
    SHA256_Final(digest.data(), &context);
    return digest;
  }

 private:
  static void start(SHA256_CTX& context, std::string key, int pad) {
    for (char& c : key) c = static_cast<char>(c ^ pad);
    SHA256_Init(&context);
    SHA256_Update(&context, key.data(), key.size());
  }
  SHA256_CTX inner_, outer_;
};

std::string salted_password(const std::string& password, std::string_view salt) {
  const Hmac hmac(password);
  const std::string first = std::string(salt) + std::string("\0\0\0\1", 4);
  Digest step = hmac(first.data(), first.size()), sum = step;
  for (int i = 1; i < kIterations; ++i) {
    step = hmac(step.data(), step.size());
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] ^= step[k];
  }
  return {sum.begin(), sum.end()};
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
  const std::string salted = salted_password(password.reveal(), salt);
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

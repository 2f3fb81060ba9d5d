#include "controller/core/ids.hpp"

#include <array>
#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "controller/core/log.hpp"

namespace datamesh {
namespace {

// libcrypto fails here only when the machine cannot go on (no memory, no entropy, an algorithm compiled out).
// Going on would mean weak identifiers and passwords.
void require(bool is_done, std::string_view what) {
  if (is_done) return;
  log_error("libcrypto failed", {{"operation", what}});
  std::abort();
}

std::string digest(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> buffer{};
  unsigned size = 0;
  require(EVP_Digest(bytes.data(), bytes.size(), buffer.data(), &size, algorithm, nullptr) == 1, "digest");
  return std::string(buffer.begin(), buffer.begin() + size);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// RFC 9562 section 4: the version in the seventh byte, the variant in the ninth.
std::string uuid_text(std::string bytes, unsigned version) {
  bytes.resize(16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0f) | (version << 4));
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3f) | 0x80);
  std::string text = hex(bytes);
  for (const std::size_t at : {8, 13, 18, 23}) text.insert(at, "-");
  return text;
}

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes, std::string_view alphabet, bool is_padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      if (i <= count) {
        text += alphabet[group >> (18 - 6 * i) & 63];
      } else if (is_padded) {
        text += '=';
      }
    }
  }
  return text;
}

int digit_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

std::string to_string(const ObjectKey& key) {
  return key.ns.empty() ? key.kind + "/" + key.name : key.kind + "/" + key.ns + "/" + key.name;
}

std::string sha256_hex(std::string_view bytes) {
  return hex(digest(EVP_sha256(), bytes));
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> buffer{};
  unsigned size = 0;
  // A null key would mean "the key of the previous call".
  const char* const key_data = key.empty() ? "" : key.data();
  require(HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(), buffer.data(), &size) != nullptr,
          "hmac");
  return std::string(buffer.begin(), buffer.begin() + size);
}

std::string uuid_v5(std::string_view name) {
  // RFC 9562 section 6.6: 6ba7b811-9dad-11d1-80b4-00c04fd430c8.
  std::string input("\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8", 16);
  input += name;
  return uuid_text(digest(EVP_sha1(), input), 5);
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  require(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1, "random");
  return bytes;
}

std::string random_uuid() {
  return uuid_text(random_bytes(16), 4);
}

std::string random_token(std::size_t length) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string token;
  while (token.size() < length) {
    for (const char c : random_bytes(length - token.size() + 8)) {
      // 248 is the largest multiple of 62 in a byte: beyond it some letters would come more often.
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 248 && token.size() < length) token += alphabet[byte % alphabet.size()];
    }
  }
  return token;
}

std::string base64_encode(std::string_view bytes) {
  return encode(bytes, base64_alphabet, true);
}
std::string base64url_encode(std::string_view bytes) {
  return encode(bytes, base64url_alphabet, false);
}

std::string base64_decode(std::string_view text) {
  const std::size_t full = text.size();
  while (!text.empty() && text.back() == '=' && full - text.size() < 2) text.remove_suffix(1);
  // Padding, where there is any, fills a group of four.
  if (text.size() % 4 == 1 || (full != text.size() && full % 4 != 0)) return {};
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = digit_value(c);
    if (value < 0) return {};
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 0xff);
    }
  }
  return bytes;
}

}  // namespace datamesh

#include "apiserver/auth/token.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t kHalf = 32;  // bytes of r and of s for P-256

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::int64_t seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// JWS carries r || s, OpenSSL the DER of both.
std::optional<std::string> der_to_raw(const std::string& der) {
  const unsigned char* at = bytes_of(der);
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return std::nullopt;
  std::string raw(2 * kHalf, '\0');
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes_of(raw), kHalf) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes_of(raw) + kHalf, kHalf) < 0) {
    return std::nullopt;
  }
  return raw;
}

std::optional<std::string> raw_to_der(const std::string& raw) {
  if (raw.size() != 2 * kHalf) return std::nullopt;
  const Signature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(raw), kHalf, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(raw) + kHalf, kHalf, nullptr);
  if (!signature || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return std::nullopt;
  }
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &out);
  if (size <= 0) return std::nullopt;
  std::string der(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

Json to_json(const Claims& claims) {
  Json body = {{"iss", kIssuer},
               {"sub", claims.subject},
               {"aud", claims.audiences.empty() ? std::vector<std::string>{kAudience} : claims.audiences},
               {"iat", seconds(claims.issued)},
               {"nbf", seconds(claims.issued)},
               {"exp", seconds(claims.expires)},
               {"jti", claims.id}};
  if (!claims.groups.empty()) body["groups"] = claims.groups;
  if (!claims.service_account.empty()) {
    body["kubernetes.io"] = {{"namespace", claims.ns},
                             {"serviceaccount", {{"name", claims.service_account}, {"uid", claims.uid}}}};
  }
  return body;
}

std::vector<std::string> string_list(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return out;
  for (const Json& item : *it) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

std::int64_t number(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
}

Claims from_json(const Json& body) {
  Claims claims;
  claims.subject = string_at(body, {"sub"});
  claims.groups = string_list(body, "groups");
  claims.audiences = string_list(body, "aud");
  claims.id = string_at(body, {"jti"});
  claims.ns = string_at(body, {"kubernetes.io", "namespace"});
  claims.service_account = string_at(body, {"kubernetes.io", "serviceaccount", "name"});
  claims.uid = string_at(body, {"kubernetes.io", "serviceaccount", "uid"});
  claims.issued = WallTime(std::chrono::seconds(number(body, "nbf")));
  claims.expires = WallTime(std::chrono::seconds(number(body, "exp")));
  return claims;
}

Result<Pkey> read_key(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const std::string pem = text.str();
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Pkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return Error{Code::Invalid, path + ": not a private key in PEM"};
  return key;
}

Result<Pkey> create_key(const std::string& path) {
  Pkey key(EVP_EC_gen("P-256"));
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!key || PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Error{Code::Internal, "cannot make a key for signing tokens"};
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  // Complete before it has its name: a crash must not leave half a key behind.
  const std::string temporary = path + ".new";
  const int file = ::open(temporary.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return Error{Code::Unavailable, "cannot write " + temporary};
  const bool written = ::write(file, data, static_cast<std::size_t>(size)) == size && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{Code::Unavailable, "cannot write " + path};
  }
  return key;
}

}  // namespace

struct TokenKey::Key {
  Pkey pkey;
};

Result<TokenKey> TokenKey::load_or_create(const std::string& path) {
  auto pkey = ::access(path.c_str(), F_OK) == 0 ? read_key(path) : create_key(path);
  if (!pkey) return pkey.error();
  auto key = std::make_shared<Key>();
  key->pkey = *std::move(pkey);
  return TokenKey(std::move(key));
}

Result<std::string> TokenKey::sign(const Claims& claims) const {
  const std::string head = base64url_encode(R"({"alg":"ES256","typ":"JWT"})");
  const std::string message = head + "." + base64url_encode(to_json(claims).dump());
  const DigestContext context(EVP_MD_CTX_new());
  std::string der(128, '\0');
  std::size_t size = der.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), bytes_of(der), &size, bytes_of(message), message.size()) != 1) {
    return Error{Code::Internal, "cannot sign a token"};
  }
  der.resize(size);
  const auto raw = der_to_raw(der);
  if (!raw) return Error{Code::Internal, "cannot sign a token"};
  return message + "." + base64url_encode(*raw);
}

Result<Claims> TokenKey::verify(std::string_view token, WallTime now, const std::vector<std::string>& audiences) const {
  const Error refused{Code::Denied, "invalid bearer token"};
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last || token.size() > 16384) return refused;
  const std::string message(token.substr(0, last));
  const auto head = parse_json(base64_decode(token.substr(0, first)));
  // The algorithm is ours to choose, not the token's.
  if (!head || string_at(*head, {"alg"}) != "ES256") return refused;
  const auto der = raw_to_der(base64_decode(token.substr(last + 1)));
  if (!der) return refused;
  const DigestContext context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestVerify(context.get(), bytes_of(*der), der->size(), bytes_of(message), message.size()) != 1) {
    return refused;
  }
  const auto body = parse_json(base64_decode(token.substr(first + 1, last - first - 1)));
  if (!body || !body->is_object() || string_at(*body, {"iss"}) != kIssuer) return refused;
  Claims claims = from_json(*body);
  if (claims.subject.empty()) return refused;
  if (now >= claims.expires) return Error{Code::Denied, "token has expired"};
  const std::vector<std::string> accepted = audiences.empty() ? std::vector<std::string>{kAudience} : audiences;
  const bool ours = std::any_of(claims.audiences.begin(), claims.audiences.end(), [&](const std::string& audience) {
    return std::find(accepted.begin(), accepted.end(), audience) != accepted.end();
  });
  if (!ours) return Error{Code::Denied, "token is for another audience"};
  return claims;
}

}  // namespace datamesh::apiserver

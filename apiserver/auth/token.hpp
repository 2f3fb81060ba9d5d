#pragma once
// Bearer tokens: JWTs (RFC 7519) signed with ES256 (RFC 7518) by a key of the data directory, in the form of
// Kubernetes' service account tokens. Thread-safe.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/result.hpp"

namespace datamesh::apiserver {

inline constexpr const char* kIssuer = "https://datamesh.default.svc";
inline constexpr const char* kAudience = "https://datamesh.default.svc";

struct Claims {
  std::string subject;  // the user: "ana@retail.example", "system:serviceaccount:sales:default"
  std::vector<std::string> groups;
  std::vector<std::string> audiences;    // empty: this server
  std::string ns, service_account, uid;  // of a ServiceAccount
  std::string id;
  WallTime issued{}, expires{};
};

class TokenKey {
 public:
  // The key at `path`, made (mode 0600) if there is none.
  static Result<TokenKey> load_or_create(const std::string& path);

  Result<std::string> sign(const Claims& claims) const;
  // Denied: not signed by this key, not for us, expired, malformed. `audiences` empty: kAudience.
  Result<Claims> verify(std::string_view token, WallTime now, const std::vector<std::string>& audiences = {}) const;

 private:
  struct Key;
  explicit TokenKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

}  // namespace datamesh::apiserver

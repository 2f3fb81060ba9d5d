#pragma once
// Who sent a request: by bearer token or client certificate, perhaps acting as somebody else. Thread-safe.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "apiserver/auth/rbac.hpp"
#include "apiserver/auth/token.hpp"
#include "apiserver/status.hpp"
#include "apiserver/storage/storage.hpp"
#include "controller/http/message.hpp"

namespace datamesh::apiserver {

class Authenticator {
 public:
  Authenticator(TokenKey key, const storage::Store& store, const Rbac& rbac, const Clock& clock);

  // Unauthorized without a valid credential; Forbidden if they may not act as whom they want to.
  Outcome<User> authenticate(const http::Request& request) const;
  // TokenReview. Denied.
  Result<User> review(const std::string& token, const std::vector<std::string>& audiences,
                      std::vector<std::string>* matched = nullptr) const;
  const TokenKey& key() const { return key_; }

 private:
  std::optional<User> by_token(const std::string& token) const;
  Result<User> user_of(const Claims& claims) const;
  Outcome<User> impersonate(User user, const http::Request& request) const;

  TokenKey key_;
  const storage::Store& store_;
  const Rbac& rbac_;
  const Clock& clock_;
  // Verified signatures, by the token's hash: checking one costs as much as serving a small object.
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, Claims> verified_;
};

}  // namespace datamesh::apiserver

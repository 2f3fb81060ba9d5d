#pragma once
// Questions that are asked by creating an object and answered in its status: who am I, may I, what may I, who is this
// token, and a new token for a ServiceAccount. Nothing is stored.

#include <nlohmann/json_fwd.hpp>

#include "apiserver/auth/authenticate.hpp"
#include "apiserver/catalog.hpp"
#include "apiserver/status.hpp"

namespace datamesh::apiserver {

// `object` is the review as sent; the answer is it with its status.
Outcome<nlohmann::json> answer_review(const Authenticator& authenticator, const Rbac& rbac, const User& user,
                                      const Resource& resource, const std::string& ns, nlohmann::json object);

// POST serviceaccounts/<name>/token.
Outcome<nlohmann::json> create_token(const Authenticator& authenticator, const storage::Store& store,
                                     const Clock& clock, const std::string& ns, const std::string& name,
                                     nlohmann::json object);

}  // namespace datamesh::apiserver

#pragma once
// Credentials of principals, kept as servicebinding.io Secrets in the cluster: a subscription's in its own namespace
// under its own name, a member's in the first namespace of the domain. The Secret is the only store; the loops know its
// version. Deleting it rotates the credential.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "reconcilers/context.hpp"

namespace datamesh {

inline constexpr std::string_view kCredentialLabel = "datamesh.dev/credential";  // "true"
inline constexpr std::string_view kPrincipalAnnotation = "datamesh.dev/principal";
inline constexpr std::string_view kBackendAnnotation = "datamesh.dev/backend";
inline constexpr std::string_view kDigestAnnotation = "datamesh.dev/digest";  // of the data, as it was written

// data (base64) of a v1 Secret.
std::map<std::string, Secret> secret_fields(const nlohmann::json& secret);

// Nobody has changed what was written; true for a Secret that does not say.
bool is_intact(const nlohmann::json& secret);

// The principal a Secret says it belongs to; nullopt: none, or one it may not speak for (a Secret counts only where the
// control plane would have put it).
std::optional<ObjectKey> principal_of(const nlohmann::json& secret);
std::string member_secret_name(std::string_view domain, std::string_view backend, std::string_view username);

// The stored credential of a principal on a backend, read live; nullptr: there is none. Unavailable: who knows.
Result<std::shared_ptr<const mesh::Credential>> find_credential(const Context& context, const std::string& backend,
                                                                const ObjectKey& principal);

// Stores a fresh credential. Conflict when a Secret of that name exists that is not ours: it is never overwritten.
Result<void> store_credential(const Context& context, const ObjectKey& principal, const std::string& backend,
                              const SecretName& name, const ObjectKey& owner, const std::string& owner_uid,
                              const mesh::Credential& credential);
// Deletes it if it is that principal's. Not an error if it is gone.
Result<void> remove_credential(const Context& context, const ObjectKey& principal);

}  // namespace datamesh

#pragma once
// What a write would store: checks, defaults, ownership of fields, admission. Everything between a decoded request and
// the store, for HTTP and in-process callers alike. Pure: time, names and identities are arguments.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/types.hpp"
#include "apiserver/auth/rbac.hpp"
#include "apiserver/catalog.hpp"
#include "apiserver/status.hpp"

namespace datamesh::apiserver {

// What is written: an object or a part of it.
struct Target {
  ResourcePtr resource;
  const Version* version = nullptr;  // of `resource`
  std::string ns, name, subresource;
};

enum class FieldValidation { Ignore, Warn, Strict };

// The product's own rules. `before` is null on creation, `after` on deletion. Called from many threads; must not block.
using Admission = std::function<std::vector<api::Problem>(const nlohmann::json* before, const nlohmann::json* after,
                                                          const User& user)>;

struct WriteContext {
  User user;
  std::string manager;  // of fields
  FieldValidation validation = FieldValidation::Warn;
  bool dry_run = false;
  std::vector<std::string> duplicates;  // keys that the body holds twice
  // Filled in by the engine.
  std::string now;  // RFC 3339
  std::string uid;  // of an object to be created
  std::string name_suffix;
  const std::vector<nlohmann::json>* crds = nullptr;
  const Admission* admission = nullptr;
  const Rbac* rbac = nullptr;
};

struct Prepared {
  Prepared();
  ~Prepared();
  Prepared(Prepared&&) noexcept;
  Prepared& operator=(Prepared&&) noexcept;

  nlohmann::json& object() { return *object_; }
  bool remove = false;     // nothing keeps it any longer
  bool unchanged = false;  // it is what is there
  std::vector<std::string> warnings;

 private:
  std::unique_ptr<nlohmann::json> object_;
};

// `object` as sent, in the target's version. BadRequest, Invalid, Forbidden.
Outcome<Prepared> prepare_create(const Target& target, nlohmann::json object, const WriteContext& context);
// `live` as it is, in the target's version; `object` is what should be there instead.
Outcome<Prepared> prepare_update(const Target& target, const nlohmann::json& live, nlohmann::json object,
                                 const WriteContext& context);
// Server-side apply; `live` null creates.
Outcome<Prepared> prepare_apply(const Target& target, const nlohmann::json* live, nlohmann::json applied, bool force,
                                const WriteContext& context);

enum class Propagation { Background, Foreground, Orphan };
struct DeleteOptions {
  std::optional<Propagation> propagation;
  std::string uid, resource_version;  // preconditions
  bool dry_run = false;
};
Outcome<Prepared> prepare_delete(const Target& target, const nlohmann::json& live, const DeleteOptions& options,
                                 const WriteContext& context);

inline constexpr const char* kForegroundFinalizer = "foregroundDeletion";
inline constexpr const char* kOrphanFinalizer = "orphan";

// Who may hand out rights: whoever has them, or may `escalate` roles and `bind` them.
Outcome<void> check_escalation(const Rbac& rbac, const User& user, const Resource& resource,
                               const nlohmann::json& object, const nlohmann::json* live);

}  // namespace datamesh::apiserver

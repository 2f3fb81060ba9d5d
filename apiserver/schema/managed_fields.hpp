#pragma once
// Who owns which field: metadata.managedFields, and server-side apply (structured-merge-diff's rules).
//
// Use one of these on every write, after the new object is complete (defaults applied, metadata and status taken over
// from the live object as the request demands) and before it is stored:
//   create, update, merge/json/strategic patch -> track_update(live or nullptr, object, writer, schema)
//   apply patch                                -> apply(live or nullptr, applied object, writer, schema, force),
//                                                 then defaults and validation of the object it returns
// Neither touches resourceVersion, uid, generation or any other bookkeeping; a resourceVersion or uid in an applied
// configuration is a precondition that the caller checks.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/schema/structural.hpp"

namespace datamesh::apiserver {

struct Writer {
  std::string manager;      // ?fieldManager, else the user agent up to the first "/" (see default_manager)
  std::string api_version;  // "datamesh.dev/v1alpha1"
  std::string subresource;  // "" | "status" | "scale"
  std::string time;         // RFC 3339 seconds, UTC: "2026-01-02T03:04:05Z"
  bool has_status = true;   // the kind has a status subresource: then the main resource ignores `status`, and
                            // `/status` everything else
};

// Manager of a request without ?fieldManager: the user agent up to "/", at most 128 bytes, "unknown" if empty.
std::string default_manager(std::string_view user_agent);
// `fieldManager` as Kubernetes checks it: at most 128 bytes, printable. For apply it must not be empty:
// `fieldManager is required for apply patch`.
FieldErrors validate_manager(std::string_view manager, bool apply);

// Sets object.metadata.managedFields for a write that is not an apply. `live` is null on create. managedFields sent by
// the client are taken as its wish ([] or [{}] resets), unreadable or missing ones are replaced by the live ones.
void track_update(const nlohmann::json* live, nlohmann::json& object, const Writer& writer, const Schema& schema);

struct ApplyConflict {
  std::string manager;  // as printed: "\"kubectl-client-side-apply\" using datamesh.dev/v1alpha1"
  std::string path;     // ".spec.engine"
};
struct Applied {
  nlohmann::json object() const;                // the merged object with its managedFields
  bool changed = false;                         // false: the live object (nothing to write, resourceVersion stays)
  std::vector<ApplyConflict> conflicts;         // not empty: nothing may be written; answer 409 Conflict
  std::optional<std::string> bad_request;       // e.g. a malformed list map, managedFields in the applied object
  std::shared_ptr<const nlohmann::json> value;  // behind object()
};
Applied apply(const nlohmann::json* live, const nlohmann::json& applied, const Writer& writer, const Schema& schema,
              bool force);
// "Apply failed with 1 conflict: conflict with \"x\" using g/v1: .spec.engine"
std::string conflict_message(const std::vector<ApplyConflict>& conflicts);
// Status.details.causes, reason FieldManagerConflict.
nlohmann::json conflict_causes(const std::vector<ApplyConflict>& conflicts);

}  // namespace datamesh::apiserver

#pragma once
// metadata.managedFields as values. Not for others.

#include <string>
#include <vector>

#include "apiserver/schema/field_set.hpp"
#include "apiserver/schema/managed_fields.hpp"

namespace datamesh::apiserver {

struct ManagerEntry {
  std::string manager;
  std::string operation;  // Apply | Update
  std::string api_version;
  std::string subresource;
  std::string time;  // may be empty
  FieldSet fields;

  // The version and time of an applier do not matter: it replaces what it applied before.
  bool is(const Writer& writer, std::string_view writer_operation) const;
  std::string printed() const;  // as in conflicts
};
using ManagerEntries = std::vector<ManagerEntry>;

// Nothing when it is not a well-formed list.
std::optional<ManagerEntries> read_managers(const Json& object);
// Sorted as kube-apiserver sorts them; entries without fields are dropped, an empty list is no list.
void write_managers(Json& object, ManagerEntries entries);
// At most 10 updaters: older ones become one "ancient-changes" per version.
void cap_updaters(ManagerEntries& entries);

// Leaves out what nobody owns (apiVersion, kind, name, uid, ...), and what this endpoint does not write.
void keep_ownable(FieldSet& set, const Writer& writer);

}  // namespace datamesh::apiserver

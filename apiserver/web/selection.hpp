#pragma once
// Which objects a list, a watch or a deletion of many is about, as a test of stored records that needs no JSON.

#include <string>

#include "apiserver/catalog.hpp"
#include "apiserver/schema/selectors.hpp"
#include "apiserver/status.hpp"
#include "apiserver/storage/record.hpp"

namespace datamesh::apiserver {

struct Selection {
  LabelSelector labels;
  FieldSelector fields;  // by their names in the store
  std::string name;      // metadata.name=..., if asked for

  bool everything() const { return labels.empty() && fields.empty(); }
  bool matches(const storage::Record& record) const;
};

// BadRequest: broken selectors, fields that cannot be selected by.
Outcome<Selection> parse_selection(const Resource& resource, const Version& version, std::string_view label_selector,
                                   std::string_view field_selector);

}  // namespace datamesh::apiserver

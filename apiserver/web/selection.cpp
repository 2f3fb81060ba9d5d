#include "apiserver/web/selection.hpp"

#include "apiserver/object.hpp"

namespace datamesh::apiserver {

bool Selection::matches(const storage::Record& record) const {
  for (const FieldRequirement& requirement : fields) {
    std::string_view value;
    if (requirement.path == "metadata.name") {
      value = record.name();
    } else if (requirement.path == "metadata.namespace") {
      value = record.ns();
    } else {
      value = record.field(requirement.path).value_or(std::string_view{});
    }
    if ((value == requirement.value) != requirement.equals) return false;
  }
  return labels.empty() || apiserver::matches(labels, [&](std::string_view key) { return record.label(key); });
}

Outcome<Selection> parse_selection(const Resource& resource, const Version& version, std::string_view label_selector,
                                   std::string_view field_selector) {
  Selection selection;
  if (!label_selector.empty()) {
    auto labels = parse_label_selector(label_selector);
    if (!labels) return bad_request(labels.error().message);
    selection.labels = *std::move(labels);
  }
  if (!field_selector.empty()) {
    auto fields = parse_field_selector(field_selector);
    if (!fields) return bad_request(fields.error().message);
    if (auto ok = check_fields(*fields, version.selectable_fields); !ok) return bad_request(ok.error().message);
    selection.fields = *std::move(fields);
    for (FieldRequirement& requirement : selection.fields) {
      if (requirement.path == "metadata.name" && requirement.equals) selection.name = requirement.value;
      requirement.path = stored_field(resource, requirement.path);
    }
  }
  return selection;
}

}  // namespace datamesh::apiserver

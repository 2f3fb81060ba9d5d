#include "mesh/compatibility.hpp"

#include <algorithm>

namespace datamesh::mesh {
namespace {

using api::Compatibility;

template <class T>
std::ptrdiff_t index_of(const std::vector<T>& list, std::string T::*field, const std::string& name) {
  const auto found = std::ranges::find(list, name, field);
  return found == list.end() ? -1 : found - list.begin();
}

std::string property_path(std::ptrdiff_t table, std::ptrdiff_t column) {
  return "spec.schema[" + std::to_string(table) + "].properties[" + std::to_string(column) + "]";
}

// The most that any of the roles may read; nothing when none of them is left.
std::optional<api::Classification> reach(const api::DataContract& contract, const std::set<std::string>& roles) {
  std::optional<api::Classification> most;
  if (contract.roles.empty() && roles.contains("reader")) most = api::Classification::Internal;
  for (const api::ContractRole& role : contract.roles)
    if (roles.contains(role.role) && (!most || role.max_classification > *most)) most = role.max_classification;
  return most;
}

std::string type_of(const api::Property& column) {
  if (column.physical_type.empty()) return column.logical_type;
  return column.logical_type.empty() ? column.physical_type : column.logical_type + " (" + column.physical_type + ")";
}

void compare_column(const api::Property& before, const api::Property& after, const std::string& name,
                    const std::string& path, std::optional<api::Classification> most, std::vector<Break>& found) {
  if (before.logical_type != after.logical_type || before.physical_type != after.physical_type)
    found.push_back({path + (before.physical_type != after.physical_type ? ".physicalType" : ".logicalType"),
                     name + " changes its type from " + type_of(before) + " to " + type_of(after)});
  if (before.required && !after.required)
    found.push_back({path + ".required", name + " is no longer required, so it may be without a value"});
  if (most && after.classification > *most && before.classification != after.classification)
    found.push_back({path + ".classification", name + " is classified " + std::string(to_string(after.classification)) +
                                                   ", more than its readers' roles may read"});
}

void compare_for_readers(const api::DataContract& before, const api::DataContract& after,
                         const std::set<std::string>& roles, const Readable& readable, std::vector<Break>& found) {
  const auto most = reach(after, roles);
  if (!most) {
    std::string names;
    for (const std::string& role : roles) names += (names.empty() ? "" : ", ") + role;
    found.push_back({"spec.roles", "the role " + names + " is removed"});
    return;
  }
  for (const auto& [table, columns] : readable) {
    const auto old_table = index_of(before.schema, &api::SchemaObject::physical_name, table);
    const auto new_table = index_of(after.schema, &api::SchemaObject::physical_name, table);
    if (old_table < 0) continue;
    for (const std::string& column : columns) {
      const std::string name = table + "." + column;
      const auto& old_columns = before.schema[static_cast<std::size_t>(old_table)].properties;
      const auto was = index_of(old_columns, &api::Property::name, column);
      if (was < 0) continue;
      const auto now = new_table < 0 ? -1
                                     : index_of(after.schema[static_cast<std::size_t>(new_table)].properties,
                                                &api::Property::name, column);
      if (now < 0) {
        found.push_back({"spec.schema", name + " is removed"});
        continue;
      }
      const api::Property& column_before = old_columns[static_cast<std::size_t>(was)];
      const api::Property& column_after =
          after.schema[static_cast<std::size_t>(new_table)].properties[static_cast<std::size_t>(now)];
      compare_column(column_before, column_after, name, property_path(new_table, now), most, found);
      if (column_after.classification > *most && column_before.classification == column_after.classification)
        found.push_back(
            {"spec.provisioning.roles", name + " is more than the roles may read by their maxClassification"});
    }
  }
}

// A writer that knows only the old contract must still be able to write.
void compare_for_writers(const api::DataContract& before, const api::DataContract& after, std::vector<Break>& found) {
  for (std::size_t table = 0; table < after.schema.size(); ++table) {
    const auto old_table =
        index_of(before.schema, &api::SchemaObject::physical_name, after.schema[table].physical_name);
    if (old_table < 0) continue;
    for (std::size_t column = 0; column < after.schema[table].properties.size(); ++column) {
      const api::Property& now = after.schema[table].properties[column];
      const auto& old_columns = before.schema[static_cast<std::size_t>(old_table)].properties;
      const auto was = index_of(old_columns, &api::Property::name, now.name);
      const bool was_required = was >= 0 && old_columns[static_cast<std::size_t>(was)].required;
      if (now.required && !was_required)
        found.push_back(
            {property_path(static_cast<std::ptrdiff_t>(table), static_cast<std::ptrdiff_t>(column)) + ".required",
             after.schema[table].physical_name + "." + now.name + " becomes required"});
    }
  }
}

}  // namespace

std::vector<Break> breaks(const api::DataContract& before, const api::DataContract& after,
                          const std::set<std::string>& roles, const Readable& readable) {
  std::vector<Break> found;
  const Compatibility mode = before.compatibility;
  if (mode == Compatibility::Backward || mode == Compatibility::Full)
    compare_for_readers(before, after, roles, readable, found);
  if (mode == Compatibility::Forward || mode == Compatibility::Full) compare_for_writers(before, after, found);
  return found;
}

}  // namespace datamesh::mesh

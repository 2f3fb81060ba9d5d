// From a contract's schema to the neutral port.

#include <algorithm>

#include "mesh/resolve.hpp"

namespace datamesh::mesh {
namespace {

// Positions 1, 2, ... in the order of the declared ones; key columns without one follow as they are listed.
void number_primary_key(const api::SchemaObject& object, Table& table) {
  std::vector<std::size_t> key;
  for (std::size_t i = 0; i < object.properties.size(); ++i)
    if (object.properties[i].primary_key) key.push_back(i);
  std::ranges::stable_sort(key, {}, [&](std::size_t i) {
    const int position = object.properties[i].primary_key_position;
    return position > 0 ? position : 1'000'000;
  });
  for (std::size_t place = 0; place < key.size(); ++place)
    table.columns[key[place]].primary_key_position = static_cast<int>(place) + 1;
}

Table make_table(const api::SchemaObject& object) {
  Table table{object.physical_name, {}, object.description};
  table.columns.reserve(object.properties.size());
  for (const api::Property& property : object.properties)
    table.columns.push_back({property.name, property.logical_type, property.physical_type, property.required,
                             property.unique, 0, property.description});
  number_primary_key(object, table);
  return table;
}

void set_parameters(const api::OutputPort& declared, Port& port) {
  for (const auto& [name, value] : declared.parameters) {
    if (name == "retention") {
      if (const auto retention = parse_duration(value)) port.retention = *retention;
    } else if (name == "maxBytes") {
      port.max_bytes = api::parse_bytes(value);
    } else if (name == "replicas") {
      port.replicas = static_cast<int>(api::parse_bytes(value).value_or(1));
    }
  }
}

}  // namespace

Port make_port(const ProductView& product, const PortView& view) {
  const auto& annotations = product.product->metadata.annotations;
  const auto adopt = annotations.find(std::string(api::kAdoptAnnotation));
  Port port;
  port.key = view.key;
  port.owner = key_of(*product.product);
  port.type = view.type;
  port.version = view.port->version;
  port.tables.reserve(view.contract->schema.size());
  for (const api::SchemaObject& object : view.contract->schema) port.tables.push_back(make_table(object));
  port.roles = view.roles;
  std::ranges::sort(port.roles, {}, &PortRole::name);
  set_parameters(*view.port, port);
  port.keep = view.port->deletion_policy == api::DeletionPolicy::Retain;
  port.adopt = adopt != annotations.end() && adopt->second == "true";
  return port;
}

}  // namespace datamesh::mesh

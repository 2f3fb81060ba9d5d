#pragma once
// From an object of the API to the catalog. Decoding is the expensive half and needs no lock; putting is the other.

#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "mesh/catalog.hpp"

namespace datamesh {

ObjectKey key_of(const nlohmann::json& object);  // kind, namespace, name

// Decodes one of the seven kinds and answers how to put it; what cannot be decoded is put as such (and held). Another
// kind puts nothing.
std::function<mesh::Dirty(mesh::Catalog&)> decode_declaration(const nlohmann::json& object);

}  // namespace datamesh

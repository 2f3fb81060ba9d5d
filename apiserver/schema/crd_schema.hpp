#pragma once
// The rules a CRD's schema must keep to be structural. Not for others.

#include <string>

#include "apiserver/schema/field_error.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

// `path`: "spec.versions[0].schema.openAPIV3Schema".
void check_structural(const Json& schema, const std::string& path, FieldErrors& errors);

}  // namespace datamesh::apiserver

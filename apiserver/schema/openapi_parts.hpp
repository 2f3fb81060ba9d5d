#pragma once
// The parts that openapi.cpp puts together. Not for others.

#include <string>
#include <string_view>
#include <vector>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

// One resource of one version, as the documents need it.
struct OpenApiResource {
  std::string group, version, kind, plural;
  bool namespaced = false;
  bool status = false;
  bool review = false;     // create only
  bool custom = false;     // of a CRD: no strategic merge patch, and clients choose the kind of patch by that
  std::string definition;  // "dev.datamesh.v1alpha1.Backend"
};

enum class OpenApiVersion { V2, V3 };

// The paths of one resource: {"/apis/g/v/things": {"get": {...}, ...}, ...}.
Json openapi_paths(const OpenApiResource& resource, OpenApiVersion version);

// The gnostic protobuf form (openapi.v2.Document) of a v2 document.
std::string openapi_v2_protobuf(const Json& document);

}  // namespace datamesh::apiserver

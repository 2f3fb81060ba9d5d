#pragma once
// The server's OpenAPI documents, generated from the built-in kinds and the CRDs. Build them again when a CRD changes
// and keep the texts: the result is a value.
//
// What kubectl asks for:
// - GET /openapi/v3: `v3_index`. GET /openapi/v3/apis/GROUP/VERSION and /openapi/v3/api/v1: `v3` by the key of the
// index
//   ("apis/datamesh.dev/v1alpha1", "api/v1"). The index's URLs carry ?hash=; answer the document whatever the hash.
//   Accept is application/json (v3 may also be asked for as application/com.github.proto-openapi.spec.v3@v1.0+protobuf:
//   always answer JSON with Content-Type application/json).
// - GET /openapi/v2 with Accept `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, sometimes together with
//   application/json: client-go always asks for protobuf here (explain --output plaintext-openapiv2, fallbacks, helm).
//   When Accept names it answer `v2_protobuf` with Content-Type `openapi_v2_protobuf_type`, which has a dot in the
//   place of the @ (client-go fails on the @: "mime: unexpected content after media subtype"); else `v2` as
//   application/json.
// Tried with kubectl 1.32: explain (recursive, v2 and v3), apply with --validate=strict.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace datamesh::apiserver {

inline constexpr std::string_view openapi_v2_protobuf_accepted =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
inline constexpr std::string_view openapi_v2_protobuf_type =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

struct OpenApiDocuments {
  std::string v2;
  std::string v2_protobuf;
  std::string v3_index;  // {"paths":{"apis/...":{"serverRelativeURL":"/openapi/v3/apis/...?hash=..."}}}
  std::map<std::string, std::string> v3;  // by "api/v1", "apis/rbac.authorization.k8s.io/v1"
};

// `crds` are CustomResourceDefinition objects as stored; only served versions appear.
OpenApiDocuments openapi_documents(const std::vector<const nlohmann::json*>& crds, std::string_view server_version);

// "dev.datamesh.v1alpha1.Backend": the definition name of a custom resource.
std::string definition_name(std::string_view group, std::string_view version, std::string_view kind);

}  // namespace datamesh::apiserver

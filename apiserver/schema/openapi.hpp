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
// - GET /openapi/v2 with Accept `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, also together with
//   application/json: client-go always asks for protobuf here (describe, apply's fallbacks, helm). Answer `v2_protobuf`
//   with that Content-Type when Accept names it, else `v2` as application/json.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace datamesh::apiserver {

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

#pragma once
// Built-in kinds in protobuf, as typed Go clients send them (kubectl create namespace, client-go): the envelope
// "k8s\0" + runtime.Unknown, and in it the message of the kind (k8s.io/api generated.proto). Read only: answers are
// JSON, which those clients accept as well. Pure.

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/result.hpp"

namespace datamesh::apiserver {

// Invalid: not such an envelope, a kind that is not known, broken wire format.
Result<nlohmann::json> decode_protobuf(std::string_view body);

}  // namespace datamesh::apiserver

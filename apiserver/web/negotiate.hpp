#pragma once
// What form a client wants an answer in (Accept), and what form its body has (Content-Type). Pure.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/status.hpp"

namespace datamesh::apiserver {

enum class Form { Plain, Table, Metadata, MetadataList };

struct Format {
  Form form = Form::Plain;
  bool yaml = false;
  std::string table_version = "v1";  // of meta.k8s.io
};

// The first of the client's wishes that can be met. NotAcceptable.
Outcome<Format> negotiate(std::string_view accept);

// "v2", "v2beta1" (aggregated) or "" (plain lists).
std::string discovery_version(std::string_view accept);

// Whether the media type is named at all.
bool accepts(std::string_view accept, std::string_view media_type);

// A body as one value. BadRequest, UnsupportedMediaType. `duplicates` collects keys given twice.
Outcome<nlohmann::json> decode_body(std::string_view content_type, const std::string& body,
                                    std::vector<std::string>& duplicates);
// "application/json" of "application/json; charset=utf-8".
std::string_view media_type(std::string_view content_type);

}  // namespace datamesh::apiserver

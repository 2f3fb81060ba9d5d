#pragma once
// Compression of response bodies (RFC 1952). Internal.

#include <string>
#include <string_view>

namespace datamesh::http {

std::string gzip(std::string_view bytes);

}  // namespace datamesh::http

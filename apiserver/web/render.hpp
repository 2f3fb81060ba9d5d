#pragma once
// Stored objects as the client wants to see them: as they are, as a table, or as their metadata alone; JSON or YAML.

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/catalog.hpp"
#include "apiserver/schema/table.hpp"
#include "apiserver/storage/storage.hpp"
#include "apiserver/web/negotiate.hpp"

namespace datamesh::apiserver {

struct View {
  ResourcePtr resource;
  const Version* version = nullptr;
  Format format;
  IncludeObject include = IncludeObject::Metadata;
};

// One object's JSON text (in the view's version) in the view's form.
std::string render_object(const View& view, std::string text, std::int64_t now);
// A list. Plain JSON is put together from the stored texts.
std::string render_list(const View& view, const storage::List& list, std::int64_t now);
// The value of a watch event's "object".
std::string render_event_object(const View& view, std::string text, std::int64_t now, bool with_definitions);

// JSON text to what the format says; JSON stays as it is.
std::string encode(const Format& format, std::string json);
std::string_view content_type(const Format& format);
// ?includeObject=
std::optional<IncludeObject> parse_include(std::string_view text);

}  // namespace datamesh::apiserver

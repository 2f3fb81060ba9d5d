#include "apiserver/web/render.hpp"

#include "apiserver/object.hpp"
#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"

namespace datamesh::apiserver {

namespace {

Json list_metadata(const storage::List& list) {
  Json metadata = {{"resourceVersion", std::to_string(list.rv)}};
  if (!list.continue_token.empty()) metadata["continue"] = list.continue_token;
  if (list.remaining && *list.remaining > 0) metadata["remainingItemCount"] = *list.remaining;
  return metadata;
}

Json table_of(const View& view, const std::vector<const Json*>& objects, const Json& metadata, std::int64_t now,
              bool with_definitions) {
  Json out = table(view.version->columns, objects, metadata, now, view.include, with_definitions);
  out["apiVersion"] = "meta.k8s.io/" + view.format.table_version;
  return out;
}

Json partial_list(const View& view, const storage::List& list) {
  Json items = Json::array();
  for (const auto& record : list.items) items.push_back(partial_metadata(parse_stored(record->body())));
  return {{"kind", "PartialObjectMetadataList"},
          {"apiVersion", "meta.k8s.io/" + view.format.table_version},
          {"metadata", list_metadata(list)},
          {"items", std::move(items)}};
}

std::string table_list(const View& view, const storage::List& list, std::int64_t now) {
  std::vector<Json> objects;
  objects.reserve(list.items.size());
  for (const auto& record : list.items) objects.push_back(read_record(*view.resource, view.version->name, *record));
  std::vector<const Json*> pointers;
  pointers.reserve(objects.size());
  for (const Json& object : objects) pointers.push_back(&object);
  return table_of(view, pointers, list_metadata(list), now, true).dump();
}

std::string plain_list(const View& view, const storage::List& list) {
  const std::string kind = view.resource->kind + "List";
  std::string out = "{\"kind\":" + Json(kind).dump() +
                    ",\"apiVersion\":" + Json(view.resource->api_version(view.version->name)).dump() +
                    ",\"metadata\":" + list_metadata(list).dump() + ",\"items\":[";
  std::size_t expected = out.size() + 2;
  for (const auto& record : list.items) expected += record->body_size() + 24;
  out.reserve(expected);
  bool first = true;
  for (const auto& record : list.items) {
    if (!first) out += ',';
    first = false;
    const std::size_t start = out.size();
    record->append_body(out);
    if (is_in_version(*view.resource, view.version->name, std::string_view(out).substr(start))) continue;
    const std::string text = in_version(*view.resource, view.version->name, out.substr(start));
    out.resize(start);
    out += text;
  }
  out += "]}";
  return out;
}

}  // namespace

std::string encode(const Format& format, std::string json) {
  return format.yaml ? kube::to_yaml(parse_stored(json)) : json + "\n";
}

std::string_view content_type(const Format& format) {
  return format.yaml ? "application/yaml" : "application/json";
}

std::string render_event_object(const View& view, std::string text, std::int64_t now, bool with_definitions) {
  if (view.format.form == Form::Plain) return text;
  const Json object = parse_stored(text);
  if (view.format.form == Form::Table) {
    const Json* version = find(object, {"metadata", "resourceVersion"});
    return table_of(view, {&object}, version == nullptr ? Json() : Json{{"resourceVersion", *version}}, now,
                    with_definitions)
        .dump();
  }
  Json partial = partial_metadata(object);
  partial["apiVersion"] = "meta.k8s.io/" + view.format.table_version;
  return partial.dump();
}

std::string render_object(const View& view, std::string text, std::int64_t now) {
  return encode(view.format, render_event_object(view, std::move(text), now, true));
}

std::string render_list(const View& view, const storage::List& list, std::int64_t now) {
  switch (view.format.form) {
    case Form::Table:
      return encode(view.format, table_list(view, list, now));
    case Form::Metadata:
    case Form::MetadataList:
      return encode(view.format, partial_list(view, list).dump());
    case Form::Plain:
      break;
  }
  return encode(view.format, plain_list(view, list));
}

std::optional<IncludeObject> parse_include(std::string_view text) {
  if (text.empty() || text == "Metadata") return IncludeObject::Metadata;
  if (text == "Object") return IncludeObject::Object;
  if (text == "None") return IncludeObject::None;
  return std::nullopt;
}

}  // namespace datamesh::apiserver

// The wire form of gnostic's openapi.v2.Document. Numbers below are its field numbers.
#include <cstdint>
#include <cstring>

#include "apiserver/schema/openapi_parts.hpp"

namespace datamesh::apiserver {

namespace {

class Message {
 public:
  void text(int field, std::string_view value) {
    if (!value.empty()) bytes(field, value);
  }
  void message(int field, const Message& value) { bytes(field, value.out_); }
  void boolean(int field, bool value) {
    if (!value) return;
    key(field, 0);
    varint(1);
  }
  void integer(int field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(int field, double value) {
    key(field, 1);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);  // little endian, as the wire
    out_.append(raw, sizeof raw);
  }
  std::string take() { return std::move(out_); }

 private:
  void key(int field, int wire) { varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire)); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void bytes(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    out_ += value;
  }

  std::string out_;
};

// Any: its YAML text; JSON is YAML.
Message any(const Json& value) {
  Message out;
  out.text(2, value.dump());
  return out;
}

void extensions(Message& out, int field, const Json& object) {
  for (const auto& [name, value] : object.items()) {
    if (!name.starts_with("x-")) continue;
    Message named;
    named.text(1, name);
    named.message(2, any(value));
    out.message(field, named);
  }
}

Message schema(const Json& json);

Message named_schema(const std::string& name, const Json& json) {
  Message out;
  out.text(1, name);
  out.message(2, schema(json));
  return out;
}

void numbers(Message& out, const Json& json) {
  for (const auto& [key, field] : {std::pair{"multipleOf", 6}, std::pair{"maximum", 7}, std::pair{"minimum", 9}}) {
    if (const auto it = json.find(key); it != json.end() && it->is_number()) out.real(field, it->get<double>());
  }
  for (const auto& [key, field] : {std::pair{"exclusiveMaximum", 8}, std::pair{"exclusiveMinimum", 10}}) {
    if (const auto it = json.find(key); it != json.end() && it->is_boolean()) out.boolean(field, it->get<bool>());
  }
  for (const auto& [key, field] :
       {std::pair{"maxLength", 11}, std::pair{"minLength", 12}, std::pair{"maxItems", 14}, std::pair{"minItems", 15},
        std::pair{"maxProperties", 17}, std::pair{"minProperties", 18}}) {
    if (const auto it = json.find(key); it != json.end() && it->is_number_integer())
      out.integer(field, it->get<std::int64_t>());
  }
}

Message schema(const Json& json) {
  Message out;
  if (!json.is_object()) return out;
  out.text(1, string_at(json, {"$ref"}));
  out.text(2, string_at(json, {"format"}));
  out.text(3, string_at(json, {"title"}));
  out.text(4, string_at(json, {"description"}));
  if (const auto it = json.find("default"); it != json.end()) out.message(5, any(*it));
  numbers(out, json);
  out.text(13, string_at(json, {"pattern"}));
  if (const auto it = json.find("required"); it != json.end()) {
    for (const Json& one : *it) out.text(19, one.is_string() ? one.get<std::string>() : std::string{});
  }
  if (const auto it = json.find("enum"); it != json.end()) {
    for (const Json& one : *it) out.message(20, any(one));
  }
  if (const auto it = json.find("additionalProperties"); it != json.end()) {
    Message item;
    if (it->is_boolean()) {
      item.integer(2, it->get<bool>() ? 1 : 0);
    } else {
      item.message(1, schema(*it));
    }
    out.message(21, item);
  }
  if (const std::string type = string_at(json, {"type"}); !type.empty()) {
    Message item;
    item.text(1, type);
    out.message(22, item);
  }
  if (const auto it = json.find("items"); it != json.end()) {
    Message item;
    item.message(1, schema(*it));
    out.message(23, item);
  }
  if (const auto it = json.find("allOf"); it != json.end()) {
    for (const Json& one : *it) out.message(24, schema(one));
  }
  if (const auto it = json.find("properties"); it != json.end()) {
    Message properties;
    for (const auto& [name, value] : it->items()) properties.message(1, named_schema(name, value));
    out.message(25, properties);
  }
  extensions(out, 31, json);
  return out;
}

// ParametersItem{Parameter{BodyParameter | NonBodyParameter{query | path}}}
Message parameter(const Json& json) {
  const std::string in = string_at(json, {"in"});
  const Json* required = datamesh::find(json, {"required"});
  const bool must = required && required->is_boolean() && required->get<bool>();
  Message inner;
  Message wrapped;
  if (in == "body") {
    Message body;  // description 1, name 2, in 3, required 4, schema 5
    body.text(2, string_at(json, {"name"}));
    body.text(3, in);
    body.boolean(4, must);
    if (const auto it = json.find("schema"); it != json.end()) body.message(5, schema(*it));
    wrapped.message(1, body);
  } else {
    Message sub;  // required 1, in 2, description 3, name 4; query: type 6; path: type 5
    sub.boolean(1, must);
    sub.text(2, in);
    sub.text(3, string_at(json, {"description"}));
    sub.text(4, string_at(json, {"name"}));
    sub.text(in == "query" ? 6 : 5, string_at(json, {"type"}));
    Message non_body;
    non_body.message(in == "query" ? 3 : 4, sub);
    wrapped.message(2, non_body);
  }
  inner.message(1, wrapped);
  return inner;
}

Message responses(const Json& json) {
  Message out;
  for (const auto& [code, response] : json.items()) {
    Message body;
    body.text(1, string_at(response, {"description"}));
    if (const auto it = response.find("schema"); it != response.end()) {
      Message item;
      item.message(1, schema(*it));
      body.message(2, item);
    }
    Message value;
    value.message(1, body);
    Message named;
    named.text(1, code);
    named.message(2, value);
    out.message(1, named);
  }
  return out;
}

Message operation(const Json& json) {
  Message out;
  out.text(3, string_at(json, {"description"}));
  out.text(5, string_at(json, {"operationId"}));
  if (const auto it = json.find("consumes"); it != json.end()) {
    for (const Json& one : *it) out.text(7, one.get_ref<const std::string&>());
  }
  for (const Json& one : json["parameters"]) out.message(8, parameter(one));
  out.message(9, responses(json["responses"]));
  extensions(out, 13, json);
  return out;
}

Message path_item(const Json& json) {
  Message out;
  for (const auto& [method, field] : {std::pair{"get", 2}, std::pair{"put", 3}, std::pair{"post", 4},
                                      std::pair{"delete", 5}, std::pair{"patch", 8}}) {
    if (const auto it = json.find(method); it != json.end()) out.message(field, operation(*it));
  }
  if (const auto it = json.find("parameters"); it != json.end()) {
    for (const Json& one : *it) out.message(9, parameter(one));
  }
  return out;
}

}  // namespace

std::string openapi_v2_protobuf(const Json& document) {
  Message out;
  out.text(1, "2.0");
  Message info;
  info.text(1, string_at(document, {"info", "title"}));
  info.text(2, string_at(document, {"info", "version"}));
  out.message(2, info);
  Message paths;
  for (const auto& [path, item] : document["paths"].items()) {
    Message named;
    named.text(1, path);
    named.message(2, path_item(item));
    paths.message(2, named);
  }
  out.message(8, paths);
  Message definitions;
  for (const auto& [name, definition] : document["definitions"].items())
    definitions.message(1, named_schema(name, definition));
  out.message(9, definitions);
  return out.take();
}

}  // namespace datamesh::apiserver

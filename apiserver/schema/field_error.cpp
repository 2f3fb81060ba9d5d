#include "apiserver/schema/field_error.hpp"

#include <cstdio>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

// How a bad value is printed after "Invalid value: ".
std::string printed(const Json& value) {
  if (value.is_string()) return go_quoted(value.get_ref<const std::string&>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string body(std::string_view type, std::string_view value, std::string_view detail) {
  std::string text{type};
  if (!value.empty()) text.append(": ").append(value);
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

}  // namespace

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string_view cause_reason(FieldErrorType type) {
  switch (type) {
    case FieldErrorType::Required:
      return "FieldValueRequired";
    case FieldErrorType::Duplicate:
      return "FieldValueDuplicate";
    case FieldErrorType::Invalid:
      return "FieldValueInvalid";
    case FieldErrorType::TypeInvalid:
      return "FieldValueTypeInvalid";
    case FieldErrorType::NotSupported:
      return "FieldValueNotSupported";
    case FieldErrorType::Forbidden:
      return "FieldValueForbidden";
    case FieldErrorType::TooLong:
      return "FieldValueTooLong";
    case FieldErrorType::TooMany:
      return "FieldValueTooMany";
    case FieldErrorType::NotFound:
      return "FieldValueNotFound";
    case FieldErrorType::Internal:
      return "InternalError";
  }
  return "FieldValueInvalid";
}

std::string to_string(const FieldError& error) {
  return error.field + ": " + error.body;
}

std::string join(const FieldErrors& errors) {
  if (errors.size() == 1) return to_string(errors.front());
  std::string text = "[";
  for (const FieldError& error : errors) {
    if (text.size() > 1) text += ", ";
    text += to_string(error);
  }
  return text + "]";
}

Json causes(const FieldErrors& errors) {
  Json list = Json::array();
  for (const FieldError& error : errors) {
    list.push_back({{"reason", cause_reason(error.type)}, {"message", error.body}, {"field", error.field}});
  }
  return list;
}

FieldError required(std::string field, std::string_view detail) {
  return {FieldErrorType::Required, std::move(field), body("Required value", {}, detail)};
}

FieldError invalid(std::string field, std::string_view value, std::string_view detail) {
  return {FieldErrorType::Invalid, std::move(field), body("Invalid value", go_quoted(value), detail)};
}

FieldError invalid_json(std::string field, const Json& value, std::string_view detail) {
  return {FieldErrorType::Invalid, std::move(field), body("Invalid value", printed(value), detail)};
}

FieldError type_invalid(std::string field, std::string_view value, std::string_view detail) {
  return {FieldErrorType::TypeInvalid, std::move(field), body("Invalid value", go_quoted(value), detail)};
}

FieldError not_supported(std::string field, const Json& value, const std::vector<std::string>& supported) {
  std::string detail;
  for (const std::string& one : supported) {
    detail.append(detail.empty() ? "supported values: " : ", ").append(go_quoted(one));
  }
  return {FieldErrorType::NotSupported, std::move(field), body("Unsupported value", printed(value), detail)};
}

FieldError duplicate(std::string field, const Json& value) {
  return {FieldErrorType::Duplicate, std::move(field), body("Duplicate value", printed(value), {})};
}

FieldError forbidden(std::string field, std::string_view detail) {
  return {FieldErrorType::Forbidden, std::move(field), body("Forbidden", {}, detail)};
}

FieldError too_long(std::string field, long bytes_max) {
  return {FieldErrorType::TooLong, std::move(field),
          body("Too long", {}, "may not be more than " + std::to_string(bytes_max) + " bytes")};
}

FieldError too_many(std::string field, long actual, long items_max) {
  return {FieldErrorType::TooMany, std::move(field),
          body("Too many", std::to_string(actual), "must have at most " + std::to_string(items_max) + " items")};
}

}  // namespace datamesh::apiserver

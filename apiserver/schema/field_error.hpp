#pragma once
// What is wrong with one field, in kube-apiserver's words (apimachinery's field.Error): they become the message and the
// causes of a `Status` with reason Invalid.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace datamesh::apiserver {

enum class FieldErrorType {
  Required,
  Duplicate,
  Invalid,
  TypeInvalid,
  NotSupported,
  Forbidden,
  TooLong,
  TooMany,
  NotFound,
  Internal
};

struct FieldError {
  FieldErrorType type;
  std::string field;  // "spec.ports[0].name"; "<nil>" when the error is about no single field
  std::string body;   // "Required value", "Invalid value: \"x\": must be ..."

  bool operator==(const FieldError&) const = default;
};
using FieldErrors = std::vector<FieldError>;

std::string_view cause_reason(FieldErrorType type);  // "FieldValueRequired", ... (StatusCause.reason)
std::string to_string(const FieldError& error);      // "spec.engine: Required value"
// "a" for one error, "[a, b]" for more: what follows `Backend.datamesh.dev "x" is invalid: `.
std::string join(const FieldErrors& errors);
// [{"reason":..., "message":..., "field":...}]: Status.details.causes.
nlohmann::json causes(const FieldErrors& errors);

// Constructors with the bodies Kubernetes prints.
FieldError required(std::string field, std::string_view detail = {});
FieldError invalid(std::string field, std::string_view value, std::string_view detail);  // value is printed quoted
FieldError invalid_json(std::string field, const nlohmann::json& value, std::string_view detail);
FieldError type_invalid(std::string field, std::string_view value, std::string_view detail);
FieldError not_supported(std::string field, const nlohmann::json& value, const std::vector<std::string>& supported);
FieldError duplicate(std::string field, const nlohmann::json& value);
FieldError forbidden(std::string field, std::string_view detail);
FieldError too_long(std::string field, long bytes_max);
FieldError too_many(std::string field, long actual, long items_max);

std::string go_quoted(std::string_view text);  // as Go's %q: printable text in double quotes, the rest escaped

}  // namespace datamesh::apiserver

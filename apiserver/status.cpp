#include "apiserver/status.hpp"

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

Failure make(int code, std::string reason, std::string message) {
  Failure failure;
  failure.code = code;
  failure.reason = std::move(reason);
  failure.message = std::move(message);
  return failure;
}

Failure about(int code, std::string reason, const GroupResource& resource, const std::string& name,
              std::string message) {
  Failure failure = make(code, std::move(reason), std::move(message));
  failure.name = name;
  failure.group = resource.group;
  failure.kind = resource.resource;
  return failure;
}

std::string quoted(const GroupResource& resource, const std::string& name) {
  return to_string(resource) + " \"" + name + "\"";
}

}  // namespace

std::string to_string(const GroupResource& resource) {
  return resource.group.empty() ? resource.resource : resource.resource + "." + resource.group;
}

std::string to_json(const Failure& failure) {
  Json details = Json::object();
  if (!failure.name.empty()) details["name"] = failure.name;
  if (!failure.group.empty()) details["group"] = failure.group;
  if (!failure.kind.empty()) details["kind"] = failure.kind;
  if (!failure.uid.empty()) details["uid"] = failure.uid;
  if (failure.retry_after_seconds > 0) details["retryAfterSeconds"] = failure.retry_after_seconds;
  for (const Cause& cause : failure.causes) {
    Json entry = {{"reason", cause.reason}, {"message", cause.message}};
    if (!cause.field.empty()) entry["field"] = cause.field;
    details["causes"].push_back(std::move(entry));
  }
  Json status = {{"kind", "Status"},    {"apiVersion", "v1"},         {"metadata", Json::object()},
                 {"status", "Failure"}, {"message", failure.message}, {"reason", failure.reason},
                 {"code", failure.code}};
  if (!failure.continue_token.empty()) status["metadata"]["continue"] = failure.continue_token;
  if (!details.empty()) status["details"] = std::move(details);
  return status.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Failure bad_request(std::string message) {
  return make(400, "BadRequest", std::move(message));
}

Failure unauthorized() {
  return make(401, "Unauthorized", "Unauthorized");
}

Failure forbidden(const GroupResource& resource, const std::string& name, const std::string& why) {
  const std::string what = name.empty() ? to_string(resource) : quoted(resource, name);
  return about(403, "Forbidden", resource, name, what + " is forbidden: " + why);
}

Failure not_found(const GroupResource& resource, const std::string& name) {
  return about(404, "NotFound", resource, name, quoted(resource, name) + " not found");
}

Failure no_such_path() {
  return make(404, "NotFound", "the server could not find the requested resource");
}

Failure already_exists(const GroupResource& resource, const std::string& name) {
  return about(409, "AlreadyExists", resource, name, quoted(resource, name) + " already exists");
}

Failure conflict(const GroupResource& resource, const std::string& name, const std::string& why) {
  return about(409, "Conflict", resource, name,
               "Operation cannot be fulfilled on " + quoted(resource, name) + ": " + why);
}

Failure modified(const GroupResource& resource, const std::string& name) {
  return conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version and try again");
}

Failure apply_conflict(std::vector<Cause> causes, std::string message) {
  Failure failure = make(409, "Conflict", std::move(message));
  failure.causes = std::move(causes);
  return failure;
}

Failure invalid(const std::string& group, const std::string& kind, const std::string& name, std::vector<Cause> causes) {
  std::string list;
  for (const Cause& cause : causes) {
    if (!list.empty()) list += ", ";
    list += cause.field.empty() ? cause.message : cause.field + ": " + cause.message;
  }
  if (causes.size() != 1) list = "[" + list + "]";
  Failure failure = about(422, "Invalid", {group, kind}, name, quoted({group, kind}, name) + " is invalid: " + list);
  failure.causes = std::move(causes);
  return failure;
}

Failure method_not_allowed(const GroupResource& resource, const std::string& verb) {
  return about(405, "MethodNotAllowed", resource, "",
               verb + " is not supported on resources of kind \"" + to_string(resource) + "\"");
}

Failure not_acceptable(std::string message) {
  return make(406, "NotAcceptable", std::move(message));
}

Failure unsupported_media_type(std::string message) {
  return make(415, "UnsupportedMediaType", std::move(message));
}

Failure too_large(std::string message) {
  return make(413, "RequestEntityTooLarge", std::move(message));
}

Failure expired(std::string message, std::string continue_token) {
  Failure failure = make(410, "Expired", std::move(message));
  failure.continue_token = std::move(continue_token);
  return failure;
}

Failure too_many_requests(std::string message, int retry_after_seconds) {
  Failure failure = make(429, "TooManyRequests", std::move(message));
  failure.retry_after_seconds = retry_after_seconds;
  return failure;
}

Failure resource_version_too_large(std::uint64_t asked, std::uint64_t current) {
  Failure failure = make(
      504, "Timeout", "Too large resource version: " + std::to_string(asked) + ", current: " + std::to_string(current));
  failure.causes = {{"ResourceVersionTooLarge", "Too large resource version", ""}};
  failure.retry_after_seconds = 1;
  return failure;
}

Failure unavailable(std::string message) {
  return make(503, "ServiceUnavailable", std::move(message));
}

Failure internal_error(std::string message) {
  return make(500, "InternalError", "Internal error occurred: " + std::move(message));
}

Failure from_error(const Error& error, const GroupResource& resource, const std::string& name) {
  switch (error.code) {
    case Code::Invalid:
      return bad_request(error.message);
    case Code::NotFound:
      return not_found(resource, name);
    case Code::Conflict:
      return conflict(resource, name, error.message);
    case Code::Denied:
      return forbidden(resource, name, error.message);
    case Code::Unavailable:
    case Code::Cancelled:
      return unavailable(error.message);
    case Code::Internal:
      break;
  }
  return internal_error(error.message);
}

Error to_error(const Failure& failure) {
  switch (failure.code) {
    case 401:
    case 403:
      return {Code::Denied, failure.message};
    case 404:
      return {Code::NotFound, failure.message};
    case 409:
      return {Code::Conflict, failure.message};
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return {Code::Invalid, failure.message};
    case 500:
      return {Code::Internal, failure.message};
    default:
      return {Code::Unavailable, failure.message};
  }
}

}  // namespace datamesh::apiserver

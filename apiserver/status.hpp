#pragma once
// What the API answers when it does not do what was asked: metav1.Status, with the words and the details that kubectl
// and client-go read (apimachinery api/errors).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controller/core/result.hpp"

namespace datamesh::apiserver {

struct Cause {
  std::string reason;   // "FieldValueInvalid", "FieldManagerConflict", ...
  std::string message;  // without the field
  std::string field;    // "spec.outputPorts[0].type"
};

struct Failure {
  int code = 500;
  std::string reason;
  std::string message;
  std::string name, group, kind, uid;  // details
  std::vector<Cause> causes;
  int retry_after_seconds = 0;
  std::string continue_token;  // of an expired list: where an inconsistent listing may go on
};

// Names a resource in messages: "dataproducts.datamesh.dev", "secrets".
struct GroupResource {
  std::string group, resource;
};
std::string to_string(const GroupResource& resource);

// The Status object as JSON text.
std::string to_json(const Failure& failure);

Failure bad_request(std::string message);
Failure unauthorized();
Failure forbidden(const GroupResource& resource, const std::string& name, const std::string& why);
Failure not_found(const GroupResource& resource, const std::string& name);
Failure no_such_path();
Failure already_exists(const GroupResource& resource, const std::string& name);
Failure conflict(const GroupResource& resource, const std::string& name, const std::string& why);
Failure modified(const GroupResource& resource, const std::string& name);
Failure apply_conflict(std::vector<Cause> causes, std::string message);
// `kind` is the Go kind ("DataProduct"), as Kubernetes writes it for this reason alone.
Failure invalid(const std::string& group, const std::string& kind, const std::string& name, std::vector<Cause> causes);
Failure method_not_allowed(const GroupResource& resource, const std::string& verb);
Failure not_acceptable(std::string message);
Failure unsupported_media_type(std::string message);
Failure too_large(std::string message);
Failure expired(std::string message, std::string continue_token = {});
Failure too_many_requests(std::string message, int retry_after_seconds);
Failure resource_version_too_large(std::uint64_t asked, std::uint64_t current);
Failure unavailable(std::string message);
Failure internal_error(std::string message);
// An error of a lower layer, in the words of the API.
Failure from_error(const Error& error, const GroupResource& resource, const std::string& name);
// The other way round: what the in-process store tells its caller.
Error to_error(const Failure& failure);

// A value, or what to answer instead.
template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Outcome(Failure failure)
      : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  const T& operator*() const& { return std::get<0>(state_); }
  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  const T* operator->() const { return &std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const Failure& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Failure> state_;
};

template <>
class [[nodiscard]] Outcome<void> {
 public:
  Outcome() = default;
  Outcome(Failure failure) : failure_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return !failure_; }
  const Failure& error() const { return *failure_; }

 private:
  std::optional<Failure> failure_;
};

}  // namespace datamesh::apiserver

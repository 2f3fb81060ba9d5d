#pragma once
// Result<T>: a value, or the reason there is none.
//
// Errors are data here: they become conditions, retry delays and metric labels. Our code throws nothing; what a library
// throws is caught in the folder that owns the library. (C++23's std::expected can replace this file.)

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace datamesh {

// What the caller should do, not where the error came from.
enum class Code {
  Invalid,      // The declaration is wrong. Wait until its spec changes.
  NotFound,     // It is not there.
  Conflict,     // Somebody wrote first. Read again, then repeat the whole step.
  Denied,       // Our credentials do not allow it. Retry slowly; a person must act.
  Unavailable,  // The other side is down, slow or full. Retry with back-off.
  Cancelled,    // We were asked to stop.
  Internal,     // A bug in this program.
};

std::string_view to_string(Code code);

struct Error {
  Code code;
  std::string message;

  bool operator==(const Error&) const = default;
};

// The same error, said by someone who knows more: "{context}: {message}".
Error with_context(std::string_view context, Error error);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  const T& operator*() const& { return std::get<0>(state_); }
  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  const T* operator->() const { return &std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

#define DATAMESH_CONCAT_(a, b) a##b
#define DATAMESH_CONCAT(a, b) DATAMESH_CONCAT_(a, b)

// DATAMESH_TRY(auto rows, query(sql));  -- on error, return it from this function.
#define DATAMESH_TRY(declaration, expression)                                               \
  auto DATAMESH_CONCAT(tried_, __LINE__) = (expression);                                    \
  if (!DATAMESH_CONCAT(tried_, __LINE__)) return DATAMESH_CONCAT(tried_, __LINE__).error(); \
  declaration = *std::move(DATAMESH_CONCAT(tried_, __LINE__))

// DATAMESH_CHECK(write(sql));  -- the same for a Result<void>.
#define DATAMESH_CHECK(expression) \
  if (auto checked_ = (expression); !checked_) return checked_.error()

}  // namespace datamesh

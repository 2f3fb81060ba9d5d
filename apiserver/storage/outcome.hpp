#pragma once
// What the store answers: a value, or why not, in the words that the API has to repeat to its clients.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace datamesh::apiserver::storage {

// The commit counter: one per write, over all resources. Only grows, never 0, survives restarts.
using Rv = std::uint64_t;

enum class Reason {
  NotFound,       // 404
  AlreadyExists,  // 409 AlreadyExists
  Conflict,       // 409 Conflict: the version or the uid is another one
  Terminating,    // 403: the namespace that the object should live in is being deleted
  NoNamespace,    // 404: ... or is not there
  Expired,        // 410: older than the history; `continue_token` may help
  TooLarge,       // 504 Timeout, cause ResourceVersionTooLarge: newer than the store, also after waiting
  Invalid,        // 422: list options that contradict one another; `field` says which
  BadRequest,     // 400
  Busy,           // 429: the queue is full; nothing was written
  Unavailable,    // 503: the disk is full or broken; nothing was written
};

struct Failure {
  Reason reason = Reason::Unavailable;
  std::string message;         // as kube-apiserver words it, where it has words for it
  std::string continue_token;  // Expired in the middle of a list: the rest of it, no longer of one moment
  std::string field;           // Invalid: "resourceVersionMatch"
  Rv current = 0;              // Conflict: the version there is; TooLarge, Expired: the store's
};

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
  const Failure& failure() const { return std::get<1>(state_); }

 private:
  std::variant<T, Failure> state_;
};

}  // namespace datamesh::apiserver::storage

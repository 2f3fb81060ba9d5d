#pragma once
// One log line: a level, a message, fields. JSON or text on standard error; never a secret (see Secret).
// Thread-safe. Lines are whole.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace datamesh {

enum class LogLevel { Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

void configure_log(LogLevel least, LogFormat format);
void log(LogLevel level, std::string_view message, LogFields fields = {});

inline void log_debug(std::string_view message, LogFields fields = {}) {
  log(LogLevel::Debug, message, fields);
}
inline void log_info(std::string_view message, LogFields fields = {}) {
  log(LogLevel::Info, message, fields);
}
inline void log_warn(std::string_view message, LogFields fields = {}) {
  log(LogLevel::Warn, message, fields);
}
inline void log_error(std::string_view message, LogFields fields = {}) {
  log(LogLevel::Error, message, fields);
}

// A value that must not be printed, logged or compared by accident. reveal() is the one way in: search for it.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

}  // namespace datamesh

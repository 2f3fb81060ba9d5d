#include "controller/core/log.hpp"

#include <atomic>
#include <mutex>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "controller/core/clock.hpp"
#include "controller/core/json.hpp"

namespace datamesh {
namespace {

std::atomic<LogFormat> format{LogFormat::Text};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warn:
      return "warn";
    case LogLevel::Error:
      return "error";
  }
  return "error";
}

// The sink writes whole lines, under a lock of its own; what a line looks like is decided here. It is not registered
// with spdlog, and never destroyed: threads may log while the process ends.
spdlog::logger& sink() {
  static spdlog::logger* const logger = [] {
    auto* created = new spdlog::logger("datamesh", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%v");
    created->set_level(spdlog::level::info);
    return created;
  }();
  return *logger;
}

// Quoted as JSON; bytes that are not UTF-8 are replaced.
std::string quoted(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string bare_or_quoted(std::string_view text) {
  const auto is_plain = [](char c) { return c > ' ' && c != '"' && c != '=' && c != '\\' && c != '\x7f' && c > 0; };
  return !text.empty() && std::ranges::all_of(text, is_plain) ? std::string(text) : quoted(text);
}

std::string json_line(std::string_view time, LogLevel level, std::string_view message, LogFields fields) {
  std::string line =
      "{\"time\":" + quoted(time) + ",\"level\":" + quoted(name_of(level)) + ",\"message\":" + quoted(message);
  for (const auto& [name, value] : fields) line += "," + quoted(name) + ":" + quoted(value);
  return line + "}";
}

// "2027-06-30T23:59:59Z info  message  key=value key="two words"". A message cannot start a line of its own.
std::string text_line(std::string_view time, LogLevel level, std::string_view message, LogFields fields) {
  std::string line = std::string(time) + " " + std::string(name_of(level));
  line.append(6 - name_of(level).size(), ' ');
  for (const char c : message) line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  if (fields.size() > 0) line += " ";
  for (const auto& [name, value] : fields) line += " " + std::string(name) + "=" + bare_or_quoted(value);
  return line;
}

}  // namespace

void configure_log(LogLevel least, LogFormat chosen) {
  format = chosen;
  sink().set_level(level_of(least));
}

void log(LogLevel level, std::string_view message, LogFields fields) {
  spdlog::logger& logger = sink();
  if (!logger.should_log(level_of(level))) return;
  const std::string time = format_micro_time(real_clock().wall());
  const std::string line =
      format == LogFormat::Json ? json_line(time, level, message, fields) : text_line(time, level, message, fields);
  logger.log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace datamesh

#include "api/types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace datamesh::api {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_suffix(std::string_view text) {
  return text.size() > 1 && std::all_of(text.begin() + 1, text.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+';
         });
}

}  // namespace

ReconcileMode reconcile_mode(const Metadata& metadata) {
  const auto found = metadata.annotations.find(std::string(kReconcileAnnotation));
  if (found == metadata.annotations.end()) return ReconcileMode::Enabled;
  if (found->second == "observe") return ReconcileMode::Observe;
  if (found->second == "paused") return ReconcileMode::Paused;
  return ReconcileMode::Enabled;
}

void set_condition(std::vector<Condition>& conditions, Condition condition, WallTime now) {
  for (Condition& known : conditions) {
    if (known.type != condition.type) continue;
    const bool same = known.status == condition.status && known.last_transition;
    condition.last_transition = same ? known.last_transition : std::optional<WallTime>(now);
    known = std::move(condition);
    return;
  }
  condition.last_transition = now;
  conditions.push_back(std::move(condition));
}

void remove_condition(std::vector<Condition>& conditions, std::string_view type) {
  std::erase_if(conditions, [&](const Condition& condition) { return condition.type == type; });
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  for (const Condition& condition : conditions)
    if (condition.type == type) return &condition;
  return nullptr;
}

std::string to_string(const Problem& problem) {
  std::string text = problem.path;
  if (!problem.value.empty()) text += ": " + problem.value;
  return text + ": " + problem.message;
}

std::string join(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += (text.empty() ? "" : "; ") + to_string(problem);
  return text;
}

std::optional<int> major_of(std::string_view version) {
  if (!version.empty() && version.front() == 'v') version.remove_prefix(1);
  std::optional<int> major;
  for (int part = 0; part < 3; ++part) {
    int number = 0;
    const char* begin = version.data();
    const auto [end, error] = std::from_chars(begin, begin + version.size(), number);
    if (error != std::errc() || end == begin || number < 0) return std::nullopt;
    if (!major) major = number;
    version.remove_prefix(static_cast<std::size_t>(end - begin));
    if (version.empty()) return major;
    if (version.front() == '-' || version.front() == '+') return is_suffix(version) ? major : std::nullopt;
    if (version.front() != '.') return std::nullopt;
    version.remove_prefix(1);
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 9> units{{
      {"", 1},
      {"k", 1000},
      {"M", 1000'000},
      {"G", 1000'000'000},
      {"T", 1000'000'000'000},
      {"Ki", 1LL << 10},
      {"Mi", 1LL << 20},
      {"Gi", 1LL << 30},
      {"Ti", 1LL << 40},
  }};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() || number < 0) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : units)
    if (unit == name)
      return number <= std::numeric_limits<std::int64_t>::max() / factor ? std::optional(number * factor)
                                                                         : std::nullopt;
  return std::nullopt;
}

}  // namespace datamesh::api

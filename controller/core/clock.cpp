#include "controller/core/clock.hpp"

#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>

namespace datamesh {
namespace {

using std::chrono::milliseconds;

class RealClock : public Clock {
 public:
  Steady steady() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }
};

// Reads a text from the left; every step says whether it could.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  bool is_digit() const { return !done() && text_[at_] >= '0' && text_[at_] <= '9'; }

  bool skip(std::string_view any_of) {
    if (done() || any_of.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  // Exactly `count` digits.
  bool number(int count, int& value) {
    value = 0;
    for (int i = 0; i < count; ++i) {
      if (!is_digit()) return false;
      value = value * 10 + (text_[at_++] - '0');
    }
    return true;
  }

  char next() { return done() ? '\0' : text_[at_++]; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// A fraction's first three digits; the rest is cut off.
std::optional<int> read_millis(Reader& reader) {
  if (!reader.skip(".")) return 0;
  if (!reader.is_digit()) return {};
  int millis = 0;
  for (int digits = 0; reader.is_digit(); ++digits) {
    const int digit = reader.next() - '0';
    if (digits < 3) millis += digit * (digits == 0 ? 100 : digits == 1 ? 10 : 1);
  }
  return millis;
}

std::optional<std::chrono::minutes> read_offset(Reader& reader) {
  if (reader.skip("Zz")) return std::chrono::minutes(0);
  const char sign = reader.next();
  int hours = 0;
  int minutes = 0;
  if (sign != '+' && sign != '-') return {};
  if (!reader.number(2, hours) || !reader.skip(":") || !reader.number(2, minutes) || hours > 23 || minutes > 59) {
    return {};
  }
  const std::chrono::minutes offset(hours * 60 + minutes);
  return sign == '-' ? -offset : offset;
}

std::optional<WallTime> read_time(std::string_view text) {
  Reader reader(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!reader.number(4, year) || !reader.skip("-") || !reader.number(2, month) || !reader.skip("-") ||
      !reader.number(2, day) || !reader.skip("Tt ")) {
    return {};
  }
  if (!reader.number(2, hour) || !reader.skip(":") || !reader.number(2, minute) || !reader.skip(":") ||
      !reader.number(2, second)) {
    return {};
  }
  const auto millis = read_millis(reader);
  const auto offset = millis ? read_offset(reader) : std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!offset || !reader.done() || !date.ok() || hour > 23 || minute > 59 || second > 59) return {};
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + milliseconds(*millis) - *offset;
}

std::string format_whole(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

// Milliseconds of one unit; 0: no such unit.
std::int64_t unit_millis(char unit) {
  constexpr std::int64_t second = 1000, hour = 3600 * second, day = 24 * hour;
  switch (unit) {
    case 's':
      return second;
    case 'm':
      return 60 * second;
    case 'h':
      return hour;
    case 'd':
      return day;
    case 'w':
      return 7 * day;
    case 'y':
      return 365 * day;
    default:
      return 0;
  }
}

std::optional<milliseconds> read_duration(std::string_view text) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000'000;  // fits nanoseconds too
  Reader reader(text);
  std::int64_t total = 0;
  if (reader.done()) return {};
  while (!reader.done()) {
    if (!reader.is_digit()) return {};
    std::int64_t number = 0;
    while (reader.is_digit()) {
      number = number * 10 + (reader.next() - '0');
      if (number > most) return {};
    }
    const char letter = reader.next();
    std::int64_t unit = unit_millis(letter);
    if (letter == 'm' && reader.skip("s")) unit = 1;
    if (unit == 0 || number > (most - total) / unit) return {};
    total += number * unit;
  }
  return milliseconds(total);
}

}  // namespace

const Clock& real_clock() {
  static const RealClock clock;
  return clock;
}

std::string format_time(WallTime time) {
  return format_whole(time) + "Z";
}

std::string format_micro_time(WallTime time) {
  const auto fraction = time - std::chrono::floor<std::chrono::seconds>(time);
  char text[16];
  std::snprintf(text, sizeof text, ".%03d000Z", static_cast<int>(fraction.count()));
  return format_whole(time) + text;
}

Result<WallTime> parse_time(std::string_view text) {
  if (const auto time = read_time(text)) return *time;
  return Error{Code::Invalid, "\"" + std::string(text) + "\" is not a time such as 2027-06-30T23:59:59Z"};
}

Result<milliseconds> parse_duration(std::string_view text) {
  if (const auto duration = read_duration(text)) return *duration;
  return Error{Code::Invalid, "\"" + std::string(text) + "\" is not a duration such as 90s, 1h30m or 7d"};
}

}  // namespace datamesh

// The string formats kube-apiserver checks (go-openapi/strfmt); all others say nothing.
#include <algorithm>
#include <cctype>
#include <utility>

#include <arpa/inet.h>

#include "apiserver/schema/schema_tree.hpp"

namespace datamesh::apiserver {

namespace {

bool digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at),
                     text.begin() + static_cast<std::ptrdiff_t>(at + count),
                     [](unsigned char c) { return std::isdigit(c); });
}

int two(std::string_view text, std::size_t at) {
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || !digits(text, 0, 4) || text[4] != '-' || !digits(text, 5, 2) || text[7] != '-' ||
      !digits(text, 8, 2)) {
    return false;
  }
  static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int year = two(text, 0) * 100 + two(text, 2), month = two(text, 5), day = two(text, 8);
  if (month < 1 || month > 12) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool is_date_time(std::string_view text) {
  if (text.size() < 20 || !is_date(text.substr(0, 10)) || (text[10] != 'T' && text[10] != 't')) return false;
  if (!digits(text, 11, 2) || text[13] != ':' || !digits(text, 14, 2) || text[16] != ':' || !digits(text, 17, 2))
    return false;
  if (two(text, 11) > 23 || two(text, 14) > 59 || two(text, 17) > 59) return false;
  std::size_t at = 19;
  if (text[at] == '.') {
    const std::size_t start = ++at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]))) ++at;
    if (at == start) return false;
  }
  const std::string_view zone = text.substr(std::min(at, text.size()));
  if (zone == "Z" || zone == "z") return true;
  return zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && digits(zone, 1, 2) && zone[3] == ':' &&
         digits(zone, 4, 2) && two(zone, 1) < 24 && two(zone, 4) < 60;
}

// Go's time.ParseDuration, and strfmt's "3 days".
bool is_duration(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text == "0") return true;
  if (text.empty()) return false;
  static constexpr std::string_view units[] = {"ns",     "us",      "µs",     "ms",    "s",     "m",    "h",
                                               "d",      "w",       "days",   "day",   "hours", "hour", "minutes",
                                               "minute", "seconds", "second", "weeks", "week"};
  while (!text.empty()) {
    const std::size_t number = std::min(text.find_first_not_of("0123456789."), text.size());
    if (number == 0 || text.substr(0, number) == ".") return false;
    text.remove_prefix(number);
    while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
    const std::size_t unit = std::min(text.find_first_of("0123456789."), text.size());
    if (std::find(std::begin(units), std::end(units), text.substr(0, unit)) == std::end(units)) return false;
    text.remove_prefix(unit);
  }
  return true;
}

bool is_uuid(std::string_view text) {
  std::size_t hex = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-' && (hex == 8 || hex == 12 || hex == 16 || hex == 20)) continue;
    if (!std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
    ++hex;
  }
  return hex == 32;
}

bool is_ip(std::string_view text, int family) {
  unsigned char address[16];
  return inet_pton(family, std::string{text}.c_str(), address) == 1;
}

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view bits = text.substr(slash + 1);
  if (bits.empty() || bits.size() > 3 || !digits(bits, 0, bits.size())) return false;
  const int count = std::stoi(std::string{bits});
  return (is_ip(text.substr(0, slash), AF_INET) && count <= 32) ||
         (is_ip(text.substr(0, slash), AF_INET6) && count <= 128);
}

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool separator = i % 3 == 2;
    if (separator ? text[i] != text[2] || (text[i] != ':' && text[i] != '-')
                  : !std::isxdigit(static_cast<unsigned char>(text[i]))) {
      return false;
    }
  }
  return true;
}

bool is_hostname(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '.') {
      const auto c = static_cast<unsigned char>(text[i]);
      if (!std::isalnum(c) && c != '-' && c != '_' && c < 0x80) return false;
      continue;
    }
    if (i == start || i - start > 63 || text[start] == '-' || text[i - 1] == '-')
      return i == text.size() && i == start && i > 0;
    start = i + 1;
  }
  return true;
}

bool is_email(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && text.find_first_of(" \t\r\n<>,") == std::string_view::npos &&
         is_hostname(text.substr(at + 1));
}

// url.ParseRequestURI: absolute, or a path.
bool is_uri(std::string_view text) {
  if (text.empty() || text.find_first_of(" \t\r\n") != std::string_view::npos) return false;
  if (text[0] == '/') return true;
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && std::isalpha(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '-' || c == '.'; });
}

bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  while (!text.empty() && text.back() == '=' && text.size() % 4 != 2) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/' || c == '\n' || c == '\r'; });
}

}  // namespace

Format format_of(std::string_view name) {
  static constexpr std::pair<std::string_view, Format> formats[] = {
      {"date-time", Format::DateTime}, {"datetime", Format::DateTime}, {"date", Format::Date},
      {"duration", Format::Duration},  {"uuid", Format::Uuid},         {"uuid3", Format::Uuid},
      {"uuid4", Format::Uuid},         {"uuid5", Format::Uuid},        {"ipv4", Format::Ipv4},
      {"ipv6", Format::Ipv6},          {"cidr", Format::Cidr},         {"mac", Format::Mac},
      {"email", Format::Email},        {"hostname", Format::Hostname}, {"uri", Format::Uri},
      {"byte", Format::Byte}};
  for (const auto& [known, format] : formats) {
    if (known == name) return format;
  }
  return Format::None;
}

bool has_format(std::string_view text, Format format) {
  switch (format) {
    case Format::None:
      return true;
    case Format::DateTime:
      return is_date_time(text);
    case Format::Date:
      return is_date(text);
    case Format::Duration:
      return is_duration(text);
    case Format::Uuid:
      return is_uuid(text);
    case Format::Ipv4:
      return is_ip(text, AF_INET);
    case Format::Ipv6:
      return is_ip(text, AF_INET6);
    case Format::Cidr:
      return is_cidr(text);
    case Format::Mac:
      return is_mac(text);
    case Format::Email:
      return is_email(text);
    case Format::Hostname:
      return is_hostname(text);
    case Format::Uri:
      return is_uri(text);
    case Format::Byte:
      return is_base64(text);
  }
  return true;
}

}  // namespace datamesh::apiserver

#include <algorithm>
#include <ctime>

#include "controller/http/connection.hpp"
#include "controller/http/gzip.hpp"

namespace datamesh::http {
namespace {

// IMF-fixdate (RFC 9110 section 5.6.7); one rendering per second and thread.
const std::string& date() {
  thread_local std::time_t last = 0;
  thread_local std::string text;
  const std::time_t now =
      std::chrono::duration_cast<std::chrono::seconds>(real_clock().wall().time_since_epoch()).count();
  if (now != last) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
                  months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    text = buffer;
    last = now;
  }
  return text;
}

bool is_ours(std::string_view name) {
  return equals_ignoring_case(name, "Content-Length") || equals_ignoring_case(name, "Connection") ||
         equals_ignoring_case(name, "Transfer-Encoding") || equals_ignoring_case(name, "Date");
}

// A value from elsewhere must not begin a header of its own.
bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string head(int status, const Headers& headers, bool http_1_1, bool keep_alive) {
  std::string out = "HTTP/1.1 ";
  out.reserve(256);
  out += std::to_string(status);
  out += ' ';
  out += reason_phrase(status);
  out += "\r\nDate: ";
  out += date();
  for (const auto& [name, value] : headers) {
    if (is_ours(name) || !is_clean(name) || !is_clean(value)) continue;
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  if (!keep_alive) {
    out += "\r\nConnection: close";
  } else if (!http_1_1) {
    out += "\r\nConnection: keep-alive";
  }
  return out;
}

}  // namespace

Answer encode(Response response, const AnswerForm& form, const Limits& limits) {
  const bool bodiless = response.status < 200 || response.status == 204 || response.status == 304;
  if (form.gzip && !bodiless && limits.gzip_from_bytes > 0 && response.body.size() >= limits.gzip_from_bytes &&
      !response.headers.has("Content-Encoding")) {
    response.body = gzip(response.body);
    response.headers.set("Content-Encoding", "gzip");
    response.headers.set("Vary", "Accept-Encoding");
  }
  Answer answer{{}, form.keep_alive};
  std::string text = head(response.status, response.headers, form.http_1_1, form.keep_alive);
  if (!bodiless) text += "\r\nContent-Length: " + std::to_string(response.body.size());
  text += "\r\n\r\n";
  constexpr std::size_t worth_copying = 8 * 1024;
  const bool with_body = !bodiless && !form.head && !response.body.empty();
  if (with_body && response.body.size() <= worth_copying) text += response.body;
  const bool apart = with_body && response.body.size() > worth_copying;
  answer.segments.push_back({std::move(text), nullptr});
  if (apart) answer.segments.push_back({std::move(response.body), nullptr});
  return answer;
}

Answer encode_head(int status, const Headers& headers, const AnswerForm& form) {
  const bool keep_alive = form.keep_alive && form.http_1_1;  // else the end of the connection is the end of the body
  std::string text = head(status, headers, form.http_1_1, keep_alive);
  if (form.http_1_1) text += "\r\nTransfer-Encoding: chunked";
  text += "\r\n\r\n";
  Answer answer{{}, keep_alive};
  answer.segments.push_back({std::move(text), nullptr});
  return answer;
}

}  // namespace datamesh::http

#include "controller/http/client.hpp"

#include <algorithm>

#include "controller/http/client_engines.hpp"

namespace datamesh::http {

bool LineSplitter::feed(std::string_view bytes, const std::function<bool(std::string_view)>& line) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (rest_.size() + part.size() > line_bytes_max_) {
      overflowed_ = true;
      return false;
    }
    if (end == bytes.npos) {
      rest_.append(part);
      return true;
    }
    bytes.remove_prefix(end + 1);
    std::string joined;
    std::string_view whole = part;
    if (!rest_.empty()) {
      joined = std::exchange(rest_, {}).append(part);
      whole = joined;
    }
    if (whole.ends_with('\r')) whole.remove_suffix(1);
    if (!line(whole)) return false;
  }
  return true;
}

Result<void> check_call(const Call& call) {
  using namespace std::string_view_literals;
  const auto breaks = [](std::string_view part) { return part.find_first_of("\r\n\0"sv) != part.npos; };
  const auto field_breaks = [&](const Headers::Field& field) { return breaks(field.first) || breaks(field.second); };
  if (breaks(call.method) || breaks(call.target) || call.target.find(' ') != call.target.npos ||
      std::ranges::any_of(call.headers, field_breaks)) {
    return Error{Code::Invalid, "a request line or header holds a blank or line break"};
  }
  return {};
}

Result<std::unique_ptr<Client>> make_client(ClientOptions options) {
  if (options.url.starts_with("unix:")) return make_unix_client(std::move(options));
  return make_cpprest_client(std::move(options));
}

}  // namespace datamesh::http

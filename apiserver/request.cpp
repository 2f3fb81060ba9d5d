#include "apiserver/request.hpp"

#include <vector>

namespace datamesh::apiserver {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Outcome<Query> parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view{}, true);
    if (!key || !value) return bad_request("the query is not valid percent-encoding");
    query.emplace(std::move(*key), std::move(*value));
  }
  return query;
}

// Decodes after splitting, so that an encoded slash stays inside its segment.
Outcome<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) {
      auto part = percent_decode(path.substr(0, end), false);
      if (!part) return bad_request("the path is not valid percent-encoding");
      parts.push_back(std::move(*part));
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

// The parts after /api/v1 or /apis/<group>/<version>.
void read_resource(const std::vector<std::string>& parts, std::size_t at, Request& request) {
  request.is_resource = true;
  std::size_t left = parts.size() - at;
  // namespaces/<ns>/<resource>..., except the namespace's own sub-resources.
  if (parts[at] == "namespaces" && left >= 2) {
    const bool own = left == 2 || (left == 3 && (parts[at + 2] == "status" || parts[at + 2] == "finalize"));
    request.ns = parts[at + 1];
    if (!own) {
      at += 2;
      left -= 2;
    }
  }
  request.resource = parts[at];
  if (left >= 2) request.name = parts[at + 1];
  if (left >= 3) request.subresource = parts[at + 2];
  for (std::size_t i = at + 3; i < parts.size(); ++i) request.subresource += "/" + parts[i];
}

std::optional<Verb> verb_of(const Request& request) {
  const bool one = !request.name.empty();
  if (request.method == "GET" || request.method == "HEAD") {
    if (request.flag("watch")) return Verb::Watch;
    return one ? Verb::Get : Verb::List;
  }
  if (request.method == "POST") return Verb::Create;
  if (request.method == "PUT") return Verb::Update;
  if (request.method == "PATCH") return Verb::Patch;
  if (request.method == "DELETE") return one ? Verb::Delete : Verb::DeleteCollection;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::Get:
      return "get";
    case Verb::List:
      return "list";
    case Verb::Watch:
      return "watch";
    case Verb::Create:
      return "create";
    case Verb::Update:
      return "update";
    case Verb::Patch:
      return "patch";
    case Verb::Delete:
      return "delete";
    case Verb::DeleteCollection:
      break;
  }
  return "deletecollection";
}

std::string_view Request::option(std::string_view key) const {
  const auto it = query.find(key);
  return it == query.end() ? std::string_view{} : std::string_view(it->second);
}

bool Request::flag(std::string_view key) const {
  const auto it = query.find(key);
  // As Go's query conversion: anything but "0" and "false", so that "?watch" is true.
  return it != query.end() && it->second != "0" && it->second != "false";
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out.push_back(c);
  }
  return out;
}

Outcome<Request> parse_request(std::string_view method, std::string_view target) {
  Request request;
  request.method = method;
  const std::size_t mark = std::min(target.find('?'), target.size());
  request.path = target.substr(0, mark);
  auto query = parse_query(mark < target.size() ? target.substr(mark + 1) : std::string_view{});
  if (!query) return query.error();
  request.query = std::move(*query);
  auto parts = split_path(request.path);
  if (!parts) return parts.error();

  if (parts->size() >= 3 && (*parts)[0] == "api") {
    request.version = (*parts)[1];
    read_resource(*parts, 2, request);
  } else if (parts->size() >= 4 && (*parts)[0] == "apis") {
    request.group = (*parts)[1];
    request.version = (*parts)[2];
    read_resource(*parts, 3, request);
  }
  if (request.is_resource) {
    const auto verb = verb_of(request);
    if (!verb) return method_not_allowed({request.group, request.resource}, request.method);
    request.verb = *verb;
  }
  return request;
}

}  // namespace datamesh::apiserver

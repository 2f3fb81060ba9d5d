#pragma once
// What HTTP messages are here, whichever library carries them. Plain values.

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/core/result.hpp"

namespace datamesh::http {

// Header fields in order of arrival. Names compare without regard to case (RFC 9110 section 5.1).
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);  // replaces all of that name
  // The first of that name, or "".
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;

  std::vector<Field>::const_iterator begin() const { return fields_.begin(); }
  std::vector<Field>::const_iterator end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  void clear() { fields_.clear(); }

 private:
  std::vector<Field> fields_;
};

bool equals_ignoring_case(std::string_view left, std::string_view right);

// Decoded parameters; the order among equal names is kept.
using Query = std::multimap<std::string, std::string, std::less<>>;
// "a=1&b=x%20y" (with or without a leading '?'); '+' is a blank. Invalid: a broken escape.
Result<Query> parse_query(std::string_view text);
// Everything but unreserved characters (RFC 3986 section 2.3) becomes %XX.
std::string percent_encode(std::string_view text);
// Invalid: a broken escape.
Result<std::string> percent_decode(std::string_view text);

// Whom a client certificate, verified against the listener's client CA, names: user and groups of Kubernetes.
struct Subject {
  std::string common_name;
  std::vector<std::string> organizations;
  bool operator==(const Subject&) const = default;
};

struct Peer {
  std::string address;  // "127.0.0.1", "::1", or "unix"
  std::uint16_t port = 0;
  bool tls = false;
  std::optional<Subject> certificate;
  std::optional<std::uint32_t> uid;  // of the process at the other end of a unix socket
};

struct Request {
  std::string method;  // "GET", ...
  std::string target;  // as it was sent: "/api/v1/pods?watch=1"
  std::string path;    // decoded, without the query
  Query query;
  Headers headers;
  std::string body = {};
  Peer peer;

  // The first parameter of that name, or "".
  std::string_view parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers = {};  // Content-Length, Connection, Transfer-Encoding and Date are the listener's
  std::string body = {};

  bool ok() const { return status >= 200 && status < 300; }
};

// "OK", "Not Found", ...
std::string_view reason_phrase(int status);

}  // namespace datamesh::http

#pragma once
// What a request asks for, read off its method, path and query: the attributes of Kubernetes' RequestInfo. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/status.hpp"

namespace datamesh::apiserver {

enum class Verb { Get, List, Watch, Create, Update, Patch, Delete, DeleteCollection };
std::string_view to_string(Verb verb);  // as RBAC rules write it: "deletecollection"

using Query = std::map<std::string, std::string, std::less<>>;  // of a repeated key the first value

struct Request {
  std::string method, path;
  Query query;
  bool is_resource = false;  // the rest is about resources alone
  std::string group, version, resource, subresource, ns, name;
  Verb verb = Verb::Get;

  std::string_view option(std::string_view key) const;  // "" when absent
  bool flag(std::string_view key) const;                // "true" or "1"
};

// `target` is the request line's: path and query, percent-encoded.
Outcome<Request> parse_request(std::string_view method, std::string_view target);

// Empty optional: not valid percent-encoding, or it holds a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace datamesh::apiserver

#include "drivers/nats/names.hpp"

#include <initializer_list>

namespace datamesh::nats {
namespace {

constexpr std::size_t token_max = 64, name_max = 200, hash_size = 10;

std::string hash(std::string_view text) {
  return sha256_hex(text).substr(0, hash_size);
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Parts joined by "__". The hash keeps ("a__b", "c") and ("a", "b__c") apart.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::string name, original;
  bool exact = true;
  for (const auto part : parts) {
    const std::string clean = token(part);
    exact = exact && clean == part && part.find("__") == std::string_view::npos && !part.empty() &&
            part.front() != '_' && part.back() != '_';
    if (!name.empty()) name += "__";
    name += clean;
    original += std::to_string(part.size()) + ":" + std::string(part);
  }
  if (exact && name.size() <= name_max) return name;
  return name.substr(0, name_max - hash_size - 1) + "_" + hash(original);
}

}  // namespace

std::string token(std::string_view text) {
  std::string clean;
  for (const char c : text.substr(0, token_max)) clean += is_plain(c) ? c : '_';
  if (clean == text && !clean.empty()) return clean;
  return clean.substr(0, token_max - hash_size - 1) + "_" + hash(text);
}

std::string stream_name(const mesh::PortKey& port) {
  return joined({port.domain, port.product, port.port, "v" + std::to_string(port.major)});
}

std::string subject_root(std::string_view domain) {
  // "mesh.<provider>" is where imports live.
  return domain == "mesh" ? "mesh_" + hash(domain) : token(domain);
}

std::string subject(const mesh::PortKey& port) {
  return subject_root(port.domain) + "." + token(port.product) + "." + token(port.port) + ".v" +
         std::to_string(port.major) + ".>";
}

std::string durable_name(const ObjectKey& subscription) {
  return joined({subscription.ns, subscription.name});
}

std::string api_prefix(std::string_view provider, std::string_view consumer) {
  return provider == consumer ? "$JS.API" : "mesh." + token(provider);
}

std::string inbox_prefix(const ObjectKey& principal) {
  if (principal.kind == "Subscription") return "_INBOX." + durable_name(principal);
  // A member is known by domain alone where its credential is made, by domain and backend where it is wanted.
  return "_INBOX." + joined({principal.kind, principal.ns.substr(0, principal.ns.find('@')), principal.name});
}

ResourceId account_id(std::string_view domain) {
  return {"account", std::string(domain)};
}

ResourceId stream_id(std::string_view domain, std::string_view stream) {
  return {"stream", std::string(domain) + "/" + std::string(stream)};
}

ResourceId consumer_id(std::string_view domain, std::string_view stream, std::string_view durable) {
  return {"consumer", std::string(domain) + "/" + std::string(stream) + "/" + std::string(durable)};
}

ResourceId access_id(std::string_view domain, const ObjectKey& subscription) {
  return {"access", std::string(domain) + "/" + subscription.ns + "/" + subscription.name};
}

ResourceId member_id(std::string_view domain, std::string_view username) {
  return {"member", std::string(domain) + "/" + std::string(username)};
}

std::string part(const ResourceId& id, int n, bool rest) {
  std::string_view text = id.name;
  for (; n > 0; --n) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return {};
    text.remove_prefix(slash + 1);
  }
  return std::string(rest ? text : text.substr(0, text.find('/')));
}

ObjectKey parse_key(std::string_view text) {
  const auto first = text.find('/');
  if (first == std::string_view::npos || first == 0) return {};
  const auto second = text.find('/', first + 1);
  const auto piece = [&](std::size_t from, std::size_t to) { return std::string(text.substr(from, to - from)); };
  if (second == std::string_view::npos) return {piece(0, first), "", piece(first + 1, text.size())};
  return {piece(0, first), piece(first + 1, second), piece(second + 1, text.size())};
}

}  // namespace datamesh::nats

#include "drivers/nats/credentials.hpp"

#include "controller/core/json.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {

const DomainKeys& Keyring::of(const std::string& domain) const {
  const std::lock_guard lock(mutex_);
  const auto known = keys_.find(domain);
  if (known != keys_.end()) return known->second;
  const auto& keys = keys_.emplace(domain, domain_keys(operator_, domain)).first->second;
  domains_.emplace(keys.account.id(), domain);
  return keys;
}

std::optional<std::string> Keyring::domain_of(const std::string& account) const {
  const std::lock_guard lock(mutex_);
  const auto found = domains_.find(account);
  return found == domains_.end() ? std::nullopt : std::optional(found->second);
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  const Error wrong{Code::Invalid, "the endpoint of a NATS server is nats://host:port or tls://host:port"};
  const auto colons = url.find("://");
  if (colons == std::string_view::npos) return wrong;
  Endpoint endpoint{"", std::string(url.substr(0, colons)), "", "4222"};
  std::string_view rest = url.substr(colons + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if ((endpoint.scheme != "nats" && endpoint.scheme != "tls") || rest.empty()) return wrong;
  if (rest.find_first_of("@/?#, ") != std::string_view::npos) return wrong;
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && !rest.ends_with(']')) {
    endpoint.port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.empty() || endpoint.port.empty() || endpoint.port.size() > 5 ||
      endpoint.port.find_first_not_of("0123456789") != std::string::npos) {
    return wrong;
  }
  endpoint.host = rest;
  endpoint.url = endpoint.scheme + "://" + endpoint.host + ":" + endpoint.port;
  return endpoint;
}

Result<mesh::Credential> mint_credential(const Keyring& keys, const Endpoint& endpoint, const ObjectKey& principal,
                                         const mesh::Port* port, const std::string& domain, WallTime now,
                                         std::optional<WallTime> until) {
  if (domain.empty()) return Error{Code::Invalid, "a NATS credential belongs to a domain"};
  // The seed of `once` is not kept: nobody can sign a second user with what the account admits.
  const auto once = nkeys::Key::generate(nkeys::KeyType::Account);
  const auto user = nkeys::Key::generate(nkeys::KeyType::User);
  const std::string jwt =
      user_jwt(once, true, user.id(), to_string(principal), keys.of(domain).account.id(), now, until);

  mesh::Credential credential{once.id(), {}};
  const auto set = [&](const char* name, std::string value) {
    credential.fields.emplace(name, Secret(std::move(value)));
  };
  set("type", "nats");
  set("provider", "datamesh");
  set("host", endpoint.host);
  set("port", endpoint.port);
  set("uri", endpoint.url);
  set("username", user.id());
  set("inboxPrefix", inbox_prefix(principal));
  credential.fields.emplace("credentials", nkeys::to_text({jwt, user}));
  if (port) {
    set("stream", stream_name(port->key));
    set("consumer", durable_name(principal));
    set("jsApiPrefix", api_prefix(port->key.domain, domain));
    set("subject", subject(port->key));
  } else {
    set("subject", subject_root(domain) + ".>");
  }
  return credential;
}

std::string credential_version(const std::map<std::string, Secret>& fields) {
  const auto text = fields.find("credentials");
  if (text == fields.end()) return {};
  const auto credentials = nkeys::read_credentials(text->second);
  if (!credentials) return {};
  const auto claims = nkeys::read_jwt(credentials->jwt);
  return claims ? string_at(*claims, {"iss"}) : std::string();
}

}  // namespace datamesh::nats

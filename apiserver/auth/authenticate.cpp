#include "apiserver/auth/authenticate.hpp"

#include <algorithm>

#include "apiserver/request.hpp"
#include "controller/core/ids.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t kVerifiedMax = 4096;
constexpr std::string_view kExtra = "Impersonate-Extra-";
constexpr const char* kAuthenticationGroup = "authentication.k8s.io";
constexpr const char* kAnonymous = "system:anonymous";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

void add_group(User& user, const std::string& group) {
  if (std::find(user.groups.begin(), user.groups.end(), group) == user.groups.end()) user.groups.push_back(group);
}

std::optional<std::pair<std::string, std::string>> service_account_of(const std::string& user) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!user.starts_with(kPrefix)) return std::nullopt;
  const std::size_t colon = user.find(':', kPrefix.size());
  if (colon == std::string::npos) return std::nullopt;
  return std::pair{user.substr(kPrefix.size(), colon - kPrefix.size()), user.substr(colon + 1)};
}

void add_service_account_groups(User& user, const std::string& ns) {
  add_group(user, kServiceAccounts);
  add_group(user, std::string(kServiceAccounts) + ":" + ns);
}

}  // namespace

Authenticator::Authenticator(TokenKey key, const storage::Store& store, const Rbac& rbac, const Clock& clock)
    : key_(std::move(key)), store_(store), rbac_(rbac), clock_(clock) {}

// A ServiceAccount's token ends with the account.
Result<User> Authenticator::user_of(const Claims& claims) const {
  User user{claims.subject, claims.uid, claims.groups, {}};
  if (!claims.service_account.empty()) {
    const auto account = store_.find({"/serviceaccounts", claims.ns, claims.service_account});
    if (!account || account->uid() != claims.uid) return Error{Code::Denied, "service account has been deleted"};
    add_service_account_groups(user, claims.ns);
    user.extra["authentication.kubernetes.io/credential-id"] = {"JTI=" + claims.id};
  }
  add_group(user, kAuthenticated);
  return user;
}

std::optional<User> Authenticator::by_token(const std::string& token) const {
  const std::string hash = sha256_hex(token);
  Claims claims;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = verified_.find(hash); it != verified_.end()) {
      claims = it->second;
      known = true;
    }
  }
  const WallTime now = clock_.wall();
  if (!known) {
    auto verified = key_.verify(token, now);
    if (!verified) return std::nullopt;
    claims = *std::move(verified);
    const std::lock_guard lock(mutex_);
    if (verified_.size() >= kVerifiedMax) verified_.clear();
    verified_[hash] = claims;
  }
  if (now >= claims.expires) return std::nullopt;
  auto user = user_of(claims);
  return user ? std::optional(*std::move(user)) : std::nullopt;
}

Result<User> Authenticator::review(const std::string& token, const std::vector<std::string>& audiences,
                                   std::vector<std::string>* matched) const {
  DATAMESH_TRY(Claims claims, key_.verify(token, clock_.wall(), audiences));
  if (matched != nullptr) {
    for (const std::string& audience : claims.audiences) {
      if (audiences.empty() || std::find(audiences.begin(), audiences.end(), audience) != audiences.end()) {
        matched->push_back(audience);
      }
    }
  }
  return user_of(claims);
}

Outcome<User> Authenticator::authenticate(const http::Request& request) const {
  const std::string_view header = request.headers.get("Authorization");
  std::optional<User> user;
  if (header.size() > 7 && http::equals_ignoring_case(header.substr(0, 7), "Bearer ")) {
    std::string_view token = header.substr(7);
    while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
    user = by_token(std::string(token));
  } else if (header.empty() && request.peer.certificate && !request.peer.certificate->common_name.empty()) {
    user = User{request.peer.certificate->common_name, "", request.peer.certificate->organizations, {}};
    add_group(*user, kAuthenticated);
  }
  if (!user) return unauthorized();
  return impersonate(*std::move(user), request);
}

Outcome<User> Authenticator::impersonate(User user, const http::Request& request) const {
  const std::string name(request.headers.get("Impersonate-User"));
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
  for (const auto& [field, value] : request.headers) {
    if (http::equals_ignoring_case(field, "Impersonate-Group")) groups.push_back(value);
    if (field.size() > kExtra.size() && http::equals_ignoring_case(field.substr(0, kExtra.size()), kExtra)) {
      auto key = percent_decode(lower(field.substr(kExtra.size())), false);
      if (!key) return bad_request("a header Impersonate-Extra- is not valid percent-encoding");
      extra[*key].push_back(value);
    }
  }
  const std::string uid(request.headers.get("Impersonate-Uid"));
  if (name.empty()) {
    if (groups.empty() && uid.empty() && extra.empty()) return user;
    return bad_request("requested to impersonate groups, a uid or extra fields without impersonating a user");
  }
  const auto check = [&](const std::string& resource, const std::string& ns, const std::string& of,
                         const std::string& group = {}, const std::string& part = {}) -> Outcome<void> {
    const Action action{"impersonate", group, resource, part, ns, of, ""};
    if (rbac_.authorize(user, action)) return {};
    return forbidden({group, resource}, of, refusal(user, action));
  };
  User other{name, uid, groups, extra};
  if (const auto account = service_account_of(name)) {
    if (auto ok = check("serviceaccounts", account->first, account->second); !ok) return ok.error();
    add_service_account_groups(other, account->first);
  } else if (auto ok = check("users", "", name); !ok) {
    return ok.error();
  }
  for (const std::string& group : groups) {
    if (auto ok = check("groups", "", group); !ok) return ok.error();
  }
  if (!uid.empty()) {
    if (auto ok = check("uids", "", uid, kAuthenticationGroup); !ok) return ok.error();
  }
  for (const auto& [key, values] : extra) {
    for (const std::string& value : values) {
      if (auto ok = check("userextras", "", value, kAuthenticationGroup, key); !ok) return ok.error();
    }
  }
  if (name != kAnonymous) add_group(other, kAuthenticated);
  return other;
}

}  // namespace datamesh::apiserver

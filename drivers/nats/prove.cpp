#include "drivers/nats/prove.hpp"

#include "controller/core/json.hpp"
#include "drivers/nats/apply.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

constexpr std::chrono::seconds answer_timeout{3};

class Trial {
 public:
  void allowed(const std::string& what, const Result<void>& result) {
    note(what, result ? "allowed" : "failed: " + result.error().message, static_cast<bool>(result));
  }
  void refused(const std::string& what, const Result<std::string>& refusal) {
    if (!refusal) return note(what, "failed: " + refusal.error().message, false);
    note(what, refusal->empty() ? "allowed, and must not be" : "refused", !refusal->empty());
  }
  void note(const std::string& what, const std::string& outcome, bool is_good) {
    proof_.tried.push_back(what + ": " + outcome);
    if (!is_good && proof_.failure.empty()) proof_.failure = proof_.tried.back();
  }
  Proof done() {
    proof_.proved = proof_.failure.empty();
    return std::move(proof_);
  }

 private:
  Proof proof_;
};

Result<std::shared_ptr<Connection>> log_in(const Pool& pool, const ObjectKey& principal,
                                           const mesh::Credential& credential) {
  const auto text = credential.fields.find("credentials");
  if (text == credential.fields.end()) return Error{Code::Invalid, "no NATS credentials"};
  DATAMESH_TRY(auto user, nkeys::read_credentials(text->second));
  return Connection::open(
      {.url = pool.url(), .user = std::move(user), .inbox_prefix = inbox_prefix(principal), .timeout = answer_timeout});
}

Result<void> look_at(Connection& user, const std::string& prefix, const std::string& at, std::stop_token stop) {
  const std::string subject = prefix + ".CONSUMER.INFO" + at;
  // A request that may not be sent gets no answer; this saves waiting for it.
  DATAMESH_TRY(const std::string refusal, user.refusal(subject));
  if (!refusal.empty()) return Error{Code::Denied, refusal};
  DATAMESH_TRY(const std::string answer, user.request({subject, ""}, stop));
  return api_error(answer);
}

// A question that the consumer refuses to understand: it was reached, and handed out nothing.
Result<void> fetch_nothing(Connection& user, const std::string& prefix, const std::string& at, std::stop_token stop) {
  DATAMESH_TRY(const std::string status, user.request({prefix + ".CONSUMER.MSG.NEXT" + at, "{nothing"}, stop));
  if (status == "400") return {};
  return Error{Code::Unavailable, "a consumer answers a senseless fetch with 400, not '" + status + "'"};
}

}  // namespace

Proof prove_granted(Pool& pool, const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                    std::stop_token stop) {
  Trial trial;
  auto user = log_in(pool, access.subscription, credential);
  trial.allowed("log in", user ? Result<void>() : Result<void>(user.error()));
  if (!user) return trial.done();
  const std::string stream = stream_name(port.key), durable = durable_name(access.subscription),
                    prefix = api_prefix(port.key.domain, access.consumer_domain), at = "." + stream + "." + durable;
  trial.allowed("look at consumer " + durable + " of " + stream, look_at(**user, prefix, at, stop));
  trial.allowed("fetch from " + durable, fetch_nothing(**user, prefix, at, stop));

  std::string published = subject(port.key);
  published.pop_back();
  for (const std::string& forbidden :
       {published + "probe", "$JS.API.STREAM.DELETE." + stream, prefix + ".STREAM.DELETE." + stream,
        "$JS.API.STREAM.MSG.GET." + stream, prefix + ".STREAM.INFO." + stream,
        prefix + ".CONSUMER.INFO." + stream + "." + durable + "-other",
        prefix + ".CONSUMER.MSG.NEXT." + stream + "." + durable + "-other"}) {
    // Asking to delete would be a strange way to find out that one can.
    const bool deletes = forbidden.find("STREAM.DELETE") != std::string::npos;
    trial.refused("send to " + forbidden, (*user)->refusal(deletes ? forbidden + "-probe" : forbidden));
  }
  return trial.done();
}

Proof prove_revoked(Pool& pool, const mesh::Port& port, const ObjectKey& subscription,
                    const mesh::Credential& credential, std::stop_token stop) {
  Trial trial;
  auto user = log_in(pool, subscription, credential);
  if (user) {
    const std::string at = "." + stream_name(port.key) + "." + durable_name(subscription);
    for (const std::string& prefix : {"mesh." + token(port.key.domain), std::string("$JS.API")}) {
      const auto answer = look_at(**user, prefix, at, stop);
      trial.note("look at " + prefix + ".CONSUMER.INFO" + at, answer ? "allowed, and must not be" : "refused", !answer);
    }
  } else {
    const bool is_refused = user.error().code == Code::Denied;
    trial.note("log in", is_refused ? "refused" : "failed: " + user.error().message, is_refused);
  }

  const auto text = credential.fields.find("credentials");
  const auto own = nkeys::read_credentials(text == credential.fields.end() ? Secret() : text->second);
  if (!own) return trial.done();
  const auto claims = nkeys::read_jwt(own->jwt);
  if (!claims) return trial.done();
  user = Error{Code::Cancelled, "closed"};
  const auto all = servers(pool, stop);
  const auto keys = all ? connected_keys(pool, string_at(*claims, {"nats", "issuer_account"}), all->count, stop)
                        : Result<std::set<std::string>>(all.error());
  if (!keys) {
    trial.note("look for open sessions", "failed: " + keys.error().message, false);
  } else {
    const bool left = keys->contains(string_at(*claims, {"iss"}));
    trial.note("look for open sessions", left ? "there are some" : "none", !left);
  }
  return trial.done();
}

}  // namespace datamesh::nats

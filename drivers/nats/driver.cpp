#include "drivers/nats/driver.hpp"

#include <algorithm>
#include <atomic>

#include "controller/core/json.hpp"
#include "drivers/nats/apply.hpp"
#include "drivers/nats/desired.hpp"
#include "drivers/nats/fencing.hpp"
#include "drivers/nats/lower.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {

struct Driver::State {
  State(const Options& options, Endpoint where, nkeys::Key operator_key, nkeys::UserCredentials system,
        const Clock& machine)
      : name("nats/" + options.backend),
        endpoint(std::move(where)),
        clock(machine),
        fence(*options.fence),
        keys(std::move(operator_key)),
        pool(endpoint.url, std::move(system), keys, machine) {}

  std::string name;
  Endpoint endpoint;
  const Clock& clock;
  const Fence& fence;
  std::atomic<std::int64_t> entered = 0;  // the epoch that older ones were shut out with
  Keyring keys;
  Pool pool;
  ClaimsCache cache;
};

Result<Options> options_from(std::string backend, std::string endpoint, const std::map<std::string, Secret>& fields) {
  Options options{.backend = std::move(backend),
                  .endpoint = std::move(endpoint),
                  .operator_signing_seed = {},
                  .system_credentials = {}};
  for (const auto& [name, into] : {std::pair(kOperatorSeedField, &options.operator_signing_seed),
                                   std::pair(kSystemCredentialsField, &options.system_credentials)}) {
    const auto field = fields.find(name);
    if (field == fields.end() || field->second.empty()) {
      return Error{Code::Invalid, "nats/" + options.backend + ": the admin Secret has no '" + name + "'"};
    }
    *into = field->second;
  }
  return options;
}

Result<std::unique_ptr<Driver>> Driver::create(const Options& options, const Clock& clock) {
  const std::string name = "nats/" + options.backend;
  auto endpoint = parse_endpoint(options.endpoint);
  if (!endpoint) return with_context(name, endpoint.error());
  auto operator_key = nkeys::Key::from_seed(options.operator_signing_seed);
  if (!operator_key) return with_context(name + ": " + kOperatorSeedField, operator_key.error());
  if (operator_key->type() != nkeys::KeyType::Operator) {
    return Error{Code::Invalid, name + ": " + kOperatorSeedField + " is not the seed of an operator (SO...)"};
  }
  auto system = nkeys::read_credentials(options.system_credentials);
  if (!system) return with_context(name + ": " + kSystemCredentialsField, system.error());
  return std::unique_ptr<Driver>(new Driver(
      std::make_unique<State>(options, *std::move(endpoint), *std::move(operator_key), *std::move(system), clock)));
}

Driver::Driver(std::unique_ptr<State> state) : state_(std::move(state)) {}
Driver::~Driver() = default;

Result<std::string> Driver::reach(std::stop_token stop) {
  const auto say = [&](const Error& error) { return with_context(state_->name, error); };
  auto system = state_->pool.system();
  if (!system) return say(system.error());
  const auto answer = (*system)->request({"$SYS.REQ.SERVER.PING.VARZ", ""}, stop);
  if (!answer) return say(answer.error());
  const auto body = parse_json(*answer);
  if (!body) return say(body.error());
  const std::string& own = state_->keys.operator_key().id();
  bool is_listed = false;
  if (const Json* operators = find(*body, {"data", "trusted_operators_claim"}); operators && operators->is_array()) {
    for (const Json& claim : *operators) {
      is_listed = is_listed || string_at(claim, {"sub"}) == own;
      const Json* keys = find(claim, {"nats", "signing_keys"});
      is_listed = is_listed || (keys && keys->is_array() && std::ranges::count(*keys, Json(own)) > 0);
    }
  }
  if (!is_listed) return say({Code::Denied, "the server's operator does not list our signing key " + own});
  if (!find(*body, {"data", "jetstream", "config"})) return say({Code::Unavailable, "JetStream is not enabled"});
  if (const auto entered = enter_term(stop); !entered) return say(entered.error());
  return string_at(*body, {"data", "version"});
}

Result<void> Driver::enter_term(std::stop_token stop) {
  const Term term = state_->fence.term();
  if (term.epoch == state_->entered) return {};
  DATAMESH_CHECK(state_->fence.may_write());
  DATAMESH_CHECK(take_over(state_->pool, state_->keys, state_->clock, term, std::move(stop)));
  state_->entered = term.epoch;
  return {};
}

Desired<Spec> Driver::desired(const mesh::Workload& workload) const {
  return nats::desired(state_->keys, workload);
}

Result<Observed<Spec>> Driver::observe(const Scope& scope, std::stop_token stop) {
  if (const auto entered = enter_term(stop); !entered) return with_context(state_->name, entered.error());
  auto seen = scope.all ? observe_everything(state_->pool, state_->keys, state_->cache, stop)
                        : observe_scope(state_->pool, state_->keys, state_->cache, scope, stop);
  if (!seen) return with_context(state_->name, seen.error());
  return seen;
}

Result<std::string> Driver::change_token(std::stop_token) {
  return std::string();
}

void Driver::apply(std::span<Action<Spec>> actions, std::stop_token stop) {
  const auto entered = enter_term(stop);
  for (const auto& action : actions) {
    if (!entered) action.step->error = with_context(state_->name, entered.error());
  }
  if (!entered) return;
  nats::apply(state_->pool, state_->keys, state_->cache, state_->clock, state_->fence, actions, stop);
  const auto refused = [](const Action<Spec>& action) {
    return action.step->error &&
           (action.step->error->code == Code::Conflict || action.step->error->code == Code::Denied);
  };
  // A record that is gone is made again with the next look.
  if (std::ranges::any_of(actions, refused)) state_->entered = 0;
  for (const auto& action : actions) {
    if (action.step->error) action.step->error = with_context(state_->name, *action.step->error);
  }
}

std::vector<std::string> Driver::lower(const Change<Spec>& change) {
  return nats::lower(change);
}
int Driver::rank(const Spec& spec) {
  return nats::rank(spec);
}
bool Driver::holds_data(const Spec& spec) {
  return nats::holds_data(spec);
}

Result<mesh::Credential> Driver::mint(const ObjectKey& principal, const mesh::Port* port, const std::string& domain,
                                      std::optional<WallTime> until) const {
  return mint_credential(state_->keys, state_->endpoint, principal, port, domain, state_->clock.wall(), until);
}

std::string Driver::version_of(const std::map<std::string, Secret>& fields) {
  return credential_version(fields);
}

Proof Driver::prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                            std::stop_token stop) {
  return nats::prove_granted(state_->pool, port, access, credential, stop);
}

Proof Driver::prove_revoked(const mesh::Port& port, const ObjectKey& subscription, const mesh::Credential& credential,
                            std::stop_token stop) {
  return nats::prove_revoked(state_->pool, port, subscription, credential, stop);
}

std::pair<std::string, std::string> Driver::dataset(const mesh::Port& port) const {
  return {state_->endpoint.url, stream_name(port.key)};
}

}  // namespace datamesh::nats

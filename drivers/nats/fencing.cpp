#include "drivers/nats/fencing.hpp"

#include <charconv>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "drivers/nats/claims.hpp"
#include "drivers/nats/observe.hpp"

namespace datamesh::nats {
namespace {

constexpr int kAttempts = 5;
constexpr int kWrongLastSequence = 10071, kNoMessage = 10037;

struct Record {
  std::int64_t epoch = 0, sequence = 0;  // 0: there is none yet
};

std::string subject_of(const Term& term) {
  return "fence." + sha256_hex(term.plane).substr(0, 32);
}

std::int64_t error_number(const Json& body) {
  const Json* number = find(body, {"error", "err_code"});
  return number && number->is_number_integer() ? number->get<std::int64_t>() : 0;
}

Error later_term(const Term& term) {
  return {Code::Denied, "a later term of this control plane has taken over (account " + std::string(kFenceAccount) +
                            ", stream FENCE, " + subject_of(term) + ")"};
}

Result<Record> read(Connection& account, const Term& term, std::stop_token stop) {
  DATAMESH_TRY(
      const std::string answer,
      account.request({"$JS.API.STREAM.MSG.GET.FENCE", Json{{"last_by_subj", subject_of(term)}}.dump()}, stop));
  DATAMESH_TRY(const Json body, parse_json(answer));
  if (error_number(body) == kNoMessage) return Record{};
  DATAMESH_CHECK(api_error(answer));
  Record record;
  const std::string text = base64_decode(string_at(body, {"message", "data"}));
  const Json* sequence = find(body, {"message", "seq"});
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), record.epoch);
  if (failed != std::errc() || end != text.data() + text.size() || !sequence || !sequence->is_number_integer()) {
    return Error{Code::Invalid, "the fence cannot be read: " + text};
  }
  record.sequence = sequence->get<std::int64_t>();
  return record;
}

Result<void> make_account(Pool& pool, const Keyring& keys, const Clock& clock, std::stop_token stop) {
  const DomainKeys& own = keys.of(kFenceAccount);
  DATAMESH_TRY(const auto held, look_up(pool, {own.account.id()}, stop));
  if (held.contains(own.account.id())) return {};
  const Mark mark{ObjectKey{"ControlPlane", "", kFenceAccount}, false, false, ""};
  const Account account = bare_account(keys.operator_key(), own, kFenceAccount, mark);
  DATAMESH_TRY(const auto system, pool.system());
  DATAMESH_TRY(
      const std::string answer,
      system->request({"$SYS.REQ.CLAIMS.UPDATE", write_account(keys.operator_key(), account, clock.wall())}, stop));
  return api_error(answer);
}

Result<void> make_stream(Pool& pool, Connection& account, std::stop_token stop) {
  const auto known = account.request({"$JS.API.STREAM.INFO.FENCE", ""}, stop);
  if (!known) return known.error();
  if (api_error(*known)) return {};
  DATAMESH_TRY(const Servers all, servers(pool, stop));
  const Json config = {{"name", "FENCE"},
                       {"subjects", {"fence.*"}},
                       {"max_msgs_per_subject", 1},
                       {"storage", "file"},
                       {"num_replicas", all.count >= 3 ? 3 : 1},
                       {"deny_delete", true},
                       {"description", "Which term of a control plane may write. Kept by datamesh."}};
  DATAMESH_TRY(const std::string made, account.request({"$JS.API.STREAM.CREATE.FENCE", config.dump()}, stop));
  return api_error(made);
}

}  // namespace

Result<void> take_over(Pool& pool, const Keyring& keys, const Clock& clock, const Term& term, std::stop_token stop) {
  if (term.epoch == 0) return {};
  DATAMESH_CHECK(make_account(pool, keys, clock, stop));
  DATAMESH_TRY(const auto account, pool.account(kFenceAccount));
  DATAMESH_CHECK(make_stream(pool, *account, stop));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    DATAMESH_TRY(const Record record, read(*account, term, stop));
    if (record.epoch == term.epoch) return {};
    if (record.epoch > term.epoch) return later_term(term);
    const Request raise{subject_of(term),
                        std::to_string(term.epoch),
                        {{"Nats-Expected-Last-Subject-Sequence", std::to_string(record.sequence)}}};
    DATAMESH_TRY(const std::string answer, account->request(raise, stop));
    DATAMESH_TRY(const Json body, parse_json(answer));
    if (error_number(body) == kWrongLastSequence) continue;
    return api_error(answer);
  }
  return Error{Code::Conflict, "the fence keeps changing"};
}

Result<void> ask_fence(Pool& pool, const Fence& fence, std::stop_token stop) {
  DATAMESH_CHECK(fence.may_write());
  const Term term = fence.term();
  if (term.epoch == 0) return {};
  DATAMESH_TRY(const auto account, pool.account(kFenceAccount));
  DATAMESH_TRY(const Record record, read(*account, term, stop));
  if (record.epoch > term.epoch) return later_term(term);
  if (record.epoch < term.epoch) return Error{Code::Conflict, "the fence is gone"};
  return fence.may_write();  // the answer may have taken long
}

}  // namespace datamesh::nats

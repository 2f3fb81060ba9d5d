#include "controller/runtime/election.hpp"

namespace datamesh {
namespace {

constexpr double kJitter = 1.2;  // client-go's JitterFactor

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

Result<void> check(const ElectionOptions& options) {
  if (options.identity.empty()) return Error{Code::Invalid, "leader election: an identity is needed"};
  if (options.retry <= Duration::zero() || options.renew_deadline <= options.retry * 12 / 10 ||
      options.lease <= options.renew_deadline) {
    return Error{Code::Invalid, "leader election: lease > renew deadline > 1.2 x retry > 0 does not hold"};
  }
  if (Duration(std::chrono::seconds(whole_seconds(options.lease))) != options.lease) {
    return Error{Code::Invalid, "leader election: a lease lasts whole seconds"};
  }
  return {};
}

Election::Decision Election::decide(const std::optional<LeaseRecord>& seen, Steady now, WallTime wall) {
  if (!seen) {
    if (holds()) return {Move::Lost};
    observed_.reset();
    const std::string time = format_micro_time(wall);
    return {Move::Create, {options_.identity, whole_seconds(options_.lease), time, time, 0}};
  }
  if (seen != observed_) {
    observed_ = seen;
    observed_at_ = now;
  }
  const bool ours = seen->holder == options_.identity;
  if (holds() && !ours) return {Move::Lost};
  const bool over = seen->holder.empty() || now - observed_at_ >= std::chrono::seconds(seen->duration_seconds);
  if (!ours && !over) return {Move::Wait};
  LeaseRecord record = *seen;
  record.holder = options_.identity;
  record.duration_seconds = whole_seconds(options_.lease);
  record.renewed = format_micro_time(wall);
  if (ours) return {Move::Renew, record};
  record.acquired = record.renewed;
  ++record.transitions;
  return {Move::Take, record};
}

LeaseRecord Election::renewal(WallTime wall) const {
  LeaseRecord record = observed_.value_or(LeaseRecord{});
  record.renewed = format_micro_time(wall);
  return record;
}

LeaseRecord Election::release(WallTime wall) const {
  LeaseRecord record = renewal(wall);
  record.holder.clear();
  record.duration_seconds = 1;
  record.acquired = record.renewed;
  return record;
}

void Election::wrote(const LeaseRecord& record, Steady sent) {
  observed_ = record;
  observed_at_ = sent;
  if (record.holder == options_.identity) {
    holds_until_ = sent + options_.renew_deadline;
  } else {
    holds_until_.reset();
  }
}

Duration Election::pause(double random) const {
  return options_.retry + std::chrono::duration_cast<Duration>(options_.retry * (kJitter * random));
}

}  // namespace datamesh

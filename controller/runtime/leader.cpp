#include "controller/runtime/leader.hpp"

#include "controller/core/json.hpp"
#include "controller/core/log.hpp"
#include "controller/core/rest.hpp"

namespace datamesh {
namespace {

constexpr std::int64_t kTransitionsMax = (std::int64_t{1} << 24) - 1;

std::int64_t number_at(const Json& object, std::string_view field) {
  const Json* value = find(object, {"spec", field});
  return value && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

LeaseRecord record_of(const Json& lease) {
  return {string_at(lease, {"spec", "holderIdentity"}), number_at(lease, "leaseDurationSeconds"),
          string_at(lease, {"spec", "acquireTime"}), string_at(lease, {"spec", "renewTime"}),
          number_at(lease, "leaseTransitions")};
}

// What others wrote to the Lease stays.
Json with_record(Json lease, const LeaseRecord& record) {
  Json& spec = lease["spec"];
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration_seconds;
  spec["acquireTime"] = record.acquired;
  spec["renewTime"] = record.renewed;
  spec["leaseTransitions"] = record.transitions;
  return lease;
}

}  // namespace

Result<std::int64_t> epoch_of(const Json& lease) {
  DATAMESH_TRY(const WallTime created, parse_time(string_at(lease, {"metadata", "creationTimestamp"})));
  const std::int64_t transitions = number_at(lease, "leaseTransitions");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(created.time_since_epoch()).count();
  if (seconds <= 0 || transitions < 0 || transitions > kTransitionsMax) {
    return Error{Code::Invalid, "a Lease of this age and with these transitions cannot be"};
  }
  return seconds * (kTransitionsMax + 1) + transitions;
}

Result<std::unique_ptr<Leader>> Leader::create(kube::Store& store, LeaderOptions options, const Clock& clock) {
  DATAMESH_CHECK(check(options.election));
  if (options.ns.empty() || options.name.empty()) {
    return Error{Code::Invalid, "leader election: a Lease has a namespace and a name"};
  }
  return std::unique_ptr<Leader>(new Leader(store, std::move(options), clock));
}

Leader::Leader(kube::Store& store, LeaderOptions options, const Clock& clock)
    : store_(store), options_(std::move(options)), clock_(clock), election_(options_.election) {}

Leader::~Leader() = default;

Result<Term> Leader::acquire(std::stop_token stop) {
  std::string problem;
  while (!stop.stop_requested()) {
    const auto leads = attempt();
    if (!leads && leads.error().message != problem) {
      problem = leads.error().message;
      log_warn("leader election: no answer yet", {{"lease", options_.ns + "/" + options_.name}, {"error", problem}});
    }
    if (leads && *leads) return term();
    rest(election_.pause(std::uniform_real_distribution<>(0, 1)(random_)), stop);
  }
  return Error{Code::Cancelled, "leader election: stopped"};
}

Result<void> Leader::hold(std::stop_token stop) {
  renewer_ = std::jthread([this](std::stop_token ended) { renew(ended); });
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !lost_) {
    const Steady until = *until_;
    if (clock_.steady() >= until) {
      lock.unlock();
      lose({Code::Unavailable, "the lease could not be renewed in time"});
      lock.lock();
      break;
    }
    changed_.wait_until(lock, stop, until, [&] { return lost_ || until_ != until; });
  }
  renewer_.request_stop();
  if (lost_) return *lost_;
  return {};
}

void Leader::release() {
  if (renewer_.joinable()) {
    renewer_.request_stop();
    renewer_.join();
  }
  if (!election_.holds() || !last_) return;
  const auto released = store_.update(kube::leases(), with_record(*last_, election_.release(clock_.wall())));
  {
    const std::lock_guard lock(mutex_);
    if (lost_ || !until_) return;
    until_ = Steady::min();
  }
  options_.on_change(false);
  if (released) {
    log_info("gave up leading", {{"lease", options_.ns + "/" + options_.name}});
  } else {
    log_warn("gave up leading; the next has to wait for the lease to end", {{"error", released.error().message}});
  }
}

Term Leader::term() const {
  const std::lock_guard lock(mutex_);
  return term_;
}

Result<void> Leader::may_write() const {
  const std::lock_guard lock(mutex_);
  if (until_ && !lost_ && clock_.steady() < *until_) return {};
  return Error{Code::Cancelled, "this process does not lead any more, so it writes nothing"};
}

void Leader::renew(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    rest(options_.election.retry, stop);
    if (stop.stop_requested()) return;
    const auto leads = attempt();
    if (!leads) {
      if (leads.error().code == Code::Conflict) return lose(leads.error());
      log_warn("the lease was not renewed", {{"error", leads.error().message}});
    }
  }
}

void Leader::lose(Error why) {
  {
    const std::lock_guard lock(mutex_);
    if (lost_) return;
    lost_ = why;
  }
  changed_.notify_all();
  log_error(
      "lost the lease",
      {{"lease", options_.ns + "/" + options_.name}, {"identity", options_.election.identity}, {"error", why.message}});
  options_.on_change(false);
}

// True: this process leads as of now. Conflict: it did and does not any more.
Result<bool> Leader::attempt() {
  if (election_.holds() && last_) {  // without looking first: one request instead of two
    const auto renewed = write({Election::Move::Renew, election_.renewal(clock_.wall())}, last_.get());
    if (renewed && *renewed) return true;
    last_.reset();  // changed, or the answer is missing: look
  }
  auto live = store_.get(kube::leases(), options_.ns, options_.name);
  if (!live && live.error().code != Code::NotFound) return live.error();
  const auto seen = live ? std::optional(record_of(*live)) : std::nullopt;
  const auto decision = election_.decide(seen, clock_.steady(), clock_.wall());
  switch (decision.move) {
    case Election::Move::Lost:
      return Error{Code::Conflict, seen ? "the Lease is held by \"" + seen->holder + "\"" : "the Lease was deleted"};
    case Election::Move::Wait:
      if (std::exchange(leading_elsewhere_, seen->holder) != seen->holder) {
        log_info("standing by", {{"leader", seen->holder}, {"lease", options_.ns + "/" + options_.name}});
      }
      return false;
    case Election::Move::Create:
    case Election::Move::Take:
    case Election::Move::Renew:
      break;
  }
  return write(decision, live ? &*live : nullptr);
}

// False: somebody else wrote first.
Result<bool> Leader::write(Election::Decision decision, const Json* live) {
  if (term().plane.empty()) {
    DATAMESH_TRY(std::string name, plane());
    const std::lock_guard lock(mutex_);
    term_.plane = std::move(name);
  }
  const Steady sent = clock_.steady();
  auto written = live ? store_.update(kube::leases(), with_record(*live, decision.record))
                      : store_.create(kube::leases(),
                                      with_record({{"apiVersion", "coordination.k8s.io/v1"},
                                                   {"kind", "Lease"},
                                                   {"metadata", {{"namespace", options_.ns}, {"name", options_.name}}}},
                                                  decision.record));
  if (!written) {
    if (written.error().code == Code::Conflict) return false;
    return written.error();
  }
  DATAMESH_TRY(const std::int64_t epoch, epoch_of(*written));
  const bool first = !election_.holds();
  election_.wrote(decision.record, sent);
  last_ = std::make_unique<Json>(*std::move(written));
  {
    const std::lock_guard lock(mutex_);
    until_ = election_.holds_until();
    term_.epoch = epoch;
  }
  changed_.notify_all();
  if (first) took_over(*last_);
  return true;
}

void Leader::took_over(const Json& lease) {
  log_info("leading", {{"lease", options_.ns + "/" + options_.name},
                       {"identity", options_.election.identity},
                       {"transitions", std::to_string(record_of(lease).transitions)}});
  options_.on_change(true);
}

// No other cluster's: the identity of a cluster is that of its namespace kube-system, which cannot be deleted.
Result<std::string> Leader::plane() {
  DATAMESH_TRY(const Json system, store_.get(kube::namespaces(), "", "kube-system"));
  return string_at(system, {"metadata", "uid"}) + "/" + options_.ns + "/" + options_.name;
}

}  // namespace datamesh

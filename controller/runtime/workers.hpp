#pragma once
// Threads that work off a queue of keys. The only place where reconcilers get their threads from.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/runtime/backoff.hpp"
#include "controller/runtime/instruments.hpp"
#include "controller/runtime/work_queue.hpp"

namespace datamesh {

// When to look again if nothing changes before.
struct Next {
  std::optional<Duration> after;

  static Next on_change() { return {}; }
  static Next in(Duration delay) { return {delay}; }
};

// Level-based: told which key, never what happened to it. Called again on error, with back-off; an Invalid error waits
// for a change, as repeating cannot help. Must be safe to repeat. Never called for one key twice at once.
template <class Key>
class Workers {
 public:
  using Handler = std::function<Result<Next>(const Key&, std::stop_token)>;

  struct Options {
    std::string name;  // controller and queue label of the metrics
    unsigned threads = 1;
    BackoffLimits backoff = {};
    typename WorkQueue<Key>::Group group = [](const Key&) { return std::string(); };
  };

  Workers(Options options, Handler handler, const Clock& clock, Instruments& instruments)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        clock_(clock),
        instruments_(instruments),
        queue_(options_.group),
        backoff_(options_.backoff) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;

  void start() {
    for (unsigned i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this](std::stop_token stop) { work(stop); });
    }
  }

  // Returns when no handler runs any more.
  void stop() {
    for (auto& thread : threads_) thread.request_stop();
    changed_.notify_all();
    threads_.clear();
  }

  void add(const Key& key, Duration delay = Duration::zero()) {
    const std::lock_guard lock(mutex_);
    queue_.add(key, clock_.steady() + delay);
    if (options_.threads && added_.size() < 100'000) added_.try_emplace(key, clock_.steady() + delay);
    instruments_.queue_added(options_.name);
    changed_.notify_one();
  }

  std::size_t depth() {
    const std::lock_guard lock(mutex_);
    return queue_.ready(clock_.steady());
  }
  // Nothing due, nothing being worked on.
  bool idle() {
    const std::lock_guard lock(mutex_);
    return queue_.ready(clock_.steady()) == 0 && queue_.working() == 0;
  }

 private:
  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const auto key = queue_.take(clock_.steady());
      if (!key) {
        wait(lock, stop);
        continue;
      }
      if (const auto since = added_.extract(*key)) {
        instruments_.queue_waited(options_.name, clock_.steady() - since.mapped());
      }
      instruments_.workers(options_.name, queue_.working(), options_.threads);
      instruments_.queue_depth(options_.name, queue_.ready(clock_.steady()));
      lock.unlock();
      const Steady began = clock_.steady();
      const Result<Next> result = handler_(*key, stop);
      const Duration took = clock_.steady() - began;
      lock.lock();
      settle(*key, result, took);
      queue_.done(*key);
      instruments_.workers(options_.name, queue_.working(), options_.threads);
    }
  }

  void settle(const Key& key, const Result<Next>& result, Duration took) {
    if (result) {
      backoff_.succeeded(key);
      if (result->after) queue_.add(key, clock_.steady() + *result->after);
      instruments_.reconciled(options_.name, result->after ? "requeue_after" : "success", took);
      return;
    }
    if (result.error().code == Code::Cancelled) return;
    instruments_.reconciled(options_.name, "error", took);
    tell(result.error());
    if (result.error().code == Code::Invalid) return;
    instruments_.queue_retried(options_.name);
    queue_.add(key, clock_.steady() + backoff_.failed(key, std::uniform_real_distribution<>(0, 1)(random_)));
  }

  // A line a second at most: when a server is away, everything fails.
  void tell(const Error& error) {
    const Steady now = clock_.steady();
    if (told_ && now - *told_ < std::chrono::seconds(1)) {
      ++untold_;
      return;
    }
    log_warn("failed", {{"controller", options_.name},
                        {"error", error.message},
                        {"not_told", std::to_string(std::exchange(untold_, 0))}});
    told_ = now;
  }

  void wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    const auto due = queue_.next_due();
    const auto wake = [&] { return stop.stop_requested(); };
    if (!due) {
      changed_.wait(lock, stop, [&] { return wake() || queue_.next_due().has_value(); });
    } else if (*due > clock_.steady()) {
      changed_.wait_until(lock, stop, *due, [&] { return wake() || queue_.next_due() < due; });
    }
  }

  const Options options_;
  const Handler handler_;
  const Clock& clock_;
  Instruments& instruments_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  WorkQueue<Key> queue_;
  Backoff<Key> backoff_;
  std::map<Key, Steady> added_;
  std::optional<Steady> told_;  // when an error was last logged
  std::size_t untold_ = 0;      // errors since then
  std::minstd_rand random_{std::random_device{}()};
  std::vector<std::jthread> threads_;
};

}  // namespace datamesh

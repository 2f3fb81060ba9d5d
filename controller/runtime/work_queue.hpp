#pragma once
// Which key to look at next. A plain data structure: no threads, no locks, no clock -- the caller says what time it is,
// so tests never sleep.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "controller/core/clock.hpp"

namespace datamesh {

// Promises:
//  - a key is never handed out twice at once, and none is lost: a key added while it is being worked on is handed out
//    again after done();
//  - of two due times for one key the earlier wins;
//  - fair: groups (a domain, a namespace) that have due keys take turns, so a thousand keys of one cannot hold up
//  another.
template <class Key>
class WorkQueue {
 public:
  using Group = std::function<std::string(const Key&)>;

  explicit WorkQueue(Group group = [](const Key&) { return std::string(); }) : group_(std::move(group)) {}

  void add(const Key& key, Steady due) {
    if (working_.contains(key)) {
      const auto [again, fresh] = again_.try_emplace(key, due);
      if (!fresh && due < again->second) again->second = due;
      return;
    }
    if (ready_keys_.contains(key)) return;
    const auto [waiting, fresh] = waiting_.try_emplace(key, due);
    if (!fresh) {
      if (due >= waiting->second) return;
      by_due_.erase({waiting->second, key});
      waiting->second = due;
    }
    by_due_.insert({due, key});
  }

  std::optional<Key> take(Steady now) {
    promote(now);
    if (turns_.empty()) return std::nullopt;
    const std::string turn = std::move(turns_.front());
    turns_.pop_front();
    auto& keys = ready_[turn];
    Key key = std::move(keys.front());
    keys.pop_front();
    if (keys.empty()) {
      ready_.erase(turn);
    } else {
      turns_.push_back(turn);
    }
    ready_keys_.erase(key);
    working_.insert(key);
    return key;
  }

  void done(const Key& key) {
    working_.erase(key);
    if (auto node = again_.extract(key)) add(node.key(), node.mapped());
  }

  // When take() will have something if nothing is added before; nullopt: never.
  std::optional<Steady> next_due() const {
    if (!turns_.empty()) return Steady::min();
    if (by_due_.empty()) return std::nullopt;
    return by_due_.begin()->first;
  }

  // Keys that are due or wait, without those being worked on.
  std::size_t size() const { return ready_keys_.size() + waiting_.size(); }
  std::size_t ready(Steady now) {
    promote(now);
    return ready_keys_.size();
  }
  std::size_t working() const { return working_.size(); }

 private:
  void promote(Steady now) {
    while (!by_due_.empty() && by_due_.begin()->first <= now) {
      Key key = std::move(by_due_.extract(by_due_.begin()).value().second);
      waiting_.erase(key);
      std::string group = group_(key);
      auto& keys = ready_[group];
      if (keys.empty()) turns_.push_back(std::move(group));
      ready_keys_.insert(key);
      keys.push_back(std::move(key));
    }
  }

  Group group_;
  std::map<Key, Steady> waiting_;
  std::set<std::pair<Steady, Key>> by_due_;
  std::map<std::string, std::deque<Key>> ready_;
  std::deque<std::string> turns_;  // groups with ready keys, each once
  std::set<Key> ready_keys_;
  std::set<Key> working_;
  std::map<Key, Steady> again_;
};

}  // namespace datamesh

#pragma once
// What the loops tell about themselves. The composition root hangs metrics, events and tests on it; every method must
// be cheap and thread-safe. The defaults do nothing.

#include <map>
#include <string>
#include <string_view>

#include "controller/core/clock.hpp"
#include "controller/core/ids.hpp"

namespace datamesh {

struct Pass;  // controller/plan/driver.hpp: handed through, not looked at

struct EventNote {
  ObjectKey about;
  std::string uid;
  bool warning = false;
  std::string reason;  // CamelCase, of a small fixed set
  std::string action;  // what was being done: Provision, Approve, Revoke, ...
  std::string note;
};

class Instruments {
 public:
  virtual ~Instruments() = default;

  // Work queues, under the name of their controller.
  virtual void queue_added(std::string_view) {}
  virtual void queue_retried(std::string_view) {}
  virtual void queue_depth(std::string_view, std::size_t) {}
  virtual void queue_waited(std::string_view, Duration) {}
  virtual void workers(std::string_view, std::size_t /*active*/, std::size_t /*most*/) {}
  // One reconcile: result is success | error | requeue_after.
  virtual void reconciled(std::string_view /*controller*/, std::string_view /*result*/, Duration) {}

  // One look at one backend; `drift` counts by resource kind what differed although nothing had been declared anew.
  virtual void passed(const std::string& /*backend*/, const Pass&,
                      const std::map<std::string, std::size_t>& /*drift*/) {}
  virtual void proved(const std::string& /*backend*/, std::string_view /*granted|revoked*/, bool /*held*/) {}
  virtual void became_ready(std::string_view /*kind*/, Duration /*since creation*/) {}
  virtual void subscriptions(const std::map<std::string, std::size_t>& /*by phase*/) {}

  virtual void event(const EventNote&) {}
};

}  // namespace datamesh

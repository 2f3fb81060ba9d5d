#pragma once
// A server in memory that is as strict as a real one: it refuses to create what exists, to change or drop what does
// not, to drop what others need, and to let in whom nobody granted anything. Tests give it faults. Thread-safe.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/core/result.hpp"
#include "controller/plan/plan.hpp"
#include "drivers/memory/spec.hpp"

namespace datamesh::memory {

class Server {
 public:
  // Asked before every operation ("observe", "create", ...); an error is answered instead of doing it. After a Create
  // it is asked again with "created": an error then is a lost answer.
  using Fault = std::function<std::optional<Error>(const std::string& operation, const ResourceId& id)>;
  void set_fault(Fault fault);

  Result<Observed<Spec>> observe() const;
  Result<void> create(const ResourceId& id, Found<Spec> thing);
  Result<void> alter(const ResourceId& id, Found<Spec> thing);
  // Denies, cuts the sessions of an access, drops.
  Result<void> drop(const ResourceId& id);
  Result<void> retain(const ResourceId& id);

  // The data plane. A session belongs to an access and ends with it.
  Result<int> open(const std::string& access, const std::string& credential_version);
  Result<void> read(int session, const std::string& table, const std::string& column) const;
  bool is_open(int session) const;

  // What somebody does behind our back: tests only.
  void put_by_hand(const ResourceId& id, Found<Spec> thing);
  void erase_by_hand(const ResourceId& id);
  std::map<ResourceId, Found<Spec>> things() const;
  // Writes so far, of all kinds; moves with every one.
  std::size_t writes() const;
  // Requests that no correct planner makes: creating what exists, dropping what others need, ...
  std::size_t clashes() const;
  std::string last_clash() const;

 private:
  Result<void> refuse(const std::string& why);
  std::optional<Error> fault(const std::string& operation, const ResourceId& id) const;
  void cut(const std::string& access);

  mutable std::mutex mutex_;
  Fault fault_;
  std::map<ResourceId, Found<Spec>> things_;
  std::map<int, std::string> sessions_;
  int next_session_ = 1;
  std::size_t writes_ = 0, clashes_ = 0;
  std::string last_clash_;
};

// The server of that name in this process; made on first use, lives as long as the process. A backend with
// `engine: memory` lives in one.
std::shared_ptr<Server> server_named(const std::string& name);

}  // namespace datamesh::memory

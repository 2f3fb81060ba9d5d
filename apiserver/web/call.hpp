#pragma once
// One request on its way through the handler; for the files of this folder.

#include <atomic>
#include <memory>
#include <string>

#include "apiserver/web/handler.hpp"

namespace datamesh::apiserver {

struct Handler::Call {
  http::Request http;
  std::shared_ptr<http::Exchange> exchange;
  Request request;
  User user;
  std::string audit_id;
  Steady begun;
  std::atomic<int>* in_flight = nullptr;
  bool long_running = false;
  View view;      // for resources
  Target target;  // the same

  ~Call() {
    if (in_flight != nullptr && !long_running) --*in_flight;
  }
};

// Of ?fieldManager, ?fieldValidation, ?dryRun and the user agent.
Outcome<WriteContext> write_context(const Request& request, const http::Request& http, const User& user);
Outcome<DeleteOptions> delete_options(const Request& request, const http::Request& http);
std::int64_t seconds_now(const Clock& clock);

}  // namespace datamesh::apiserver

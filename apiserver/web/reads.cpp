// GET of one, of many, and watches.

#include <charconv>

#include "apiserver/web/call.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

Outcome<std::optional<std::uint64_t>> version_option(const Request& request, std::string_view key) {
  const std::string_view text = request.option(key);
  if (text.empty()) return std::optional<std::uint64_t>{};
  std::uint64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) {
    return invalid(
        "meta.k8s.io", "ListOptions", "",
        {{"FieldValueInvalid", "Invalid value: \"" + std::string(text) + "\": must be a number", std::string(key)}});
  }
  return std::optional(value);
}

Outcome<storage::ListOptions> list_options(const Request& request, const View& view, const std::string& ns) {
  storage::ListOptions options;
  options.resource = view.resource->storage;
  options.ns = ns;
  auto rv = version_option(request, "resourceVersion");
  if (!rv) return rv.error();
  options.rv = *rv;
  auto limit = version_option(request, "limit");
  if (!limit) return limit.error();
  options.limit = limit->value_or(0);
  options.continue_token = request.option("continue");
  const std::string_view match = request.option("resourceVersionMatch");
  if (match == "Exact") {
    options.rv_match = storage::RvMatch::Exact;
  } else if (match == "NotOlderThan") {
    options.rv_match = storage::RvMatch::NotOlderThan;
  } else if (!match.empty()) {
    return invalid("meta.k8s.io", "ListOptions", "",
                   {{"FieldValueNotSupported",
                     "Unsupported value: \"" + std::string(match) + "\": supported values: \"Exact\", \"NotOlderThan\"",
                     "resourceVersionMatch"}});
  }
  return options;
}

Outcome<void> check_initial_events(const Request& request) {
  if (request.option("sendInitialEvents").empty()) {
    if (request.option("resourceVersionMatch").empty()) return {};
    return invalid("meta.k8s.io", "ListOptions", "",
                   {{"FieldValueForbidden",
                     "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                     "resourceVersionMatch"}});
  }
  if (request.option("resourceVersionMatch") != "NotOlderThan") {
    return invalid(
        "meta.k8s.io", "ListOptions", "",
        {{"FieldValueForbidden", "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
          "resourceVersionMatch"}});
  }
  return {};
}

}  // namespace

void Handler::read(const CallPtr& call) {
  auto rv = version_option(call->request, "resourceVersion");
  if (!rv) return fail(call, rv.error());
  const std::uint64_t wanted = rv->value_or(0);
  if (call->request.name.empty()) return fail(call, no_such_path());
  // One that is not there yet is waited for, and not on an I/O thread.
  if (wanted > engine_.store().current_rv()) {
    return engine_.slow_pool().post([this, call, wanted] { respond(call, engine_.get(call->target, wanted)); });
  }
  respond(call, engine_.get(call->target));
}

void Handler::list(const CallPtr& call) {
  const Request& request = call->request;
  auto selection = parse_selection(*call->view.resource, *call->view.version, request.option("labelSelector"),
                                   request.option("fieldSelector"));
  if (!selection) return fail(call, selection.error());
  auto options = list_options(request, call->view, call->target.ns);
  if (!options) return fail(call, options.error());
  if (!selection->everything()) {
    options->match = [selection = *selection](const storage::Record& record) { return selection.matches(record); };
  }
  engine_.slow_pool().post([this, call, options = *std::move(options)] {
    const auto found = engine_.store().list(options);
    if (!found) return fail(call, from_storage(found.failure(), *call->view.resource, {}));
    send(call, 200, std::string(content_type(call->view.format)),
         render_list(call->view, *found, seconds_now(engine_.clock())));
  });
}

void Handler::watch(const CallPtr& call) {
  const Request& request = call->request;
  auto selection = parse_selection(*call->view.resource, *call->view.version, request.option("labelSelector"),
                                   request.option("fieldSelector"));
  if (!selection) return fail(call, selection.error());
  if (!request.name.empty()) {
    selection->name = request.name;
    selection->fields.push_back({"metadata.name", true, request.name});
  }
  if (auto ok = check_initial_events(request); !ok) return fail(call, ok.error());
  auto rv = version_option(request, "resourceVersion");
  if (!rv) return fail(call, rv.error());
  auto timeout = version_option(request, "timeoutSeconds");
  if (!timeout) return fail(call, timeout.error());
  WatchRequest wanted;
  wanted.view = call->view;
  wanted.ns = call->target.ns;
  wanted.selection = *std::move(selection);
  wanted.from = *rv;
  wanted.bookmarks = request.flag("allowWatchBookmarks");
  wanted.initial_events = request.flag("sendInitialEvents");
  if (wanted.initial_events && wanted.view.format.form == Form::Table) {
    return fail(call, not_acceptable("sendInitialEvents is not supported for tables"));
  }
  // Spread, so that clients of one moment do not all come back in another.
  const auto spread = static_cast<unsigned char>(random_bytes(1)[0]);
  wanted.timeout = std::chrono::seconds(1800 + 7 * spread);
  if (timeout->value_or(0) > 0) wanted.timeout = std::chrono::seconds(std::min<std::uint64_t>(**timeout, 86'400));
  engine_.slow_pool().post([this, call, wanted = std::move(wanted)] {
    http::Headers headers = {{"Content-Type", std::string(content_type(call->view.format))},
                             {"Audit-Id", call->audit_id},
                             {"Cache-Control", "no-cache, private"}};
    if (auto failure = watches_.open(wanted, std::move(headers), *call->exchange)) return fail(call, *failure);
    if (on_served_) {
      on_served_({"watch", call->request.group, call->request.version, call->request.resource, "",
                  call->request.ns.empty() ? "cluster" : "namespace", 200, engine_.clock().steady() - call->begun});
    }
  });
}

}  // namespace datamesh::apiserver

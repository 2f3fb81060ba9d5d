#include "apiserver/web/handler.hpp"

#include <exception>

#include "apiserver/web/call.hpp"
#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "controller/core/log.hpp"

namespace datamesh::apiserver {

namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";

struct HealthAnswer {
  int status;
  std::string body;
};

// /healthz, /livez and /readyz: whole, with `verbose`, or one check; nothing for any other path.
std::optional<HealthAnswer> health_answer(const Request& request, bool ready) {
  for (const std::string kind : {"healthz", "livez", "readyz"}) {
    if (!request.path.starts_with("/" + kind)) continue;
    const std::string rest = request.path.substr(kind.size() + 1);
    const bool whole = rest.empty() || rest == "/";
    if (!whole && rest.front() != '/') return std::nullopt;
    if (!whole && rest != "/ping" && rest != "/log" && rest != "/startup")
      return HealthAnswer{404, "404 page not found\n"};
    const bool ok = ready || kind != "readyz" || rest == "/ping" || rest == "/log";
    if (!ok) return HealthAnswer{500, "[+]ping ok\n[+]log ok\n[-]startup failed\n" + kind + " check failed\n"};
    if (whole && request.query.contains("verbose")) {
      return HealthAnswer{200, "[+]ping ok\n[+]log ok\n[+]startup ok\n" + kind + " check passed\n"};
    }
    return HealthAnswer{200, "ok"};
  }
  return std::nullopt;
}

Failure no_such_method() {
  Failure failure = method_not_allowed({}, "");
  failure.message = "the server does not allow this method on the requested resource";
  return failure;
}

// Whether the path and method make sense for the kind.
std::optional<Failure> misplaced(const Request& request, const Resource& resource) {
  const bool of_itself = resource.storage == "/namespaces" && request.ns == request.name;
  if (!resource.namespaced && !request.ns.empty() && !of_itself) return no_such_path();
  if (!resource.namespaced || !request.ns.empty()) return std::nullopt;
  // Across namespaces one only looks.
  if (!request.name.empty()) return no_such_path();
  const bool looks = request.verb == Verb::List || request.verb == Verb::Watch;
  if (looks || (resource.review && request.verb == Verb::Create)) return std::nullopt;
  return resource.builtin ? no_such_method() : no_such_path();
}

std::string strip_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string verb_of_path(const std::string& method) {
  if (method == "GET" || method == "HEAD") return method == "GET" ? "get" : "head";
  std::string verb = method;
  for (char& c : verb) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return verb;
}

// A Warning header's text is a quoted string (RFC 9110 section 5.6.4).
std::string warning_header(const std::string& text) {
  std::string out = "299 - \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

std::string paths_document(const Catalog& catalog) {
  Json paths = {"/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"};
  for (const auto& [path, text] : catalog.discovery().plain) paths.push_back(path);
  return Json{{"paths", paths}}.dump();
}

}  // namespace

std::int64_t seconds_now(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
}

Handler::Handler(Engine& engine, Authenticator& authenticator, Watches& watches, Limits limits, OnServed on_served)
    : engine_(engine),
      authenticator_(authenticator),
      watches_(watches),
      limits_(limits),
      on_served_(std::move(on_served)) {}

void Handler::handle(http::Request&& http, std::shared_ptr<http::Exchange> exchange) {
  auto call = std::make_shared<Call>();
  call->http = std::move(http);
  call->exchange = std::move(exchange);
  call->audit_id = random_uuid();
  call->begun = engine_.clock().steady();
  call->in_flight = &in_flight_;
  if (++in_flight_ > limits_.in_flight_max) {
    return fail(call, too_many_requests("too many requests, please try again later", 1));
  }
  // The one place where what the JSON library throws on a wrong type ends: a bug of ours, and no reason to stop.
  try {
    dispatch(call);
  } catch (const std::exception& error) {
    log_error("a request could not be served",
              {{"method", call->http.method}, {"target", call->http.target}, {"error", error.what()}});
    fail(call, internal_error("the request could not be served"));
  }
}

void Handler::dispatch(const CallPtr& call) {
  auto request = parse_request(call->http.method, call->http.target);
  if (!request) return fail(call, request.error());
  call->request = *std::move(request);
  if (auto health = health_answer(call->request, ready_)) {
    return send(call, health->status, kPlainText, std::move(health->body));
  }
  auto user = authenticator_.authenticate(call->http);
  if (!user) return fail(call, user.error());
  call->user = *std::move(user);
  if (auto refused = authorize(*call)) return fail(call, *refused);
  if (call->request.is_resource) return serve_resource(call);
  serve_path(call);
}

std::optional<Failure> Handler::authorize(const Call& call) const {
  const Request& request = call.request;
  Action action;
  if (request.is_resource) {
    action = {std::string(to_string(request.verb)),
              request.group,
              request.resource,
              request.subresource,
              request.ns,
              request.name,
              ""};
    // A list or watch of one name is about that object.
    if (action.name.empty() && (request.verb == Verb::List || request.verb == Verb::Watch)) {
      const std::string_view fields = request.option("fieldSelector");
      if (fields.starts_with("metadata.name=") && fields.find(',') == std::string_view::npos) {
        action.name = fields.substr(std::string_view("metadata.name=").size());
      }
    }
  } else {
    action.verb = verb_of_path(request.method);
    action.path = strip_slash(request.path);
  }
  if (engine_.rbac().authorize(call.user, action)) return std::nullopt;
  if (!request.is_resource) {
    Failure failure = forbidden({}, "", refusal(call.user, action));
    failure.message = "forbidden: " + refusal(call.user, action);
    return failure;
  }
  return forbidden({request.group, request.resource}, request.name, refusal(call.user, action));
}

void Handler::serve_path(const CallPtr& call) {
  const std::string path = strip_slash(call->request.path);
  const std::string_view accept = call->http.headers.get("Accept");
  if (call->request.method != "GET" && call->request.method != "HEAD") {
    return fail(call, method_not_allowed({"", path}, call->request.method));
  }
  const auto catalog = engine_.catalog();
  if (path == "/version") return send(call, 200, "application/json", version_document().dump());
  if (path == "/") return send(call, 200, "application/json", paths_document(*catalog));
  if (path == "/openapi/v2") {
    if (accepts(accept, openapi_v2_protobuf_accepted)) {
      return send(call, 200, std::string(openapi_v2_protobuf_type), catalog->openapi().v2_protobuf);
    }
    return send(call, 200, "application/json", catalog->openapi().v2);
  }
  if (path == "/openapi/v3") return send(call, 200, "application/json", catalog->openapi().v3_index);
  if (path.starts_with("/openapi/v3/")) {
    const auto& documents = catalog->openapi().v3;
    const auto it = documents.find(path.substr(std::string_view("/openapi/v3/").size()));
    if (it == documents.end()) return fail(call, no_such_path());
    return send(call, 200, "application/json", it->second);
  }
  const DiscoveryDocuments& discovery = catalog->discovery();
  const std::string version = discovery_version(accept);
  const auto& aggregated = version == "v2" ? discovery.v2 : discovery.v2beta1;
  if (!version.empty() && aggregated.contains(path)) {
    return send(call, 200, "application/json;g=apidiscovery.k8s.io;v=" + version + ";as=APIGroupDiscoveryList",
                aggregated.at(path));
  }
  const auto it = discovery.plain.find(path);
  if (it == discovery.plain.end()) return fail(call, no_such_path());
  send(call, 200, "application/json", it->second);
}

void Handler::serve_resource(const CallPtr& call) {
  const Request& request = call->request;
  const ResourcePtr resource = engine_.catalog()->find(request.group, request.resource);
  const Version* version = resource ? resource->version(request.version) : nullptr;
  if (version == nullptr) return fail(call, no_such_path());
  if (const auto failure = misplaced(request, *resource)) return fail(call, *failure);
  auto format = negotiate(call->http.headers.get("Accept"));
  if (!format) return fail(call, format.error());
  const auto include = parse_include(request.option("includeObject"));
  if (!include) return fail(call, bad_request("unrecognized includeObject value"));
  call->view = {resource, version, *std::move(format), *include};
  call->target = {resource, version, resource->namespaced ? request.ns : std::string(), request.name,
                  request.subresource};
  const bool token = request.subresource == "token" && resource->storage == "/serviceaccounts";
  const bool finalize = request.subresource == "finalize" && resource->storage == "/namespaces";
  if (resource->review || token) return serve_review(call);
  if (!request.subresource.empty() && !finalize && !(request.subresource == "status" && version->status)) {
    return fail(call, no_such_path());
  }
  // A part of an object is neither made nor deleted.
  if (!request.subresource.empty() && (request.verb == Verb::Delete || request.verb == Verb::Create)) {
    return fail(call, resource->builtin ? no_such_method()
                                        : method_not_allowed(resource->name(), std::string(to_string(request.verb))));
  }
  switch (request.verb) {
    case Verb::Get:
      return read(call);
    case Verb::List:
      return list(call);
    case Verb::Watch:
      return watch(call);
    case Verb::Create:
    case Verb::Update:
    case Verb::Patch:
      return write(call);
    case Verb::Delete:
    case Verb::DeleteCollection:
      return remove(call);
  }
}

void Handler::respond(const CallPtr& call, Outcome<Answer> answer) {
  if (!answer) return fail(call, answer.error());
  // The answer may come on the store's writer thread: only what is asked for as a table is worked on, elsewhere.
  if (call->view.format.form == Form::Plain && !call->view.format.yaml) {
    return send(call, answer->status, "application/json", std::move(answer->body), answer->warnings);
  }
  const auto shared = std::make_shared<Answer>(*std::move(answer));
  engine_.pool().post([this, call, shared] {
    const bool status = shared->body.starts_with("{\"apiVersion\":\"v1\",") &&
                        shared->body.find("\"kind\":\"Status\"") != std::string::npos;
    std::string body = status ? encode(call->view.format, std::move(shared->body))
                              : render_object(call->view, std::move(shared->body), seconds_now(engine_.clock()));
    send(call, shared->status, std::string(content_type(call->view.format)), std::move(body), shared->warnings);
  });
}

void Handler::fail(const CallPtr& call, const Failure& failure) {
  send(call, failure.code, "application/json", to_json(failure), {}, failure.retry_after_seconds);
}

void Handler::send(const CallPtr& call, int status, std::string type, std::string body,
                   const std::vector<std::string>& warnings, int retry_after) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", std::move(type));
  response.headers.add("Audit-Id", call->audit_id);
  response.headers.add("Cache-Control", "no-cache, private");
  for (const std::string& warning : warnings) response.headers.add("Warning", warning_header(warning));
  if (retry_after > 0) response.headers.add("Retry-After", std::to_string(retry_after));
  if (status == 401) response.headers.add("WWW-Authenticate", "Bearer realm=\"datamesh\"");
  response.body = std::move(body);
  call->exchange->respond(std::move(response));
  if (!on_served_) return;
  const Request& request = call->request;
  Served served;
  served.verb = request.is_resource ? std::string(to_string(request.verb)) : verb_of_path(call->http.method);
  // Names that no kind has must not become labels.
  if (call->view.resource) {
    served.group = request.group;
    served.version = request.version;
    served.resource = request.resource;
    served.subresource = request.subresource;
    served.scope = !request.name.empty() ? "resource" : request.ns.empty() ? "cluster" : "namespace";
  }
  served.code = status;
  served.took = engine_.clock().steady() - call->begun;
  on_served_(served);
}

}  // namespace datamesh::apiserver

// POST, PUT, PATCH and DELETE.

#include "apiserver/auth/reviews.hpp"
#include "apiserver/schema/managed_fields.hpp"
#include "apiserver/web/call.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

Failure invalid_option(const char* kind, const std::string& field, const std::string& message) {
  return invalid("meta.k8s.io", kind, "", {{"FieldValueInvalid", message, field}});
}

Outcome<bool> dry_run_of(const Request& request) {
  const std::string_view text = request.option("dryRun");
  if (text.empty()) return false;
  if (text == "All") return true;
  return invalid_option("CreateOptions", "dryRun",
                        "Unsupported value: \"" + std::string(text) + "\": supported values: \"All\"");
}

std::optional<PatchKind> patch_kind(std::string_view type) {
  if (type == "application/json-patch+json") return PatchKind::Json;
  if (type == "application/merge-patch+json") return PatchKind::Merge;
  if (type == "application/strategic-merge-patch+json") return PatchKind::Strategic;
  if (type == "application/apply-patch+yaml" || type == "application/apply-patch+json") return PatchKind::Apply;
  return std::nullopt;
}

std::string supported_patches(bool builtin) {
  return std::string(
             "the body of the request was in an unknown format - accepted media types include: "
             "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml") +
         (builtin ? ", application/strategic-merge-patch+json" : "");
}

std::optional<Propagation> propagation_of(std::string_view text) {
  if (text == "Background") return Propagation::Background;
  if (text == "Foreground") return Propagation::Foreground;
  if (text == "Orphan") return Propagation::Orphan;
  return std::nullopt;
}

}  // namespace

Outcome<WriteContext> write_context(const Request& request, const http::Request& http, const User& user) {
  WriteContext context;
  context.user = user;
  auto dry_run = dry_run_of(request);
  if (!dry_run) return dry_run.error();
  context.dry_run = *dry_run;
  context.manager = request.option("fieldManager");
  if (const FieldErrors errors = validate_manager(context.manager, false); !errors.empty()) {
    return invalid_option("PatchOptions", errors[0].field, errors[0].body);
  }
  const std::string_view validation = request.option("fieldValidation");
  if (validation == "Strict") {
    context.validation = FieldValidation::Strict;
  } else if (validation == "Ignore") {
    context.validation = FieldValidation::Ignore;
  } else if (!validation.empty() && validation != "Warn") {
    return invalid_option(
        "CreateOptions", "fieldValidation",
        "Unsupported value: \"" + std::string(validation) + "\": supported values: \"Ignore\", \"Strict\", \"Warn\"");
  }
  if (context.manager.empty()) context.manager = default_manager(http.headers.get("User-Agent"));
  return context;
}

Outcome<DeleteOptions> delete_options(const Request& request, const http::Request& http) {
  DeleteOptions options;
  std::string propagation(request.option("propagationPolicy"));
  auto dry_run = dry_run_of(request);
  if (!dry_run) return dry_run.error();
  options.dry_run = *dry_run;
  if (!http.body.empty()) {
    std::vector<std::string> duplicates;
    const auto body = decode_body(http.headers.get("Content-Type"), http.body, duplicates);
    if (!body) return body.error();
    if (!body->is_object()) return bad_request("the DeleteOptions are not an object");
    options.uid = string_at(*body, {"preconditions", "uid"});
    options.resource_version = string_at(*body, {"preconditions", "resourceVersion"});
    if (const std::string text = string_at(*body, {"propagationPolicy"}); !text.empty()) propagation = text;
    const Json* orphan = find(*body, {"orphanDependents"});
    if (orphan != nullptr && orphan->is_boolean()) propagation = orphan->get<bool>() ? "Orphan" : "Background";
    const Json* dry = find(*body, {"dryRun"});
    if (dry != nullptr && dry->is_array() && !dry->empty()) {
      if (*dry != Json{"All"}) {
        return invalid_option("DeleteOptions", "dryRun", "Unsupported value: supported values: \"All\"");
      }
      options.dry_run = true;
    }
  }
  if (propagation.empty()) return options;
  options.propagation = propagation_of(propagation);
  if (!options.propagation) {
    return invalid_option(
        "DeleteOptions", "propagationPolicy",
        "Unsupported value: \"" + propagation + "\": supported values: \"Background\", \"Foreground\", \"Orphan\"");
  }
  return options;
}

void Handler::write(const CallPtr& call) {
  const Request& request = call->request;
  const bool named = !request.name.empty();
  if (request.verb == Verb::Create && named)
    return fail(call, method_not_allowed(call->target.resource->name(), "create"));
  if (request.verb != Verb::Create && !named) {
    return fail(call, method_not_allowed(call->target.resource->name(), std::string(to_string(request.verb))));
  }
  if (request.verb == Verb::Create && call->target.resource->namespaced && call->target.ns.empty()) {
    return fail(call, bad_request("an empty namespace may not be set during creation"));
  }
  auto context = write_context(request, call->http, call->user);
  if (!context) return fail(call, context.error());
  const std::string_view type = call->http.headers.get("Content-Type");
  const auto kind = patch_kind(media_type(type));
  if (request.verb == Verb::Patch) {
    const bool builtin = call->target.resource->builtin;
    if (!kind || (*kind == PatchKind::Strategic && !builtin)) {
      return fail(call, unsupported_media_type(supported_patches(builtin)));
    }
    if (*kind == PatchKind::Apply) context->manager = request.option("fieldManager");
  }
  auto body = decode_body(type, call->http.body, context->duplicates);
  if (!body) return fail(call, body.error());
  call->http.body = {};
  const auto done = [this, call](Outcome<Answer> answer) { respond(call, std::move(answer)); };
  if (request.verb == Verb::Create) {
    engine_.create(call->target, *std::move(body), *std::move(context), done);
  } else if (request.verb == Verb::Update) {
    engine_.update(call->target, *std::move(body), *std::move(context), done);
  } else {
    engine_.patch(call->target, *kind, *std::move(body), request.flag("force"), *std::move(context), done);
  }
}

void Handler::remove(const CallPtr& call) {
  const Request& request = call->request;
  auto context = write_context(request, call->http, call->user);
  if (!context) return fail(call, context.error());
  auto options = delete_options(request, call->http);
  if (!options) return fail(call, options.error());
  context->dry_run = options->dry_run;
  if (request.verb == Verb::Delete) {
    engine_.remove(call->target, *std::move(options), *std::move(context),
                   [this, call](Outcome<Answer> answer) { respond(call, std::move(answer)); });
    return;
  }
  if (call->target.resource->storage == "/namespaces") {
    return fail(call, method_not_allowed(call->target.resource->name(), "deletecollection"));
  }
  auto selection = parse_selection(*call->view.resource, *call->view.version, request.option("labelSelector"),
                                   request.option("fieldSelector"));
  if (!selection) return fail(call, selection.error());
  engine_.slow_pool().post(
      [this, call, selection = *std::move(selection), options = *std::move(options), context = *std::move(context)] {
        respond(call, engine_.remove_collection(
                          call->target, [&](const storage::Record& record) { return selection.matches(record); },
                          options, context));
      });
}

void Handler::serve_review(const CallPtr& call) {
  const Request& request = call->request;
  const Resource& resource = *call->target.resource;
  if (request.verb != Verb::Create) {
    return fail(call, method_not_allowed(resource.name(), std::string(to_string(request.verb))));
  }
  std::vector<std::string> duplicates;
  auto body = decode_body(call->http.headers.get("Content-Type"), call->http.body, duplicates);
  if (!body) return fail(call, body.error());
  if (!body->is_object() || (body->contains("metadata") && !(*body)["metadata"].is_object())) {
    return fail(call, bad_request("the object provided is not a valid review"));
  }
  if (body->contains("spec") && !(*body)["spec"].is_object()) return fail(call, bad_request("spec must be an object"));
  auto answer =
      request.subresource == "token"
          ? create_token(authenticator_, engine_.store(), engine_.clock(), request.ns, request.name, *std::move(body))
          : answer_review(authenticator_, engine_.rbac(), call->user, resource, request.ns, *std::move(body));
  if (!answer) return fail(call, answer.error());
  if (request.subresource != "token") {
    (*answer)["kind"] = resource.kind;
    (*answer)["apiVersion"] = resource.api_version(request.version);
    if (!answer->contains("metadata")) (*answer)["metadata"] = Json::object();
  }
  respond(call, Answer{201, answer->dump(), {}});
}

}  // namespace datamesh::apiserver

#include "apiserver/prepare.hpp"

#include <algorithm>

#include "apiserver/kinds.hpp"
#include "apiserver/object.hpp"
#include "apiserver/schema/managed_fields.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

enum class Ownership { Track, Applied };

Failure invalid_object(const Target& target, const std::string& name, const FieldErrors& errors) {
  std::vector<Cause> list;
  for (const FieldError& error : errors) {
    list.push_back({std::string(cause_reason(error.type)), error.body, error.field});
  }
  return invalid(target.resource->group, target.resource->kind, name, std::move(list));
}

Failure cannot_handle(const Target& target, const std::string& why) {
  return bad_request(target.resource->kind + " in version \"" + target.version->name + "\" cannot be handled as a " +
                     target.resource->kind + ": " + why);
}

bool is_string_map(const Json& value) {
  return value.is_object() &&
         std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); });
}

bool is_string_list(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); });
}

// The rest of the code relies on these types; a decoder of typed objects would refuse them.
std::string metadata_type_problem(const Json& metadata) {
  if (!metadata.is_object()) return "metadata must be an object";
  const auto wrong = [&](const char* key, auto check) {
    const auto it = metadata.find(key);
    return it != metadata.end() && !it->is_null() && !check(*it);
  };
  const auto is_string = [](const Json& value) { return value.is_string(); };
  for (const char* key :
       {"name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"}) {
    if (wrong(key, is_string)) return std::string("metadata.") + key + " must be a string";
  }
  if (wrong("labels", is_string_map)) return "metadata.labels must be a map of strings";
  if (wrong("annotations", is_string_map)) return "metadata.annotations must be a map of strings";
  if (wrong("finalizers", is_string_list)) return "metadata.finalizers must be a list of strings";
  for (const char* key : {"ownerReferences", "managedFields"}) {
    if (wrong(key, [](const Json& value) {
          return value.is_array() &&
                 std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_object(); });
        })) {
      return std::string("metadata.") + key + " must be a list of objects";
    }
  }
  return {};
}

Outcome<void> check_identity(const Target& target, Json& object) {
  if (!object.is_object()) return bad_request("the object provided is not a JSON object");
  const std::string api_version = target.resource->api_version(target.version->name);
  const std::string sent_version = string_at(object, {"apiVersion"});
  const std::string sent_kind = string_at(object, {"kind"});
  if (sent_kind.empty() && target.resource->builtin) object["kind"] = target.resource->kind;
  if (sent_version.empty() && target.resource->builtin) object["apiVersion"] = api_version;
  if (string_at(object, {"kind"}).empty()) return bad_request("Object 'Kind' is missing in the body of the request");
  if (string_at(object, {"apiVersion"}) != api_version) {
    return bad_request("the API version in the data (" + sent_version + ") does not match the expected API version (" +
                       api_version + ")");
  }
  if (string_at(object, {"kind"}) != target.resource->kind) {
    return bad_request("the kind in the data (" + sent_kind + ") does not match the expected kind (" +
                       target.resource->kind + ")");
  }
  if (!object.contains("metadata") || object["metadata"].is_null()) object["metadata"] = Json::object();
  Json& metadata = object["metadata"];
  if (const std::string problem = metadata_type_problem(metadata); !problem.empty()) {
    return cannot_handle(target, problem);
  }
  for (auto it = metadata.begin(); it != metadata.end();) it = it->is_null() ? metadata.erase(it) : std::next(it);
  if (target.resource->namespaced) {
    const std::string ns = string_at(metadata, {"namespace"});
    if (ns.empty()) {
      metadata["namespace"] = target.ns;
    } else if (ns != target.ns) {
      return bad_request("the namespace of the provided object does not match the namespace sent on the request");
    }
  } else {
    metadata.erase("namespace");
  }
  const std::string name = string_at(metadata, {"name"});
  if (!target.name.empty() && name.empty()) {
    metadata["name"] = target.name;
  } else if (!target.name.empty() && name != target.name) {
    return bad_request("the name of the object (" + name + ") does not match the name on the URL (" + target.name +
                       ")");
  }
  return {};
}

// Unknown and repeated fields, as fieldValidation asks.
Outcome<void> prune_fields(const Target& target, Json& object, const WriteContext& context,
                           std::vector<std::string>& warnings) {
  const std::vector<std::string> unknown = prune(object, target.version->schema);
  if (context.validation == FieldValidation::Ignore || (unknown.empty() && context.duplicates.empty())) return {};
  if (context.validation == FieldValidation::Strict) {
    return cannot_handle(target, strict_decoding_error(unknown, context.duplicates));
  }
  for (const std::string& path : context.duplicates) warnings.push_back("duplicate field \"" + path + "\"");
  for (const std::string& path : unknown) warnings.push_back("unknown field \"" + path + "\"");
  return {};
}

// A built-in kind's fields have types that a typed decoder would insist on.
Outcome<void> check_types(const Target& target, const Json& object) {
  if (!target.resource->builtin) return {};
  for (const FieldError& error : validate(object, target.version->schema)) {
    if (error.type == FieldErrorType::TypeInvalid) return cannot_handle(target, to_string(error));
  }
  return {};
}

Outcome<void> admit(const Target& target, const Json* before, const Json* after, const WriteContext& context) {
  if (context.admission == nullptr || !*context.admission) return {};
  const std::vector<api::Problem> problems = (*context.admission)(before, after, context.user);
  if (problems.empty()) return {};
  const std::string name = string_at(after != nullptr ? *after : *before, {"metadata", "name"});
  if (after == nullptr) return forbidden(target.resource->name(), name, api::join(problems));
  std::vector<Cause> list;
  for (const api::Problem& problem : problems) {
    const std::string value = problem.value.empty() ? std::string() : "Invalid value: " + problem.value + ": ";
    list.push_back({"FieldValueInvalid", value + problem.message, problem.path});
  }
  return invalid(target.resource->group, target.resource->kind, name, std::move(list));
}

Writer writer_of(const Target& target, const WriteContext& context) {
  return {context.manager, target.resource->api_version(target.version->name), target.subresource, context.now,
          owns_status_apart(*target.resource, *target.version)};
}

// Everything that does not count as a change of what is wished for.
bool same_wish(const Json& a, const Json& b, bool status_apart) {
  const auto relevant = [&](const std::string& key) { return key != "metadata" && !(status_apart && key == "status"); };
  for (const auto& [key, value] : a.items()) {
    if (relevant(key) && (!b.contains(key) || b[key] != value)) return false;
  }
  for (const auto& [key, value] : b.items()) {
    if (relevant(key) && !a.contains(key)) return false;
  }
  return true;
}

Outcome<void> refuse_terminating(const Target& target) {
  if (!target.resource->terminating) return {};
  Failure failure = method_not_allowed(target.resource->name(), "create");
  failure.message = "create not allowed while custom resource definition is terminating";
  return failure;
}

void set_or_erase(Json& metadata, const char* key, const Json& from) {
  const auto it = from.find(key);
  if (it == from.end()) {
    metadata.erase(key);
  } else {
    metadata[key] = *it;
  }
}

Outcome<Prepared> finish_create(const Target& target, Json object, const WriteContext& context, Ownership ownership) {
  if (auto ok = refuse_terminating(target); !ok) return ok.error();
  const Resource& resource = *target.resource;
  Prepared out;
  if (ownership == Ownership::Track) {
    if (auto ok = prune_fields(target, object, context, out.warnings); !ok) return ok.error();
  }
  if (auto ok = check_types(target, object); !ok) return ok.error();
  Json& metadata = object["metadata"];
  const std::string given = string_at(metadata, {"name"});
  if (!string_at(metadata, {"resourceVersion"}).empty()) {
    return bad_request("resourceVersion should not be set on objects to be created");
  }
  for (const char* key : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"})
    metadata.erase(key);
  metadata.erase("resourceVersion");
  if (given.empty() && !string_at(metadata, {"generateName"}).empty()) {
    metadata["name"] = generated_name(string_at(metadata, {"generateName"}), context.name_suffix);
  }
  metadata["uid"] = context.uid;
  metadata["creationTimestamp"] = context.now;
  if (has_generation(resource)) metadata["generation"] = 1;
  if (owns_status_apart(resource, *target.version)) object.erase("status");
  prepare_kind(resource, object, nullptr, target.subresource, *context.crds, context.now);
  apply_defaults(object, target.version->schema);
  if (!target.version->deprecation_warning.empty()) out.warnings.push_back(target.version->deprecation_warning);

  FieldErrors errors = validate_metadata(object["metadata"], resource.namespaced, resource.names);
  for (FieldError& error : validate(object, target.version->schema)) errors.push_back(std::move(error));
  for (FieldError& error : validate_kind(resource, object, nullptr)) errors.push_back(std::move(error));
  const std::string name = string_at(object, {"metadata", "name"});
  if (!errors.empty()) return invalid_object(target, name, errors);
  if (is_rbac(resource)) {
    if (auto ok = check_escalation(*context.rbac, context.user, resource, object, nullptr); !ok) return ok.error();
  }
  if (ownership == Ownership::Track) {
    track_update(nullptr, object, writer_of(target, context), target.version->schema);
  }
  if (auto ok = admit(target, nullptr, &object, context); !ok) return ok.error();
  out.object() = std::move(object);
  return out;
}

// What a sub-resource lets through of the wished object.
void keep_own_part(const Target& target, const Json& live, Json& object) {
  if (target.subresource == "status") {
    Json whole = live;
    if (object.contains("status")) {
      whole["status"] = std::move(object["status"]);
    } else {
      whole.erase("status");
    }
    set_or_erase(whole["metadata"], "managedFields", object["metadata"]);
    object = std::move(whole);
  } else if (target.subresource == "finalize") {
    Json whole = live;
    const Json* finalizers = find(object, {"spec", "finalizers"});
    whole["spec"]["finalizers"] = finalizers == nullptr || !finalizers->is_array() ? Json::array() : *finalizers;
    object = std::move(whole);
  } else if (owns_status_apart(*target.resource, *target.version)) {
    if (live.contains("status")) {
      object["status"] = live["status"];
    } else {
      object.erase("status");
    }
  }
}

Outcome<void> check_preconditions(const Target& target, const Json& live, Json& metadata) {
  const std::string name = string_at(live, {"metadata", "name"});
  const std::string uid = string_at(metadata, {"uid"});
  const std::string live_uid = string_at(live, {"metadata", "uid"});
  if (!uid.empty() && uid != live_uid) {
    return conflict(target.resource->name(), name,
                    "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + live_uid);
  }
  const std::string wanted = string_at(metadata, {"resourceVersion"});
  if (!wanted.empty() && wanted != "0" && wanted != string_at(live, {"metadata", "resourceVersion"})) {
    return modified(target.resource->name(), name);
  }
  return {};
}

Outcome<Prepared> finish_update(const Target& target, const Json& live, Json object, const WriteContext& context,
                                Ownership ownership) {
  const Resource& resource = *target.resource;
  Prepared out;
  if (auto ok = check_preconditions(target, live, object["metadata"]); !ok) return ok.error();
  if (ownership == Ownership::Track) {
    if (auto ok = prune_fields(target, object, context, out.warnings); !ok) return ok.error();
  }
  if (auto ok = check_types(target, object); !ok) return ok.error();
  keep_own_part(target, live, object);
  const Json& old = live["metadata"];
  Json& metadata = object["metadata"];
  for (const char* key : {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if (!metadata.contains(key)) set_or_erase(metadata, key, old);
  }
  set_or_erase(metadata, "resourceVersion", old);
  set_or_erase(metadata, "generation", old);
  metadata.erase("selfLink");
  prepare_kind(resource, object, &live, target.subresource, *context.crds, context.now);
  apply_defaults(object, target.version->schema);
  if (!target.version->deprecation_warning.empty()) out.warnings.push_back(target.version->deprecation_warning);

  FieldErrors errors = validate_metadata(object["metadata"], resource.namespaced, resource.names);
  for (FieldError& error : validate_metadata_update(object["metadata"], old)) errors.push_back(std::move(error));
  ValidateOptions options;
  options.old_object = &live;
  options.status_only = target.subresource == "status";
  for (FieldError& error : validate(object, target.version->schema, options)) errors.push_back(std::move(error));
  for (FieldError& error : validate_kind(resource, object, &live)) errors.push_back(std::move(error));
  if (!errors.empty()) return invalid_object(target, string_at(live, {"metadata", "name"}), errors);
  if (is_rbac(resource)) {
    if (auto ok = check_escalation(*context.rbac, context.user, resource, object, &live); !ok) return ok.error();
  }
  if (has_generation(resource) && target.subresource != "status" &&
      !same_wish(object, live, owns_status_apart(resource, *target.version))) {
    const Json* generation = find(live, {"metadata", "generation"});
    object["metadata"]["generation"] =
        (generation != nullptr && generation->is_number_integer() ? generation->get<std::int64_t>() : 0) + 1;
  }
  if (ownership == Ownership::Track) track_update(&live, object, writer_of(target, context), target.version->schema);
  if (target.subresource.empty()) {
    if (auto ok = admit(target, &live, &object, context); !ok) return ok.error();
  }
  out.remove = is_deleting(object) && may_go(resource, object);
  out.unchanged = !out.remove && object == live;
  out.object() = std::move(object);
  return out;
}

}  // namespace

Prepared::Prepared() : object_(std::make_unique<Json>()) {}
Prepared::~Prepared() = default;
Prepared::Prepared(Prepared&&) noexcept = default;
Prepared& Prepared::operator=(Prepared&&) noexcept = default;

Outcome<Prepared> prepare_create(const Target& target, Json object, const WriteContext& context) {
  if (auto ok = check_identity(target, object); !ok) return ok.error();
  return finish_create(target, std::move(object), context, Ownership::Track);
}

Outcome<Prepared> prepare_update(const Target& target, const Json& live, Json object, const WriteContext& context) {
  if (auto ok = check_identity(target, object); !ok) return ok.error();
  return finish_update(target, live, std::move(object), context, Ownership::Track);
}

Outcome<Prepared> prepare_apply(const Target& target, const Json* live, Json sent, bool force,
                                const WriteContext& context) {
  if (auto ok = check_identity(target, sent); !ok) return ok.error();
  if (const FieldErrors errors = validate_manager(context.manager, true); !errors.empty()) {
    return invalid("meta.k8s.io", "PatchOptions", "",
                   {{std::string(cause_reason(errors[0].type)), errors[0].body, errors[0].field}});
  }
  std::vector<std::string> warnings;
  if (auto ok = prune_fields(target, sent, context, warnings); !ok) return ok.error();
  if (live != nullptr) {
    if (auto ok = check_preconditions(target, *live, sent["metadata"]); !ok) return ok.error();
  } else if (!string_at(sent, {"metadata", "uid"}).empty()) {
    return conflict(target.resource->name(), target.name,
                    "uid mismatch: the provided object specified uid " + string_at(sent, {"metadata", "uid"}) +
                        ", and no existing object was found");
  }
  const Applied applied = apply(live, sent, writer_of(target, context), target.version->schema, force);
  if (applied.bad_request) return bad_request(*applied.bad_request);
  if (!applied.conflicts.empty()) {
    std::vector<Cause> list;
    for (const ApplyConflict& conflict : applied.conflicts) {
      list.push_back({"FieldManagerConflict", "conflict with " + conflict.manager, conflict.path});
    }
    return apply_conflict(std::move(list), conflict_message(applied.conflicts));
  }
  Json object = applied.object();
  if (live == nullptr) object["metadata"].erase("resourceVersion");
  auto out = live == nullptr ? finish_create(target, std::move(object), context, Ownership::Applied)
                             : finish_update(target, *live, std::move(object), context, Ownership::Applied);
  if (out) out->warnings.insert(out->warnings.begin(), warnings.begin(), warnings.end());
  return out;
}

Outcome<Prepared> prepare_delete(const Target& target, const Json& live, const DeleteOptions& options,
                                 const WriteContext& context) {
  const std::string name = string_at(live, {"metadata", "name"});
  const GroupResource resource = target.resource->name();
  const std::string uid = string_at(live, {"metadata", "uid"});
  const std::string version = string_at(live, {"metadata", "resourceVersion"});
  if (!options.uid.empty() && options.uid != uid) {
    return conflict(resource, name,
                    "Precondition failed: UID in precondition: " + options.uid + ", UID in object meta: " + uid);
  }
  if (!options.resource_version.empty() && options.resource_version != version) {
    return conflict(resource, name,
                    "Precondition failed: ResourceVersion in precondition: " + options.resource_version +
                        ", ResourceVersion in object meta: " + version);
  }
  if (target.resource->storage == "/namespaces" && (name == "default" || name == "kube-system")) {
    return forbidden(resource, name, "this namespace may not be deleted");
  }
  if (!is_deleting(live)) {
    if (auto ok = admit(target, &live, nullptr, context); !ok) return ok.error();
  }
  Prepared out;
  Json object = live;
  if (options.propagation || !is_deleting(live)) {
    auto finalizers = finalizers_of(object);
    std::erase(finalizers, kForegroundFinalizer);
    std::erase(finalizers, kOrphanFinalizer);
    if (options.propagation == Propagation::Foreground) finalizers.emplace_back(kForegroundFinalizer);
    if (options.propagation == Propagation::Orphan) finalizers.emplace_back(kOrphanFinalizer);
    set_finalizers(object, finalizers);
  }
  out.remove = may_go(*target.resource, object);
  if (!is_deleting(object)) {
    object["metadata"]["deletionTimestamp"] = context.now;
    object["metadata"]["deletionGracePeriodSeconds"] = 0;
    if (target.resource->storage == "/namespaces") object["status"]["phase"] = "Terminating";
    if (object["metadata"].contains("generation")) {
      object["metadata"]["generation"] = object["metadata"]["generation"].get<std::int64_t>() + 1;
    }
  }
  out.unchanged = !out.remove && object == live;
  out.object() = std::move(object);
  return out;
}

}  // namespace datamesh::apiserver

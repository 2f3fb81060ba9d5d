#include "api/backend.hpp"

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

using std::chrono::milliseconds;

constexpr Words<Platform, 4> kPlatforms{{{"Auto", Platform::Auto},
                                         {"Process", Platform::Process},
                                         {"Kubernetes", Platform::Kubernetes},
                                         {"Swarm", Platform::Swarm}}};
constexpr Words<ManagedScope, 2> kScopes{{{"Mesh", ManagedScope::Mesh}, {"Domain", ManagedScope::Domain}}};
constexpr milliseconds kSyncLeast = std::chrono::seconds(1), kSyncMost = std::chrono::hours(24);

BackendStatus read_status(const Node& root) {
  const Node node = root.object("status");
  const Node resources = node.object("resources");
  BackendStatus status;
  status.observed_generation = node.number("observedGeneration", -1);
  status.conditions = read_conditions(node);
  status.version = node.text("version");
  status.resources = {resources.number("managed", 0), resources.number("drifted", 0), resources.number("held", 0),
                      resources.number("foreign", 0), resources.number("retained", 0)};
  status.last_handled_request = node.text("lastHandledRequest");
  return status;
}

// scheme://rest, and no user or password in it: those belong into a Secret.
void check_endpoint(const std::string& endpoint, Findings& findings) {
  constexpr std::string_view path = "spec.external.endpoint";
  if (endpoint.empty()) return findings.missing(std::string(path));
  const std::size_t scheme = endpoint.find("://");
  const bool lower = scheme != std::string::npos && scheme > 0 && endpoint[0] >= 'a' && endpoint[0] <= 'z' &&
                     endpoint.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+.-") == scheme;
  if (!lower) return findings.add(std::string(path), endpoint, "must be a URL such as postgres://db.example:5432/mesh");
  if (endpoint.find('@') != std::string::npos)
    findings.add(std::string(path), endpoint.substr(0, scheme) + "://...@...",
                 "must not contain credentials: put them into the Secret of spec.external.credentialsRef");
}

bool is_engine(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text[0] >= 'a' && text[0] <= 'z' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

bool is_quantity(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (text.empty() || digits == std::string_view::npos) return true;
  if (digits == 0) return false;
  std::string_view unit = text.substr(digits);
  if (unit[0] == '.') {
    const std::size_t fraction = unit.find_first_not_of("0123456789", 1);
    if (fraction == 1 || unit.size() == 1) return false;
    unit = fraction == std::string_view::npos ? "" : unit.substr(fraction);
  }
  for (std::string_view known : {"", "Ki", "Mi", "Gi", "Ti", "Pi", "k", "M", "G", "T", "P"})
    if (unit == known) return true;
  return false;
}

}  // namespace

Backend read_backend(const Json& object, std::vector<Problem>& problems) {
  std::vector<Problem> ignored;
  const Node root(object, problems);
  Backend backend;
  backend.metadata = read_metadata(root, false);
  const Node spec = root.required_object("spec");
  backend.engine = spec.required_text("engine");
  if (const Node external = spec.object("external"); external.given()) {
    const Node secret = external.object("credentialsRef");
    backend.external = ExternalBackend{external.required_text("endpoint"),
                                       {secret.required_text("namespace"), secret.required_text("name")}};
  }
  if (const Node managed = spec.object("managed"); managed.given())
    backend.managed = ManagedBackend{managed.choice("platform", kPlatforms, Platform::Auto),
                                     managed.choice("scope", kScopes, ManagedScope::Mesh), managed.text("version"),
                                     managed.text("storage")};
  backend.domains = spec.texts("domains");
  backend.sync_interval = spec.duration("syncInterval").value_or(backend.sync_interval);
  const Node limits = spec.object("limits");
  backend.deletes_per_pass = limits.number("deletesPerPass", backend.deletes_per_pass);
  backend.status = read_status(Node(object, ignored));
  add_new(problems, validate(backend));
  return backend;
}

std::vector<Problem> validate(const Backend& backend) {
  Findings findings;
  findings.subdomain(backend.metadata.name, "metadata.name");
  if (!is_engine(backend.engine)) {
    if (backend.engine.empty())
      findings.missing("spec.engine");
    else
      findings.add("spec.engine", backend.engine, "must be the name of an engine: postgresql, nats, memory");
  }
  if (backend.external && backend.managed)
    findings.add("spec.managed", "", "must not be given together with spec.external: exactly one of the two");
  if (!backend.external && !backend.managed) findings.add("spec", "", "must have exactly one of external and managed");
  if (backend.external) {
    check_endpoint(backend.external->endpoint, findings);
    const NamespacedRef& secret = backend.external->credentials_ref;
    if (!secret.ns.empty() || !secret.name.empty()) {
      findings.label(secret.ns, "spec.external.credentialsRef.namespace");
      findings.subdomain(secret.name, "spec.external.credentialsRef.name");
    }
  }
  if (backend.managed && !is_quantity(backend.managed->storage))
    findings.add("spec.managed.storage", backend.managed->storage, "must be a size such as 10Gi");
  for (std::size_t i = 0; i < backend.domains.size(); ++i)
    findings.label(backend.domains[i], at_index("spec.domains", i));
  findings.distinct(backend.domains, "spec.domains");
  if (backend.sync_interval < kSyncLeast || backend.sync_interval > kSyncMost)
    findings.add("spec.syncInterval", format_duration(backend.sync_interval), "must be from 1s to 24h");
  if (backend.deletes_per_pass < 0)
    findings.add("spec.limits.deletesPerPass", backend.deletes_per_pass, "must be 0 or more");
  return findings.take();
}

Json encode_spec(const Backend& backend) {
  Json spec = {{"engine", backend.engine},
               {"syncInterval", format_duration(backend.sync_interval)},
               {"limits", {{"deletesPerPass", backend.deletes_per_pass}}}};
  if (backend.external) {
    spec["external"] = {{"endpoint", backend.external->endpoint}};
    const NamespacedRef& secret = backend.external->credentials_ref;
    if (!secret.name.empty()) spec["external"]["credentialsRef"] = {{"namespace", secret.ns}, {"name", secret.name}};
  }
  if (backend.managed) {
    Json& managed = spec["managed"];
    managed = {{"platform", word_of(kPlatforms, backend.managed->platform)},
               {"scope", word_of(kScopes, backend.managed->scope)}};
    put_text(managed, "version", backend.managed->version);
    put_text(managed, "storage", backend.managed->storage);
  }
  put_texts(spec, "domains", backend.domains);
  return spec;
}

Json encode_status(const BackendStatus& status) {
  Json json = {{"observedGeneration", status.observed_generation},
               {"conditions", write_conditions(status.conditions)},
               {"resources",
                {{"managed", status.resources.managed},
                 {"drifted", status.resources.drifted},
                 {"held", status.resources.held},
                 {"foreign", status.resources.foreign},
                 {"retained", status.resources.retained}}}};
  put_text(json, "version", status.version);
  put_text(json, "lastHandledRequest", status.last_handled_request);
  return json;
}

}  // namespace datamesh::api

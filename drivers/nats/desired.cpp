#include "drivers/nats/desired.hpp"

#include "drivers/nats/names.hpp"

namespace datamesh::nats {
namespace {

StreamSpec stream_spec(const mesh::Port& port) {
  StreamSpec spec;
  spec.urn = mesh::urn(port.key);
  spec.subjects = {subject(port.key)};
  if (port.retention) spec.max_age_ns = std::chrono::nanoseconds(*port.retention).count();
  if (port.max_bytes) spec.max_bytes = *port.max_bytes;
  spec.replicas = port.replicas;
  return spec;
}

}  // namespace

Desired<Spec> desired(const Keyring& keys, const mesh::Workload& workload) {
  Desired<Spec> all;
  all.held = workload.held;
  for (const auto& domain : workload.domains) {
    const auto bare =
        bare_account(keys.operator_key(), keys.of(domain.name), domain.name, Mark{domain.owner, false, false, ""});
    all.resources.emplace(account_id(domain.name), Wanted<Spec>{bare.base, domain.owner});
    for (const auto& member : domain.members) {
      if (!nkeys::is_public_key(member.credential_version, nkeys::KeyType::Account)) continue;
      const MemberSpec spec{
          member.credential_version,
          member_permissions(domain.name, mesh::member_principal(domain.name, workload.backend, member.username),
                             member.producer)};
      all.resources.emplace(member_id(domain.name, member.username), Wanted<Spec>{spec, domain.owner});
    }
  }
  for (const auto& port : workload.ports) {
    if (port.type != mesh::PortType::Topic) {
      all.held.insert(port.owner);
      continue;
    }
    all.resources.emplace(stream_id(port.key.domain, stream_name(port.key)),
                          Wanted<Spec>{stream_spec(port), port.owner, port.keep, port.adopt});
  }
  for (const auto& access : workload.accesses) {
    const std::string stream = stream_name(access.port);
    const auto& provider = access.port.domain;
    all.resources.emplace(consumer_id(provider, stream, durable_name(access.subscription)),
                          Wanted<Spec>{ConsumerSpec{}, access.subscription});
    if (!nkeys::is_public_key(access.credential_version, nkeys::KeyType::Account)) continue;
    all.resources.emplace(access_id(access.consumer_domain, access.subscription),
                          Wanted<Spec>{access_spec(access.credential_version, keys.of(provider).account.id(), provider,
                                                   access.consumer_domain, stream, access.subscription),
                                       access.subscription});
  }
  return all;
}

}  // namespace datamesh::nats

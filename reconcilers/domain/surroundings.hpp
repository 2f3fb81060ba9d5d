#pragma once
// What a Domain has in the cluster: its namespaces carry its label, and in each are the RoleBindings of its team and,
// with a quota, a ResourceQuota. All carry kDomainLabel; that is how they are watched.
//
// Rules. A namespace that was there before is labelled and otherwise left alone; none is ever deleted, whoever made it.
// A RoleBinding or ResourceQuota of our name in a namespace of a Domain is ours; what has the label and another name is
// not. Who is responsible for a labelled object: the Domain that owns its namespace; where none does, the one that the
// label names. What a responsible Domain does not want goes: the label from a namespace, the object otherwise.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "reconcilers/context.hpp"

namespace datamesh {

inline constexpr std::string_view kDomainLabel = "datamesh.dev/domain";
inline constexpr std::string_view kQuotaName = "datamesh";  // of the ResourceQuota

// The kinds to watch, and the label selector to watch them with.
const std::vector<kube::ResourceType>& surrounding_types();
std::string surrounding_selector();
bool is_surrounding(std::string_view kind);
const kube::ResourceType& resource_quotas();

// Takes what a watch delivers; answers the Domains to look at, none when nothing that counts has changed.
mesh::Dirty take_surrounding(const Context& context, const nlohmann::json& object);
mesh::Dirty take_surrounding_removal(const Context& context, const ObjectKey& key);

// Pure: all of them that should exist.
std::vector<nlohmann::json> surroundings_of(const api::Domain& domain, const std::vector<std::string>& namespaces);
// Pure: what is compared of an object; nullopt: it does not carry the label.
std::optional<Surrounding> surrounding_of(const nlohmann::json& object);

// Compares what the watches saw with `wanted`, and writes what differs against the live object: nothing is read or
// written when nothing differs. An objection (NamespaceTerminating, NamespaceFailed) says what could not be done.
mesh::Objection keep_surroundings(const Context& context, const std::string& domain,
                                  const std::vector<nlohmann::json>& wanted);

// A ResourceQuota about a kind that a cluster's quota controller does not know has every creation of that kind refused
// ("status unknown for quota"), for minutes after a CustomResourceDefinition was installed, or for ever. So a probe
// comes first, in a namespace where nothing is declared (State::quota_probe), and ResourceQuotas are made once it is
// counted. To be called now and then: makes the probe, and has the controller look at it again. Nothing once it is
// counted.
Result<void> probe_quotas(const Context& context);

}  // namespace datamesh

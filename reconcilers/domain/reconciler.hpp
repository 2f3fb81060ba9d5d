#pragma once
// Domain: its namespaces exist and carry its label, its team may do there what its roles say (surroundings.hpp), its
// members have credentials on the backends it uses. What members may do inside a backend is that backend's loop.

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_domain(const Context& context, Patience& patience, const ObjectKey& key);

// Pure: what the status should be. `namespaces` is what went wrong with them, if anything.
api::DomainStatus domain_status(const api::Domain& domain, const mesh::DomainVerdict& verdict, const Progress& progress,
                                const mesh::Objection& namespaces, WallTime now);

}  // namespace datamesh

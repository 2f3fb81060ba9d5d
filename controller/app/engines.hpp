#pragma once
// The engines built in, by the name that Backends use.

#include "controller/core/clock.hpp"
#include "controller/core/fence.hpp"
#include "reconcilers/backend/engine.hpp"

namespace datamesh::app {

EngineKind memory_engine(const Clock& clock);
EngineKind postgres_engine(const Clock& clock, const Fence& fence);
EngineKind nats_engine(const Clock& clock, const Fence& fence);

// `fence`: the right to write to their servers; outlives the engines. A server in memory is reached by this process
// alone.
EngineRegistry engines(const Clock& clock, const Fence& fence = unfenced());

}  // namespace datamesh::app

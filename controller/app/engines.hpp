#pragma once
// The engines built in, by the name that Backends use.

#include "controller/core/clock.hpp"
#include "reconcilers/backend/engine.hpp"

namespace datamesh::app {

EngineKind memory_engine(const Clock& clock);
EngineKind postgres_engine(const Clock& clock);
EngineKind nats_engine(const Clock& clock);

EngineRegistry engines(const Clock& clock);

}  // namespace datamesh::app

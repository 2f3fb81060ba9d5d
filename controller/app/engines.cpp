#include "controller/app/engines.hpp"

namespace datamesh::app {

EngineRegistry engines(const Clock& clock, const Fence& fence) {
  return {{"memory", memory_engine(clock)},
          {"nats", nats_engine(clock, fence)},
          {"postgresql", postgres_engine(clock, fence)}};
}

}  // namespace datamesh::app

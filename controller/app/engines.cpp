#include "controller/app/engines.hpp"

namespace datamesh::app {

EngineRegistry engines(const Clock& clock) {
  return {{"memory", memory_engine(clock)}, {"nats", nats_engine(clock)}, {"postgresql", postgres_engine(clock)}};
}

}  // namespace datamesh::app

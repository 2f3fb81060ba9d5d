#include "controller/core/memory.hpp"

#include <malloc.h>

namespace datamesh {
namespace {

constexpr int kHeaps = 4;

}  // namespace

void share_heaps() {
  mallopt(M_ARENA_MAX, kHeaps);
}

void give_back_memory() {
  malloc_trim(0);
}

}  // namespace datamesh

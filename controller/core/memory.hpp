#pragma once
// What the C library keeps of memory that was freed.

namespace datamesh {

// Once, before there are threads: they share a few heaps. Otherwise each of some twenty threads grows one of its own to
// the size of the largest thing it ever did.
void share_heaps();

// After something large: free pages go back to the system. Milliseconds, in which allocations wait.
void give_back_memory();

}  // namespace datamesh

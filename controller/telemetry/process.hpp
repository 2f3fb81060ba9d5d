#pragma once
// What the operating system knows of this process (proc(5)).

#include <cstdint>
#include <string_view>

namespace datamesh::telemetry {

struct ProcessFacts {
  double cpu_seconds = 0;
  double start_seconds = 0;  // since 1970
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t open_descriptors = 0, descriptors_max = 0;
};

struct ProcessUnits {
  double ticks_per_second = 100;
  std::uint64_t page_bytes = 4096;
};

// From the texts of /proc/self/stat and /proc/stat. Pure. Zeros where they cannot be understood.
ProcessFacts parse_process(std::string_view self_stat, std::string_view system_stat, const ProcessUnits& units);
ProcessFacts read_process();

}  // namespace datamesh::telemetry

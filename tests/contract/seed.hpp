#pragma once
// The randomness of a test run, printed so that it can be repeated.

#include <cstdlib>
#include <iostream>
#include <random>

namespace datamesh::laws {

// The seed of this run: DATAMESH_SEED, or drawn. Printed by every test that uses it.
inline unsigned seed() {
  static const unsigned value = [] {
    const char* given = std::getenv("DATAMESH_SEED");
    const unsigned drawn = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
    std::cout << "DATAMESH_SEED=" << drawn << std::endl;
    return drawn;
  }();
  return value;
}

}  // namespace datamesh::laws

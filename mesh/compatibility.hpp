#pragma once
// What a new version of a contract would take away from those who read by it. Internal to this folder.

#include <string>
#include <vector>

#include "api/data_contract.hpp"
#include "mesh/workload.hpp"

namespace datamesh::mesh {

// One thing that breaks: where in the new document, and what happens.
struct Break {
  std::string path;  // "spec.schema[0].properties[1]"; "spec.schema" for what is no longer there
  std::string what;  // "orders.email is removed"
  bool operator==(const Break&) const = default;
};

// For a reader in `roles` that reads `readable` now. A column that it cannot read may change freely; what a Policy
// hides is no change of the contract. By the contract's compatibility: Backward protects readers, Forward those who
// write, Full both, None nobody.
std::vector<Break> breaks(const api::DataContract& before, const api::DataContract& after,
                          const std::set<std::string>& roles, const Readable& readable);

}  // namespace datamesh::mesh

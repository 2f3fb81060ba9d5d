#pragma once
// What may not change once it is written: ids, and what an object is about.

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/types.hpp"

namespace datamesh::api {

// What of `after` cannot be written over `before`, two documents of one object of any of the seven kinds. The rules of
// the CRDs about transitions, in the same words.
std::vector<Problem> problems_of_change(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace datamesh::api

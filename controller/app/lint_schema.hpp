#pragma once
// Checks an object of ours against its CustomResourceDefinition, as the API server does with strict validation.

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace datamesh::app {

// Unknown fields and values the schema does not take, in the server's words.
std::vector<std::string> check_schema(const nlohmann::json& object);

}  // namespace datamesh::app

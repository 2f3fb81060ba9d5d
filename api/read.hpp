#pragma once
// What decode_k and problems_of share: the value as far as it can be read, and everything wrong with it. Internal.

#include "api/backend.hpp"
#include "api/data_contract.hpp"
#include "api/data_product.hpp"
#include "api/domain.hpp"
#include "api/policy.hpp"
#include "api/subscription.hpp"

namespace datamesh::api {

Backend read_backend(const nlohmann::json& object, std::vector<Problem>& problems);
Domain read_domain(const nlohmann::json& object, std::vector<Problem>& problems);
DataProduct read_data_product(const nlohmann::json& object, std::vector<Problem>& problems);
DataContract read_data_contract(const nlohmann::json& object, std::vector<Problem>& problems);
Subscription read_subscription(const nlohmann::json& object, std::vector<Problem>& problems);
Approval read_approval(const nlohmann::json& object, std::vector<Problem>& problems);
Policy read_policy(const nlohmann::json& object, std::vector<Problem>& problems);

}  // namespace datamesh::api

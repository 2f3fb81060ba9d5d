#pragma once
// DataContract: nothing is provisioned for it alone. Its status says whether it is understood and how many ports use
// it.

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_data_contract(const Context& context, const ObjectKey& key);
api::DataContractStatus data_contract_status(const api::DataContract& contract, const mesh::ContractVerdict& verdict,
                                             WallTime now);

}  // namespace datamesh

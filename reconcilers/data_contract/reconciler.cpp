#include "reconcilers/data_contract/reconciler.hpp"

#include "controller/core/json.hpp"

namespace datamesh {

api::DataContractStatus data_contract_status(const api::DataContract& contract, const mesh::ContractVerdict& verdict,
                                             WallTime now) {
  const std::int64_t generation = contract.metadata.generation;
  api::DataContractStatus status = contract.status;
  status.observed_generation = generation;
  status.ports = verdict.ports;
  api::set_condition(status.conditions, condition_of("Valid", verdict.objection, "Valid", generation), now);
  summarise(status.conditions, {"Valid"}, verdict.objection.terminal, false, generation, now);
  return status;
}

Result<Next> reconcile_data_contract(const Context& context, const ObjectKey& key) {
  std::shared_ptr<const api::DataContract> contract;
  mesh::ContractVerdict verdict;
  const WallTime now = context.clock.wall();
  {
    const std::shared_lock lock(context.state.mutex);
    contract = context.state.catalog.contract(key.ns, key.name);
    if (!contract) return Next::on_change();
    verdict = mesh::evaluate_contract(context.state.catalog, key, now);
  }
  DATAMESH_TRY(const bool wrote, write_status(context, key, api::encode_status(contract->status),
                                              api::encode_status(data_contract_status(*contract, verdict, now))));
  (void)wrote;
  return Next::on_change();
}

}  // namespace datamesh

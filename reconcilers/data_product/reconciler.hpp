#pragma once
// DataProduct: what it offers is provisioned by the backends' loops; here the finalizer comes and goes, and the status
// says what is true. A product that goes takes its accesses with it; its data stay unless deletionPolicy is Delete.

#include "controller/runtime/workers.hpp"
#include "reconcilers/conditions.hpp"
#include "reconcilers/context.hpp"

namespace datamesh {

Result<Next> reconcile_data_product(const Context& context, Patience& patience, const ObjectKey& key);

// Pure: what the status should be.
struct DataProductView {
  const api::DataProduct& product;
  const mesh::ProductVerdict& verdict;
  Progress progress;
  std::map<std::string, std::pair<std::string, std::string>> datasets;  // port name/version -> OpenLineage names
  std::vector<std::string> retained;
};
api::DataProductStatus data_product_status(const DataProductView& view, WallTime now);

}  // namespace datamesh

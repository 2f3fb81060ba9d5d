#pragma once
// The Store of a process that may write only as long as it leads: reads as before, refuses to write when its term is
// over. What was sent before that may still arrive; what decides something is written with a resourceVersion or a uid.

#include <memory>

#include "controller/core/fence.hpp"
#include "controller/kube/store.hpp"

namespace datamesh::kube {

class FencedStore : public Store {
 public:
  // The fence must outlive it.
  FencedStore(std::shared_ptr<Store> store, const Fence& fence) : store_(std::move(store)), fence_(fence) {}

  Result<nlohmann::json> get(const ResourceType& type, const std::string& ns, const std::string& name) override;
  Result<std::vector<nlohmann::json>> list(const ResourceType& type, const std::string& ns = "") override;
  // Besides the errors of Store: Cancelled when the term is over.
  Result<nlohmann::json> create(const ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> update(const ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> patch(const ResourceType& type, const std::string& ns, const std::string& name,
                               const Patch& patch) override;
  Result<void> remove(const ResourceType& type, const std::string& ns, const std::string& name,
                      const std::string& uid = "") override;
  void watch(const ResourceType& type, const std::string& label_selector, const std::function<void(const Event&)>& sink,
             std::stop_token stop) override;

 private:
  const std::shared_ptr<Store> store_;
  const Fence& fence_;
};

}  // namespace datamesh::kube

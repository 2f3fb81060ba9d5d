#include "controller/kube/fenced_store.hpp"

#include "controller/core/json.hpp"

namespace datamesh::kube {

Result<Json> FencedStore::get(const ResourceType& type, const std::string& ns, const std::string& name) {
  return store_->get(type, ns, name);
}

Result<std::vector<Json>> FencedStore::list(const ResourceType& type, const std::string& ns) {
  return store_->list(type, ns);
}

Result<Json> FencedStore::create(const ResourceType& type, const Json& object) {
  DATAMESH_CHECK(fence_.may_write());
  return store_->create(type, object);
}

Result<Json> FencedStore::update(const ResourceType& type, const Json& object) {
  DATAMESH_CHECK(fence_.may_write());
  return store_->update(type, object);
}

Result<Json> FencedStore::patch(const ResourceType& type, const std::string& ns, const std::string& name,
                                const Patch& patch) {
  DATAMESH_CHECK(fence_.may_write());
  return store_->patch(type, ns, name, patch);
}

Result<void> FencedStore::remove(const ResourceType& type, const std::string& ns, const std::string& name,
                                 const std::string& uid) {
  DATAMESH_CHECK(fence_.may_write());
  return store_->remove(type, ns, name, uid);
}

void FencedStore::watch(const ResourceType& type, const std::string& label_selector,
                        const std::function<void(const Event&)>& sink, std::stop_token stop) {
  store_->watch(type, label_selector, sink, std::move(stop));
}

}  // namespace datamesh::kube

#pragma once
// The Store of an API server that is reached over HTTP: a cluster's, or another process's embedded one.

#include <map>
#include <memory>
#include <string>

#include "controller/http/client.hpp"
#include "controller/kube/list_watch.hpp"
#include "controller/kube/store.hpp"

namespace datamesh::kube {

class RemoteStore : public Store {
 public:
  explicit RemoteStore(std::unique_ptr<http::Client> client, ListWatchOptions options = {});
  ~RemoteStore() override;

  Result<nlohmann::json> get(const ResourceType& type, const std::string& ns, const std::string& name) override;
  Result<std::vector<nlohmann::json>> list(const ResourceType& type, const std::string& ns = "") override;
  Result<nlohmann::json> create(const ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> update(const ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> patch(const ResourceType& type, const std::string& ns, const std::string& name,
                               const Patch& patch) override;
  Result<void> remove(const ResourceType& type, const std::string& ns, const std::string& name,
                      const std::string& uid = "") override;
  void watch(const ResourceType& type, const std::string& label_selector, const std::function<void(const Event&)>& sink,
             std::stop_token stop) override;

  // Any request, for what the Store has no word for (tables for people). A status of 4xx or 5xx is an error with the
  // server's message.
  Result<nlohmann::json> request(const http::Call& call);
  // The kinds that the server serves under a group version ("v1", "datamesh.dev/v1alpha1"), from its discovery.
  Result<std::vector<ResourceType>> discover(const std::string& group_version);

 private:
  std::unique_ptr<http::Client> client_;
  const ListWatchOptions options_;
};

}  // namespace datamesh::kube

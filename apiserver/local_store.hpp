#pragma once
// kube::Store of this very process: the same checks, admission and ownership of fields as over HTTP, without HTTP.

#include <atomic>

#include "apiserver/engine.hpp"
#include "controller/kube/store.hpp"

namespace datamesh::apiserver {

class LocalStore : public kube::Store {
 public:
  explicit LocalStore(Engine& engine) : engine_(engine) {}

  Result<nlohmann::json> get(const kube::ResourceType& type, const std::string& ns, const std::string& name) override;
  Result<std::vector<nlohmann::json>> list(const kube::ResourceType& type, const std::string& ns) override;
  Result<nlohmann::json> create(const kube::ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> update(const kube::ResourceType& type, const nlohmann::json& object) override;
  Result<nlohmann::json> patch(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                               const kube::Patch& patch) override;
  Result<void> remove(const kube::ResourceType& type, const std::string& ns, const std::string& name,
                      const std::string& uid) override;
  void watch(const kube::ResourceType& type, const std::string& label_selector,
             const std::function<void(const kube::Event&)>& sink, std::stop_token stop) override;

  // Watches end; calls fail with Unavailable.
  void stop();

 private:
  struct Feed;
  Result<Target> target(const kube::ResourceType& type, const std::string& ns, const std::string& name) const;
  bool follow(const Target& target, const std::string& label_selector,
              const std::function<void(const kube::Event&)>& sink, const std::stop_token& stop);

  Engine& engine_;
  std::stop_source stopping_;
};

}  // namespace datamesh::apiserver

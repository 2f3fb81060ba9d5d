#include "controller/app/engines.hpp"
#include "drivers/memory/driver.hpp"

namespace datamesh::app {
namespace {

class MemoryEngine : public Engine {
 public:
  MemoryEngine(const std::string& backend, const Clock& clock)
      : backend_(backend), clock_(clock), driver_(memory::server_named(backend)) {}

  Result<std::string> reach(std::stop_token stop) override { return driver_.reach(stop); }
  Result<std::string> change_token(std::stop_token stop) override { return driver_.change_token(stop); }
  Pass converge(const mesh::Workload& workload, const Scope& scope, const Guard& guard, std::stop_token stop) override {
    return datamesh::converge(driver_, memory::Driver::desired(workload), scope, guard, clock_, stop);
  }

  Result<mesh::Credential> mint(const ObjectKey& principal, const std::string&, const mesh::Port*,
                                const mesh::Access*) override {
    const std::string password = random_token(32);
    mesh::Credential credential{.version = sha256_hex(password).substr(0, 16), .fields = {}};
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"type", "memory"},
                                      {"provider", "datamesh"},
                                      {"username", to_string(principal)},
                                      {"password", password},
                                      {"uri", "memory://" + backend_}}) {
      credential.fields.emplace(name, Secret(value));
    }
    return credential;
  }

  Proof prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                      std::stop_token) override {
    Proof proof;
    proof.failure = driver_.prove_granted(port, access, credential.version, proof.tried);
    proof.proved = proof.failure.empty();
    return proof;
  }
  Proof prove_revoked(const mesh::Port&, const ObjectKey& subscription, const mesh::Credential& credential,
                      std::stop_token) override {
    Proof proof;
    proof.failure = driver_.prove_revoked(subscription, credential.version, proof.tried);
    proof.proved = proof.failure.empty();
    return proof;
  }
  std::pair<std::string, std::string> dataset(const mesh::Port& port) const override {
    return {"memory://" + backend_, memory::port_name(port.key)};
  }

 private:
  std::string backend_;
  const Clock& clock_;
  memory::Driver driver_;
};

}  // namespace

EngineKind memory_engine(const Clock& clock) {
  return {.connect = [&clock](const Connection& connection,
                              const mesh::CredentialSource&) -> Result<std::shared_ptr<Engine>> {
            return std::shared_ptr<Engine>(std::make_shared<MemoryEngine>(connection.backend, clock));
          },
          .version_of = [](const std::map<std::string, Secret>& fields) -> std::string {
            const auto password = fields.find("password");
            return password == fields.end() ? "" : sha256_hex(password->second.reveal()).substr(0, 16);
          }};
}

}  // namespace datamesh::app

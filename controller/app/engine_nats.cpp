#include "controller/app/engines.hpp"
#include "drivers/nats/driver.hpp"

namespace datamesh::app {
namespace {

class NatsEngine : public Engine {
 public:
  NatsEngine(std::unique_ptr<nats::Driver> driver, const Clock& clock) : driver_(std::move(driver)), clock_(clock) {}

  Result<std::string> reach(std::stop_token stop) override { return driver_->reach(stop); }
  Result<std::string> change_token(std::stop_token stop) override { return driver_->change_token(stop); }
  Pass converge(const mesh::Workload& workload, const Scope& scope, const Guard& guard, std::stop_token stop) override {
    return datamesh::converge(*driver_, driver_->desired(workload), scope, guard, clock_, stop);
  }
  // Without an end of its own: a subscription may be extended, and its end is the loop's affair.
  Result<mesh::Credential> mint(const ObjectKey& principal, const std::string& domain, const mesh::Port* port,
                                const mesh::Access*) override {
    return driver_->mint(principal, port, domain);
  }
  Proof prove_granted(const mesh::Port& port, const mesh::Access& access, const mesh::Credential& credential,
                      std::stop_token stop) override {
    return as_proof(driver_->prove_granted(port, access, credential, stop));
  }
  Proof prove_revoked(const mesh::Port& port, const ObjectKey& subscription, const mesh::Credential& credential,
                      std::stop_token stop) override {
    return as_proof(driver_->prove_revoked(port, subscription, credential, stop));
  }
  std::pair<std::string, std::string> dataset(const mesh::Port& port) const override { return driver_->dataset(port); }

 private:
  static Proof as_proof(nats::Proof proof) { return {proof.proved, std::move(proof.failure), std::move(proof.tried)}; }

  std::unique_ptr<nats::Driver> driver_;
  const Clock& clock_;
};

}  // namespace

EngineKind nats_engine(const Clock& clock, const Fence& fence) {
  return {.connect = [&clock, &fence](const Connection& connection,
                                      const mesh::CredentialSource&) -> Result<std::shared_ptr<Engine>> {
            DATAMESH_TRY(auto options,
                         nats::options_from(connection.backend, connection.endpoint, connection.credentials));
            options.fence = &fence;
            DATAMESH_TRY(auto driver, nats::Driver::create(options, clock));
            return std::shared_ptr<Engine>(std::make_shared<NatsEngine>(std::move(driver), clock));
          },
          .version_of = nats::Driver::version_of};
}

}  // namespace datamesh::app

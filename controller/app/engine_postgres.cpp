#include "controller/app/engines.hpp"
#include "drivers/postgres/driver.hpp"

namespace datamesh::app {
namespace {

class PostgresEngine : public Engine {
 public:
  PostgresEngine(std::unique_ptr<postgres::Driver> driver, const Clock& clock)
      : driver_(std::move(driver)), clock_(clock) {}

  Result<std::string> reach(std::stop_token stop) override { return driver_->reach(stop); }
  Result<std::string> change_token(std::stop_token stop) override { return driver_->change_token(stop); }
  Pass converge(const mesh::Workload& workload, const Scope& scope, const Guard& guard, std::stop_token stop) override {
    return datamesh::converge(*driver_, driver_->desired(workload), scope, guard, clock_, stop);
  }
  Result<mesh::Credential> mint(const ObjectKey& principal, const std::string& domain, const mesh::Port* port,
                                const mesh::Access*) override {
    return driver_->mint(principal, domain, port);
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
  static Proof as_proof(postgres::Proof proof) {
    return {proof.proved, std::move(proof.failure), std::move(proof.tried)};
  }

  std::unique_ptr<postgres::Driver> driver_;
  const Clock& clock_;
};

// The admin Secret: `username` and `password`, as in a basic-auth or servicebinding.io Secret.
Result<postgres::Login> login_of(const Connection& connection) {
  const auto user = connection.credentials.find("username");
  if (user == connection.credentials.end() || user->second.empty()) {
    return Error{Code::Invalid, "postgresql/" + connection.backend + ": its Secret has no field \"username\""};
  }
  const auto password = connection.credentials.find("password");
  return postgres::Login{user->second.reveal(), password == connection.credentials.end() ? Secret() : password->second};
}

}  // namespace

EngineKind postgres_engine(const Clock& clock, const Fence& fence) {
  return {.connect = [&clock, &fence](const Connection& connection,
                                      const mesh::CredentialSource& source) -> Result<std::shared_ptr<Engine>> {
            DATAMESH_TRY(const auto endpoint, postgres::parse_endpoint(connection.endpoint));
            DATAMESH_TRY(const auto admin, login_of(connection));
            auto driver = std::make_unique<postgres::Driver>(postgres::Options{.backend = connection.backend,
                                                                               .endpoint = endpoint,
                                                                               .admin = admin,
                                                                               .credentials = source,
                                                                               .fence = &fence});
            return std::shared_ptr<Engine>(std::make_shared<PostgresEngine>(std::move(driver), clock));
          },
          .version_of = postgres::Driver::version_of};
}

}  // namespace datamesh::app

#include "apiserver/server.hpp"

#include "apiserver/auth/authenticate.hpp"
#include "apiserver/bootstrap.hpp"
#include "apiserver/data_dir.hpp"
#include "apiserver/engine.hpp"
#include "apiserver/lifecycle.hpp"
#include "apiserver/local_store.hpp"
#include "apiserver/web/handler.hpp"
#include "apiserver/web/watches.hpp"
#include "controller/core/ids.hpp"

namespace datamesh::apiserver {

namespace {

constexpr auto kAdminTokenLife = std::chrono::hours(24 * 365 * 10);
constexpr int kShortThreads = 2;
constexpr int kSlowThreads = 3;

Result<std::unique_ptr<storage::Store>> open_store(const Server::Options& options, const Clock& clock) {
  storage::Options storage;
  storage.directory = options.data_dir;
  storage.sealed = {"/secrets"};
  storage.history.age = options.history_age;
  storage.clock = &clock;
  return storage::Store::open(std::move(storage));
}

}  // namespace

// In the order in which one needs the other.
struct Server::Impl {
  Options options;
  const Clock* clock = nullptr;
  http::KeyPair ca;
  std::unique_ptr<storage::Store> storage;
  Rbac rbac;
  std::unique_ptr<WorkPool> pool, slow;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<Watches> watches;
  std::unique_ptr<Lifecycle> lifecycle;
  std::unique_ptr<Handler> handler;
  std::unique_ptr<http::Listener> listener;
  std::shared_ptr<LocalStore> local;
  bool stopped = false;

  Result<void> open();
  Result<void> listen();
  Result<void> listen_on(std::uint16_t port, const http::KeyPair& certificate);
  void stop();
};

Result<void> Server::Impl::open() {
  clock = options.clock != nullptr ? options.clock : &real_clock();
  DATAMESH_CHECK(make_directory(options.data_dir));
  DATAMESH_TRY(storage, open_store(options, *clock));
  DATAMESH_TRY(ca, load_or_create_ca(options.data_dir, clock->wall()));
  DATAMESH_TRY(TokenKey key, TokenKey::load_or_create(options.data_dir + "/token.key"));
  pool = std::make_unique<WorkPool>(kShortThreads);
  slow = std::make_unique<WorkPool>(kSlowThreads);
  engine = std::make_unique<Engine>(*storage, rbac, *pool, *slow, *clock, options.admission,
                                    Engine::Limits{options.object_bytes_max});
  engine->load_rbac();
  authenticator = std::make_unique<Authenticator>(std::move(key), *storage, rbac, *clock);
  watches = std::make_unique<Watches>(*engine, options.bookmark_interval, options.watches_max);
  local = std::make_shared<LocalStore>(*engine);
  lifecycle = std::make_unique<Lifecycle>(*engine, rbac, ca.certificate_pem, [this] { watches->end_unserved(); });
  DATAMESH_CHECK(lifecycle->start());
  return bootstrap(*engine, options.crds);
}

Result<void> Server::Impl::listen() {
  DATAMESH_TRY(const http::KeyPair certificate,
               issue_server_certificate(ca, options.address, options.names, clock->wall()));
  OnServed on_served;
  if (options.on_request) {
    on_served = [report = options.on_request](const Served& served) {
      report({served.verb, served.group, served.version, served.resource, served.subresource, served.scope, served.code,
              served.took});
    };
  }
  handler = std::make_unique<Handler>(*engine, *authenticator, *watches, Handler::Limits{options.in_flight_max},
                                      std::move(on_served));
  const std::uint16_t before = options.port == 0 ? last_port(options.data_dir) : options.port;
  auto bound = listen_on(before, certificate);
  // The port of last time is a convenience; one that was asked for is not.
  if (!bound && options.port == 0 && before != 0) bound = listen_on(0, certificate);
  if (!bound) return bound.error();
  DATAMESH_CHECK(write_file(options.data_dir + "/port", std::to_string(listener->port()) + "\n", 0644));
  return {};
}

Result<void> Server::Impl::listen_on(std::uint16_t port, const http::KeyPair& certificate) {
  http::ListenerOptions listen;
  listen.address = options.address;
  listen.port = port;
  listen.tls = http::TlsOptions{certificate.certificate_pem, certificate.key_pem, ca.certificate_pem, false};
  listen.threads = options.threads;
  listen.limits.body_bytes = options.body_bytes_max;
  listen.limits.stream_queue_count = 10'000;
  listener = std::make_unique<http::Listener>(
      std::move(listen), [this](http::Request&& request, std::shared_ptr<http::Exchange> exchange) {
        handler->handle(std::move(request), std::move(exchange));
      });
  return listener->start();
}

// From the outside to the inside; nothing calls what has gone.
void Server::Impl::stop() {
  if (stopped) return;
  stopped = true;
  if (handler) handler->set_ready(false);
  if (local) local->stop();
  if (watches) watches->stop();
  if (listener) listener->stop(std::chrono::seconds(2));
  if (lifecycle) lifecycle->stop();
  if (slow) slow->stop();
  if (pool) pool->stop();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  stop();
}

void Server::stop() {
  impl_->stop();
}

Result<std::unique_ptr<Server>> Server::start(Options options) {
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  std::unique_ptr<Server> server(new Server(std::move(impl)));
  DATAMESH_CHECK(server->impl_->open());
  DATAMESH_CHECK(server->impl_->listen());
  DATAMESH_TRY(const Secret token, server->mint_token("admin", {kMasters}, kAdminTokenLife));
  DATAMESH_CHECK(write_file(server->kubeconfig_path(), server->kubeconfig(token), 0600));
  server->impl_->handler->set_ready(true);
  return server;
}

std::string Server::url() const {
  const std::string& address = impl_->options.address;
  if (address != "0.0.0.0" && address != "::") return impl_->listener->url();
  return "https://127.0.0.1:" + std::to_string(port());
}

std::uint16_t Server::port() const {
  return impl_->listener->port();
}
std::string Server::kubeconfig_path() const {
  return impl_->options.data_dir + "/kubeconfig";
}
const std::string& Server::ca_pem() const {
  return impl_->ca.certificate_pem;
}
std::shared_ptr<kube::Store> Server::store() {
  return impl_->local;
}

Result<Secret> Server::mint_token(const std::string& user, const std::vector<std::string>& groups,
                                  std::chrono::seconds ttl) const {
  Claims claims;
  claims.subject = user;
  claims.groups = groups;
  claims.id = random_uuid();
  claims.issued = impl_->clock->wall();
  claims.expires = claims.issued + ttl;
  DATAMESH_TRY(std::string token, impl_->authenticator->key().sign(claims));
  return Secret(std::move(token));
}

std::string Server::kubeconfig(const Secret& token, const std::string& user) const {
  return kubeconfig_text(url(), ca_pem(), user, token);
}

ServerStats Server::stats() const {
  const storage::Stats storage = impl_->storage->stats();
  const http::ListenerStats listener = impl_->listener->stats();
  return {listener.connections, impl_->watches->count(), storage.objects,        storage.queued,
          storage.writes,       storage.commits,         storage.failed_commits, storage.current};
}

}  // namespace datamesh::apiserver

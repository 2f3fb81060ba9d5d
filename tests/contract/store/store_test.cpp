// The Store contract on the embedded server in this process, on it over HTTP, and on a real API server.

#include <atomic>
#include <iostream>

#include "apiserver/server.hpp"
#include "controller/kube/api_client.hpp"
#include "controller/kube/remote_store.hpp"
#include "controller/kube/yaml.hpp"
#include "tests/contract/store_contract.hpp"
#include "tests/testing/child.hpp"
#include "tests/testing/temp_dir.hpp"

namespace datamesh::kube {
namespace {

std::string widgets_crd() {
  return test::read_file(std::string(DATAMESH_SOURCE_DIR) + "/tests/e2e/kubectl/widgets.yaml");
}

// A page that the tests' lists do not fit in.
const ListWatchOptions kSmallPages{.page_size = 7};

std::string make_namespace(Store& store) {
  static std::atomic<int> number = 0;
  const std::string name = "contract-" + std::to_string(++number);
  const auto made =
      store.create(namespaces(), {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}});
  if (!made) std::cerr << made.error().message << '\n';
  return name;
}

// One for all tests of the program.
struct Embedded {
  Embedded() {
    apiserver::Server::Options options;
    options.data_dir = (directory / "data").string();
    options.crds = {widgets_crd()};
    auto started = apiserver::Server::start(std::move(options));
    if (!started) std::abort();
    server = *std::move(started);
    auto cluster = load_kubeconfig(server->kubeconfig_path(), "", {});
    if (!cluster) std::abort();
    remote = std::make_unique<RemoteStore>(*make_client(*cluster, {.requests_per_second = 0}), kSmallPages);
  }
  static Embedded& instance() {
    static Embedded embedded;
    return embedded;
  }
  test::TempDir directory;
  std::unique_ptr<apiserver::Server> server;
  std::unique_ptr<RemoteStore> remote;
};

struct InProcess {
  bool skip() const { return false; }
  Store& store() { return *local; }
  std::string ns() const { return name; }
  std::shared_ptr<Store> local = Embedded::instance().server->store();
  std::string name = make_namespace(*local);
};

struct OverHttp {
  bool skip() const { return false; }
  Store& store() { return *Embedded::instance().remote; }
  std::string ns() const { return name; }
  std::string name = make_namespace(*Embedded::instance().remote);
};

class RealServer {
 public:
  static RealServer& instance() {
    static RealServer server;
    return server;
  }
  ~RealServer() { program_.stop(std::chrono::seconds(60)); }
  RemoteStore* store() const { return store_.get(); }

 private:
  RealServer() {
    if (!program_.wait_for_output("kubeconfig ", std::chrono::minutes(5))) {
      std::cerr << program_.errors() << '\n';
      const auto code = program_.wait(std::chrono::seconds(1));
      if (!code || *code != 77) ADD_FAILURE() << "the real API server did not come up";
      return;
    }
    std::string path = program_.output().substr(std::string("kubeconfig ").size());
    path.erase(path.find('\n'));
    const auto cluster = load_kubeconfig(path, "", {});
    if (!cluster) {
      ADD_FAILURE() << cluster.error().message;
      return;
    }
    auto store = std::make_unique<RemoteStore>(*make_client(*cluster, {.requests_per_second = 0}), kSmallPages);
    const ResourceType crds{"apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
                            false};
    const auto made = store->create(crds, parse_yaml(widgets_crd())->front());
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_TRUE(test::wait_until([&] { return bool(store->list(kWidgets)); }, std::chrono::seconds(60)));
    store_ = std::move(store);
  }

  test::Child program_{{"python3", "-B", std::string(DATAMESH_SOURCE_DIR) + "/tests/contract/store/real_server.py"}};
  std::unique_ptr<RemoteStore> store_;
};

struct Real {
  bool skip() const { return RealServer::instance().store() == nullptr; }
  Store& store() { return *RealServer::instance().store(); }
  std::string ns() const { return name; }
  std::string name = skip() ? "" : make_namespace(*RealServer::instance().store());
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(InProcess, StoreContract, ::testing::Types<InProcess>);
INSTANTIATE_TYPED_TEST_SUITE_P(OverHttp, StoreContract, ::testing::Types<OverHttp>);
INSTANTIATE_TYPED_TEST_SUITE_P(Kubernetes, StoreContract, ::testing::Types<Real>);

}  // namespace datamesh::kube

#include <random>
#include <sstream>

#include "drivers/memory/driver.hpp"
#include "tests/contract/driver_laws.hpp"

namespace datamesh {
namespace {

struct MemoryFixture {
  using Driver = memory::Driver;
  static constexpr mesh::PortType type = mesh::PortType::Tables;
  static constexpr int rounds = 300;

  std::shared_ptr<memory::Server> server = std::make_shared<memory::Server>();
  Driver instance{server};
  std::mt19937 random{laws::seed()};

  Driver& driver() { return instance; }
  const Clock& clock() { return real_clock(); }
  std::string credential(const ObjectKey&, const mesh::Port*, const std::string&, int turn) {
    return "v" + std::to_string(turn);
  }
  std::string snapshot() {
    std::ostringstream out;
    for (const auto& [id, thing] : server->things()) {
      out << id.kind << ' ' << id.name << ' ' << thing.spec.index() << ' ' << thing.retained << '\n';
    }
    return out.str() + std::to_string(server->clashes());
  }
  void put_foreign() { server->put_by_hand({"port", "legacy"}, {memory::Port{}, std::nullopt}); }
  bool break_something() {
    for (const auto& [id, thing] : server->things()) {
      if (id.kind != "access") continue;
      server->erase_by_hand(id);
      return true;
    }
    return false;
  }
  void fail_one_in(int n) {
    if (n == 0) return server->set_fault({});
    server->set_fault([this, n](const std::string& operation, const ResourceId&) -> std::optional<Error> {
      if (random() % static_cast<unsigned>(n) != 0) return std::nullopt;
      return Error{Code::Unavailable, operation + " failed"};
    });
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, DriverLaws, ::testing::Types<MemoryFixture>);

}  // namespace
}  // namespace datamesh

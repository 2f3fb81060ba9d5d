// The laws of every driver, on a real PostgreSQL server.

#include "tests/contract/driver_fence.hpp"
#include "tests/contract/driver_laws.hpp"
#include "tests/drivers/postgres/fixture.hpp"

namespace datamesh::postgres::test {
namespace {

struct LawsFixture {
  using Driver = postgres::Driver;
  static constexpr mesh::PortType type = mesh::PortType::Tables;
  static constexpr int rounds = 8;
  static constexpr bool exact_fence = true;  // compared in the transaction

  LawsFixture() {
    make_fresh_database(admin);
    instance = driver_of(unfenced());
  }
  std::unique_ptr<Driver> driver_of(const Fence& fence) {
    return std::make_unique<Driver>(Options{"laws", server().endpoint("mesh"), admin, 2,
                                            [this](const ObjectKey& principal) { return current(principal); }, &fence});
  }

  Driver& driver() { return *instance; }
  const Clock& clock() { return real_clock(); }

  // One password for each principal and turn.
  std::string credential(const ObjectKey& principal, const mesh::Port*, const std::string&, int turn) {
    auto& known = passwords[{principal, turn}];
    if (!known) {
      known = std::make_shared<mesh::Credential>();
      const Secret password(random_token(24));
      known->version = version_of_password(password);
      known->fields.emplace("password", password);
    }
    latest[principal] = known;
    return known->version;
  }
  std::shared_ptr<const mesh::Credential> current(ObjectKey principal) {
    principal.ns = principal.ns.substr(0, principal.ns.find('@'));  // members are asked for by backend
    return latest[principal];
  }

  std::string snapshot() {
    Session super = superuser();
    return value(super,
                 "SELECT string_agg(line, E'\\n' ORDER BY line) FROM ("
                 "SELECT concat('role ', rolname, rolcanlogin, rolconfig, d.description) AS line FROM pg_roles r "
                 "  LEFT JOIN pg_shdescription d ON d.objoid = r.oid "
                 "UNION ALL SELECT concat('member ', roleid::regrole, ' ', member::regrole) FROM pg_auth_members "
                 "UNION ALL SELECT concat('schema ', nspname, nspacl, obj_description(oid)) FROM pg_namespace "
                 "  WHERE nspname !~ '^pg_(toast|temp)' "
                 "UNION ALL SELECT concat('table ', oid::regclass, relacl, obj_description(oid)) FROM pg_class "
                 "  WHERE relkind = 'r' AND oid >= 16384 "
                 "UNION ALL SELECT concat('column ', attrelid::regclass, attname, atttypid, attnotnull, attacl) "
                 "  FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0) t");
  }
  void put_foreign() {
    Session super = superuser();
    run(super, "CREATE SCHEMA legacy__app_v1");
    run(super, "CREATE TABLE legacy__app_v1.t (id int)");
    run(super, "CREATE ROLE legacy LOGIN");
    run(super, "GRANT SELECT ON legacy__app_v1.t TO legacy");
  }
  bool break_something() {
    Session super = superuser();
    const std::string table =
        value(super, "SELECT quote_ident(schemaname) || '.orders' FROM pg_tables WHERE tablename = 'orders'");
    if (table == "(none)") return false;
    run(super, "GRANT SELECT, INSERT ON " + table + " TO PUBLIC");
    return true;
  }
  void fail_one_in(int) {}

  const Login admin{"mesh_cp", Secret("control-plane-password")};
  std::map<std::pair<ObjectKey, int>, std::shared_ptr<mesh::Credential>> passwords;
  std::map<ObjectKey, std::shared_ptr<mesh::Credential>> latest;
  std::unique_ptr<Driver> instance;
};

}  // namespace
}  // namespace datamesh::postgres::test

namespace datamesh {
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DriverLaws, ::testing::Types<postgres::test::LawsFixture>);
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DriverFence, ::testing::Types<postgres::test::LawsFixture>);
}  // namespace datamesh

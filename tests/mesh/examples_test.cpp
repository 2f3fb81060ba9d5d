// What the examples say of themselves is so.

#include <filesystem>
#include <fstream>

#include "tests/mesh/world.hpp"

namespace datamesh::mesh::testing {
namespace {

World load(const std::string& folder) {
  World world;
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(DATAMESH_SOURCE_DIR) + "/examples/" + folder))
    if (entry.path().extension() == ".yaml" && entry.path().stem() != "kustomization") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream stream(file);
    world.apply(std::string(std::istreambuf_iterator<char>(stream), {}));
  }
  for (const auto& [key, document] : world.documents)
    EXPECT_EQ(api::join(api::problems_of(document)), "") << to_string(key);
  return world;
}

struct Expected {
  std::string_view subscription, phase, reason, readable;
};

TEST(Examples, RetailHasSubscriptionsOfEverySort) {
  const World world = load("retail");
  const WallTime now = at("2026-11-21T00:00:00Z");
  const std::vector<Expected> table = {
      {"marketing/churn-reads-orders", "Approved", "ApprovedByProvider",
       "order_lines: article line order_id quantity; orders: customer_id order_id placed_at total"},
      {"marketing/campaigns-read-customers", "Approved", "ApprovedByProvider",
       "customers: country customer_id email name segment"},
      {"logistics/inventory-reads-order-placed", "Approved", "ApprovedByProvider",
       "order_placed: order_id placed_at total"},
      {"finance/invoices-read-shipments", "Approved", "ApprovedByPolicy",
       "shipments: carrier changed_at order_id shipment_id state"},
      {"logistics/shipments-read-inventory", "Approved", "ApprovedByPolicy", "stock: article quantity warehouse"},
      {"marketing/campaigns-read-inventory", "Pending", "AwaitingApproval", "-"},
      {"finance/invoices-read-customers", "Rejected", "Rejected", "-"},
      {"marketing/campaigns-read-payments", "Rejected", "DeniedByPolicy", "-"},
      {"marketing/spring-sale-reads-shipments", "Expired", "Expired", "-"},
  };
  for (const Expected& one : table) {
    const auto verdict =
        evaluate_subscription(world.catalog, key_of("Subscription/" + std::string(one.subscription)), now);
    EXPECT_EQ(api::to_string(verdict.phase), one.phase) << one.subscription;
    EXPECT_EQ(verdict.approved ? verdict.approved.reason : verdict.approved_reason, one.reason) << one.subscription;
    EXPECT_EQ(text_of(verdict.access), one.readable) << one.subscription << ": " << verdict.objection.message;
  }
  EXPECT_EQ(world.catalog.keys("Subscription").size(), table.size());
}

TEST(Examples, EveryProductAndDomainOfRetailStands) {
  const World world = load("retail");
  const WallTime now = at("2026-11-21T00:00:00Z");
  EXPECT_GE(world.catalog.keys("DataProduct").size(), 7u);
  for (const auto& key : world.catalog.keys("DataProduct")) {
    const auto verdict = evaluate_product(world.catalog, key, now);
    EXPECT_FALSE(verdict.objection) << to_string(key) << ": " << verdict.objection.message;
    for (const auto& port : verdict.ports)
      EXPECT_FALSE(port.objection) << to_string(key) << ": " << port.objection.message;
  }
  for (const auto& key : world.catalog.keys("Domain"))
    EXPECT_FALSE(evaluate_domain(world.catalog, key, now).objection) << to_string(key);
  for (const auto& key : world.catalog.keys("Approval"))
    EXPECT_FALSE(evaluate_approval(world.catalog, key, now).applied) << to_string(key);
}

TEST(Examples, QuickstartGivesTheReaderTwoColumns) {
  const World world = load("quickstart");
  const auto verdict = evaluate_subscription(world.catalog, key_of("Subscription/marketing/churn-reads-orders"),
                                             at("2026-11-21T00:00:00Z"));
  EXPECT_EQ(text_of(verdict.access), "orders: order_id placed_at")
      << verdict.approved.message << verdict.objection.message;
}

}  // namespace
}  // namespace datamesh::mesh::testing

#pragma once
// A mesh to try things on: declarations as YAML, changed by merge patches, put into a Catalog.

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/core/json.hpp"
#include "controller/kube/yaml.hpp"
#include "mesh/evaluate.hpp"

namespace datamesh::mesh::testing {

inline WallTime at(std::string_view text) {
  const auto time = parse_time(text);
  EXPECT_TRUE(time) << text;
  return time ? *time : WallTime{};
}

// "Subscription/marketing/churn", "Domain/sales".
inline ObjectKey key_of(std::string_view text) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, '/');) parts.push_back(part);
  return parts.size() == 2 ? ObjectKey{parts[0], "", parts[1]} : ObjectKey{parts.at(0), parts.at(1), parts.at(2)};
}

class World {
 public:
  Catalog catalog;
  std::map<ObjectKey, Json> documents;

  World() = default;
  explicit World(std::string_view yaml) { apply(yaml); }

  void apply(std::string_view yaml) {
    auto parsed = kube::parse_yaml(yaml);
    ASSERT_TRUE(parsed) << parsed.error().message;
    for (Json& document : *parsed) put(std::move(document));
  }

  // Objects are created a second apart, in the order in which they come.
  Dirty put(Json document) {
    const ObjectKey key{string_at(document, {"kind"}), string_at(document, {"metadata", "namespace"}),
                        string_at(document, {"metadata", "name"})};
    if (key.kind == "Namespace" || key.kind == "Kustomization") return {};
    if (!find(document, {"metadata", "creationTimestamp"}))
      document["metadata"]["creationTimestamp"] =
          format_time(at("2026-01-01T00:00:00Z") + std::chrono::seconds(created_++));
    documents[key] = document;
    if (key.kind == "Backend") return put_decoded(key, api::decode_backend(document));
    if (key.kind == "Domain") return put_decoded(key, api::decode_domain(document));
    if (key.kind == "DataProduct") return put_decoded(key, api::decode_data_product(document));
    if (key.kind == "DataContract") return put_decoded(key, api::decode_data_contract(document));
    if (key.kind == "Subscription") return put_decoded(key, api::decode_subscription(document));
    if (key.kind == "Approval") return put_decoded(key, api::decode_approval(document));
    if (key.kind == "Policy") return put_decoded(key, api::decode_policy(document));
    ADD_FAILURE() << "unknown kind " << key.kind;
    return {};
  }

  // A merge patch (RFC 7386), written as YAML, over what was declared; "" removes the object.
  Dirty change(std::string_view object, std::string_view patch) {
    const ObjectKey key = key_of(object);
    if (patch.empty()) {
      documents.erase(key);
      return catalog.remove(key);
    }
    return put(patched(object, patch));
  }

  Json patched(std::string_view object, std::string_view patch) const {
    const auto document = documents.find(key_of(object));
    EXPECT_NE(document, documents.end()) << object;
    auto parsed = kube::parse_yaml(patch);
    EXPECT_TRUE(parsed && parsed->size() == 1) << patch;
    Json result = document == documents.end() ? Json::object() : document->second;
    if (parsed && parsed->size() == 1) result.merge_patch(parsed->front());
    return result;
  }

 private:
  template <class T>
  Dirty put_decoded(const ObjectKey& key, Result<T> value) {
    return value ? catalog.put(*std::move(value)) : catalog.put_invalid(key, value.error().message);
  }

  int created_ = 0;
};

// sales offers orders as a table with a hidden column, and as events; marketing reads them; finance has two namespaces.
inline constexpr std::string_view kMesh = R"(
{apiVersion: datamesh.dev/v1alpha1, kind: Backend, metadata: {name: warehouse}, spec: {engine: postgresql, external: {endpoint: 'postgres://db:5432/mesh'}}}
---
{apiVersion: datamesh.dev/v1alpha1, kind: Backend, metadata: {name: events}, spec: {engine: nats, external: {endpoint: 'nats://bus:4222'}}}
---
{apiVersion: datamesh.dev/v1alpha1, kind: Domain, metadata: {name: sales}, spec: {team: {members: [{username: bo, role: developer}, {username: ana, role: owner}, {username: vic}]}}}
---
{apiVersion: datamesh.dev/v1alpha1, kind: Domain, metadata: {name: marketing}, spec: {}}
---
{apiVersion: datamesh.dev/v1alpha1, kind: Domain, metadata: {name: finance}, spec: {namespaces: [finance, finance-eu]}}
---
apiVersion: datamesh.dev/v1alpha1
kind: DataContract
metadata: {name: orders-v1, namespace: sales}
spec:
  id: contract-orders
  version: 1.2.0
  schema:
  - name: orders
    properties:
    - {name: order_id, logicalType: string, physicalType: uuid, primaryKey: true, required: true}
    - {name: email, logicalType: string, classification: restricted, tags: [pii]}
    - {name: placed_at, logicalType: timestamp, required: true}
    - {name: note, logicalType: string, classification: public}
  roles: [{role: orders_reader, firstLevelApprovers: sales-data, secondLevelApprovers: kim}, {role: orders_pii_reader}]
  provisioning: {roles: [{role: orders_pii_reader, maxClassification: restricted}]}
---
apiVersion: datamesh.dev/v1alpha1
kind: DataContract
metadata: {name: placed-v1, namespace: sales}
spec: {version: 1.0.0, schema: [{name: placed, properties: [{name: order_id, logicalType: string}]}]}
---
apiVersion: datamesh.dev/v1alpha1
kind: DataProduct
metadata: {name: orders, namespace: sales}
spec:
  outputPorts:
  - {name: orders, version: 1.2.0, type: tables, provisioning: {contractRef: {name: orders-v1}, backend: warehouse}}
  - {name: order-placed, version: 1.0.0, type: topic, provisioning: {contractRef: {name: placed-v1}, backend: events, parameters: {retention: 7d, maxBytes: 1Gi, replicas: 3}}}
  - {name: order-feed, version: 1.0.0, type: topic, provisioning: {contractRef: {name: orders-v1}, backend: events}}
---
apiVersion: datamesh.dev/v1alpha1
kind: Subscription
metadata: {name: churn, namespace: marketing}
spec:
  provider: {dataProductRef: {namespace: sales, name: orders}, outputPort: {name: orders, version: '1'}}
  roles: [{role: orders_reader}]
---
apiVersion: datamesh.dev/v1alpha1
kind: Approval
metadata: {name: churn, namespace: sales}
spec: {subscriptionRef: {namespace: marketing, name: churn}, outputPort: {name: orders, version: '1'}, roles: [orders_reader], decision: Approved, approver: ana}
)";

// "orders: note order_id placed_at; lines: id"; "-" for nothing at all.
inline std::string text_of(const std::optional<Access>& access) {
  if (!access) return "-";
  std::string text;
  for (const auto& [table, columns] : access->readable) {
    text += (text.empty() ? "" : "; ") + table + ":";
    for (const std::string& column : columns) text += " " + column;
  }
  return text;
}

}  // namespace datamesh::mesh::testing

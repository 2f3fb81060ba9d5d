#pragma once
// DataProduct: what a domain offers. spec is a Bitol ODPS document (docs/reference); `provisioning` is ours.

#include "api/types.hpp"

namespace datamesh::api {

enum class DeletionPolicy { Retain, Delete };

struct OutputPort {
  std::string name;
  std::string version;  // "1.2.0"; its major is the port's identity
  std::string type;     // tables | documents | keyvalue | topic | files | api
  std::string contract_id;
  std::string contract_ref;  // provisioning.contractRef.name
  std::string backend;       // provisioning.backend
  DeletionPolicy deletion_policy = DeletionPolicy::Retain;
  std::map<std::string, std::string>
      parameters;  // provisioning.parameters, scalars as text: retention, maxBytes, replicas
  bool operator==(const OutputPort&) const = default;
};

struct InputPort {
  std::string name, version, contract_id;
  std::string subscription_ref;  // provisioning.subscriptionRef.name
  bool operator==(const InputPort&) const = default;
};

struct OutputPortStatus {
  std::string name, version;
  std::int64_t subscriptions = 0;
  std::string dataset_namespace, dataset_name;  // OpenLineage
  bool operator==(const OutputPortStatus&) const = default;
};

struct DataProductStatus {
  std::int64_t observed_generation = -1;
  std::vector<Condition>
      conditions;  // ContractValid, PolicyCompliant, Provisioned, Ready (Stalled, Reconciling, DeletionBlocked)
  std::vector<OutputPortStatus> output_ports;
  std::vector<std::string> retained;  // what was kept of ports that are gone
  std::string last_handled_request;
  bool operator==(const DataProductStatus&) const = default;
};

struct DataProduct {
  Metadata metadata;
  std::string id;  // default: UUIDv5 of its URN; immutable
  std::string name;
  std::string version;
  std::string lifecycle = "active";  // proposed | draft | active | deprecated | retired
  std::string domain;                // default: the Domain that owns the namespace
  std::vector<std::string> tags;
  std::vector<InputPort> input_ports;
  std::vector<OutputPort> output_ports;
  DataProductStatus status;
  bool operator==(const DataProduct&) const = default;
};

// "urn:datamesh:product:sales:orders" of namespace and name.
std::string product_urn(std::string_view ns, std::string_view name);

Result<DataProduct> decode_data_product(const nlohmann::json& object);
std::vector<Problem> validate(const DataProduct& product);
nlohmann::json encode_spec(const DataProduct& product);
nlohmann::json encode_status(const DataProductStatus& status);

}  // namespace datamesh::api

#pragma once
// DataContract: what a port promises. spec is an ODCS 3.1 document; `provisioning` is ours.

#include "api/types.hpp"

namespace datamesh::api {

// In rising order: a role reads what is at most its maxClassification. A property without one is internal.
enum class Classification { Public, Internal, Confidential, Restricted };
std::string_view to_string(Classification classification);
std::optional<Classification> parse_classification(std::string_view text);

enum class Compatibility { None, Backward, Forward, Full };

struct Property {
  std::string name;
  std::string logical_type;  // string date timestamp time number integer object array boolean
  std::string physical_type;
  std::string description;
  bool required = false, unique = false, primary_key = false;
  int primary_key_position = 0;
  Classification classification = Classification::Internal;
  std::vector<std::string> tags;
  bool operator==(const Property&) const = default;
};

struct SchemaObject {
  std::string name;
  std::string physical_name;  // default: name
  std::string description;
  std::vector<Property> properties;
  bool operator==(const SchemaObject&) const = default;
};

struct ContractRole {
  std::string role;
  std::string access;  // "read"
  std::string first_level_approvers, second_level_approvers;
  Classification max_classification = Classification::Internal;  // provisioning.roles[].maxClassification
  bool operator==(const ContractRole&) const = default;
};

struct DataContractStatus {
  std::int64_t observed_generation = -1;
  std::vector<Condition> conditions;  // Valid, Ready
  std::int64_t ports = 0;             // that use it
  bool operator==(const DataContractStatus&) const = default;
};

struct DataContract {
  Metadata metadata;
  std::string id, name, version;
  std::string lifecycle = "active";
  std::vector<SchemaObject> schema;
  std::vector<ContractRole> roles;  // as declared; empty means one role `reader`
  Compatibility compatibility = Compatibility::Backward;
  std::vector<std::string> tags;
  DataContractStatus status;
  bool operator==(const DataContract&) const = default;
};

Result<DataContract> decode_data_contract(const nlohmann::json& object);
std::vector<Problem> validate(const DataContract& contract);
nlohmann::json encode_spec(const DataContract& contract);
nlohmann::json encode_status(const DataContractStatus& status);

}  // namespace datamesh::api

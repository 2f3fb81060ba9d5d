#include "mesh/workload.hpp"

namespace datamesh::mesh {

std::string_view to_string(PortType type) {
  switch (type) {
    case PortType::Tables:
      return "tables";
    case PortType::Documents:
      return "documents";
    case PortType::KeyValue:
      return "keyvalue";
    case PortType::Topic:
      return "topic";
    case PortType::Files:
      return "files";
    case PortType::Api:
      return "api";
  }
  return "";
}

std::string urn(const PortKey& key) {
  return "urn:datamesh:port:" + key.domain + ":" + key.product + ":" + key.port + ":v" + std::to_string(key.major);
}

ObjectKey member_principal(std::string_view domain, std::string_view backend, std::string_view username) {
  return {"Member", std::string(domain) + "@" + std::string(backend), std::string(username)};
}

}  // namespace datamesh::mesh

#include "api/read.hpp"
#include "api/reader.hpp"

namespace datamesh::api {
namespace {

template <class K>
Result<K> decode(const Json& object, K (*read)(const Json&, std::vector<Problem>&)) {
  std::vector<Problem> problems;
  K value = read(object, problems);
  if (problems.empty()) return value;
  return Error{Code::Invalid, join(problems)};
}

}  // namespace

Result<Backend> decode_backend(const Json& object) {
  return decode(object, read_backend);
}
Result<Domain> decode_domain(const Json& object) {
  return decode(object, read_domain);
}
Result<DataProduct> decode_data_product(const Json& object) {
  return decode(object, read_data_product);
}
Result<DataContract> decode_data_contract(const Json& object) {
  return decode(object, read_data_contract);
}
Result<Subscription> decode_subscription(const Json& object) {
  return decode(object, read_subscription);
}
Result<Approval> decode_approval(const Json& object) {
  return decode(object, read_approval);
}
Result<Policy> decode_policy(const Json& object) {
  return decode(object, read_policy);
}

std::vector<Problem> problems_of(const Json& object) {
  std::vector<Problem> problems;
  const std::string kind = string_at(object, {"kind"});
  if (kind == "Backend")
    read_backend(object, problems);
  else if (kind == "Domain")
    read_domain(object, problems);
  else if (kind == "DataProduct")
    read_data_product(object, problems);
  else if (kind == "DataContract")
    read_data_contract(object, problems);
  else if (kind == "Subscription")
    read_subscription(object, problems);
  else if (kind == "Approval")
    read_approval(object, problems);
  else if (kind == "Policy")
    read_policy(object, problems);
  else
    problems.push_back({"kind", Json(kind).dump(-1, ' ', false, Json::error_handler_t::replace),
                        "must be one of Backend, Domain, DataProduct, DataContract, Subscription, Approval, Policy"});
  if (const std::string version = string_at(object, {"apiVersion"}); version != kApiVersion)
    problems.push_back({"apiVersion", Json(version).dump(-1, ' ', false, Json::error_handler_t::replace),
                        "must be " + std::string(kApiVersion)});
  return problems;
}

}  // namespace datamesh::api

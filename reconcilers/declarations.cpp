#include "reconcilers/declarations.hpp"

#include "controller/core/json.hpp"

namespace datamesh {
namespace {

template <class T>
std::function<mesh::Dirty(mesh::Catalog&)> putter(const ObjectKey& key, Result<T> decoded) {
  if (!decoded) {
    return [key, why = decoded.error().message](mesh::Catalog& catalog) { return catalog.put_invalid(key, why); };
  }
  return [value = std::make_shared<T>(*std::move(decoded))](mesh::Catalog& catalog) {
    return catalog.put(std::move(*value));
  };
}

}  // namespace

ObjectKey key_of(const Json& object) {
  return {string_at(object, {"kind"}), string_at(object, {"metadata", "namespace"}),
          string_at(object, {"metadata", "name"})};
}

std::function<mesh::Dirty(mesh::Catalog&)> decode_declaration(const Json& object) {
  const ObjectKey key = key_of(object);
  if (key.kind == "Backend") return putter(key, api::decode_backend(object));
  if (key.kind == "Domain") return putter(key, api::decode_domain(object));
  if (key.kind == "DataProduct") return putter(key, api::decode_data_product(object));
  if (key.kind == "DataContract") return putter(key, api::decode_data_contract(object));
  if (key.kind == "Subscription") return putter(key, api::decode_subscription(object));
  if (key.kind == "Approval") return putter(key, api::decode_approval(object));
  if (key.kind == "Policy") return putter(key, api::decode_policy(object));
  return [](mesh::Catalog&) { return mesh::Dirty{}; };
}

}  // namespace datamesh

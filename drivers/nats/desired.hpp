#pragma once
// A workload in the words of NATS. Pure.

#include "drivers/nats/credentials.hpp"
#include "drivers/nats/spec.hpp"
#include "mesh/workload.hpp"

namespace datamesh::nats {

//   domain            -> an account, owned by the Domain
//   topic port        -> a stream in its domain's account, owned by the DataProduct
//   access            -> a durable consumer of that stream, owned by the Subscription, whether or not it has a
//                        credential yet: the position outlives a lost Secret
//   ... credentialed  -> the import and the honoured key in the consumer's account, owned by the Subscription
//   member            -> the honoured key in the domain's account, owned by the Domain
// A port that is not a topic cannot be served here; its product is held.
Desired<Spec> desired(const Keyring& keys, const mesh::Workload& workload);

}  // namespace datamesh::nats

#pragma once
// What things are called on a NATS server. Pure; the same name for the same thing, for ever, and never one for two.
//
// Subject tokens and stream names may not hold `.`, `*`, `>` or blanks. A text that has to be changed or cut gets a
// hash of the original; the original stays readable in the mark (spec.hpp).

#include <string>
#include <string_view>

#include "controller/core/ids.hpp"
#include "controller/plan/plan.hpp"
#include "mesh/workload.hpp"

namespace datamesh::nats {

// One token of a subject: letters, digits, `-` and `_`, at most 64 characters.
std::string token(std::string_view text);

// "sales__orders__order-placed__v1". The domain is part of it, because acknowledgements travel unmapped
// ($JS.ACK.<stream>.<durable>.>) and must not meet those of a stream of the consumer's own account.
std::string stream_name(const mesh::PortKey& port);
// "sales.orders.order-placed.v1.>". All that a domain publishes lies under its own name.
std::string subject(const mesh::PortKey& port);
// "sales": the first token of the subjects of a domain. Never that of an API prefix.
std::string subject_root(std::string_view domain);
// "marketing__churn-reads-orders". One for each subscription: two subscriptions of a domain keep two positions.
std::string durable_name(const ObjectKey& subscription);
// Where a consumer finds the provider's JetStream API: "mesh.sales"; within the provider's own account "$JS.API".
std::string api_prefix(std::string_view provider, std::string_view consumer);
// "_INBOX.marketing__churn-reads-orders": private, since the users of an account share its subjects.
std::string inbox_prefix(const ObjectKey& principal);

// Plan names.
ResourceId account_id(std::string_view domain);
ResourceId stream_id(std::string_view domain, std::string_view stream);
ResourceId consumer_id(std::string_view domain, std::string_view stream, std::string_view durable);
ResourceId access_id(std::string_view domain, const ObjectKey& subscription);  // in the consumer's account
ResourceId member_id(std::string_view domain, std::string_view username);

// The n-th part of a plan name, split at '/'; the last wanted part takes the rest.
std::string part(const ResourceId& id, int n, bool rest = false);

// "Subscription/marketing/churn-reads-orders" and back. An empty kind: not such a text.
ObjectKey parse_key(std::string_view text);

}  // namespace datamesh::nats

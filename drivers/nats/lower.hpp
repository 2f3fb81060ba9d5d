#pragma once
// The requests of a change, as text for people, and the bodies that are sent. Pure; never a secret.

#include <string>
#include <vector>

#include "drivers/nats/spec.hpp"

namespace datamesh::nats {

std::vector<std::string> lower(const Change<Spec>& change);

// Bodies of $JS.API.STREAM.CREATE/UPDATE and CONSUMER.DURABLE.CREATE.
std::string stream_config(const std::string& name, const StreamSpec& spec, const Mark& mark);
std::string consumer_request(const std::string& stream, const std::string& durable, const ConsumerSpec& spec,
                             const Mark& mark);

}  // namespace datamesh::nats

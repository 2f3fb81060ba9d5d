#pragma once
// The two implementations of Client. Internal: make_client() chooses.

#include "controller/http/client.hpp"

namespace datamesh::http {

Result<std::unique_ptr<Client>> make_cpprest_client(ClientOptions options);  // http:// and https://
Result<std::unique_ptr<Client>> make_unix_client(ClientOptions options);     // unix:/path

// Invalid: a method, target or header that would end its line early, and begin another.
Result<void> check_call(const Call& call);

}  // namespace datamesh::http

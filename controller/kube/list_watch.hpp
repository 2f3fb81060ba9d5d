#pragma once
// Follows all objects of one kind over HTTP, whatever happens to the server and the way to it: the client's side of the
// list/watch contract (https://kubernetes.io/docs/reference/using-api/api-concepts/).
//
//   1. everything there is: one streaming list (sendInitialEvents) where the server serves it, else pages of 500;
//   2. a watch from there, with bookmarks, begun again from the last version when it ends;
//   3. back to 1 when the version is too old (410, as a status or inside the stream), or the server says that it has
//   lost
//      its way. Waits in between grow with each failure, and are short again after what the server delivers.

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/clock.hpp"
#include "controller/http/client.hpp"
#include "controller/kube/store.hpp"

namespace datamesh::kube {

struct ListWatchOptions {
  bool streaming = true;
  int page_size = 500;
  Duration first_wait = std::chrono::milliseconds(800), longest_wait = std::chrono::seconds(30);  // as client-go
  // The server sends a bookmark about every minute; silence for longer means that the connection is dead.
  std::chrono::milliseconds silence_max = std::chrono::seconds(150);
  const Clock* clock = &real_clock();
};

// Until stopped. `sink` is called on this thread alone, in the order that Event describes.
void follow(http::Client& client, const ResourceType& type, const std::string& label_selector,
            const std::function<void(const Event&)>& sink, const ListWatchOptions& options, std::stop_token stop);

// All pages of one list, as of one version; which one is the result. `each` gets the items as they come. A token that
// expires on the way: `restart` is called, and everything comes again, in one piece.
Result<std::string> list_pages(http::Client& client, const ResourceType& type, const std::string& ns,
                               const std::string& label_selector, int page_size,
                               const std::function<void(nlohmann::json&)>& each, const std::function<void()>& restart,
                               const std::stop_token& stop);

// "/apis/datamesh.dev/v1alpha1/namespaces/sales/dataproducts/orders/status"; parts that are empty are left out.
std::string path_of(const ResourceType& type, const std::string& ns, const std::string& name,
                    const std::string& subresource = "");

// What a status of 4xx or 5xx means to the caller, with the server's message.
Error error_of(const http::Response& response);

}  // namespace datamesh::kube

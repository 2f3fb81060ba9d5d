#include "api/change.hpp"

#include <array>

#include "controller/core/json.hpp"

namespace datamesh::api {

std::vector<Problem> problems_of_change(const Json& before, const Json& after) {
  struct Fixed {
    std::string_view kind, path;
    std::initializer_list<std::string_view> at;
    std::string_view message;
  };
  static const std::array<Fixed, 4> fixed = {{
      {"DataProduct", "spec.id", {"spec", "id"}, "cannot be changed"},
      {"DataContract", "spec.id", {"spec", "id"}, "cannot be changed"},
      {"Subscription",
       "spec.provider",
       {"spec", "provider"},
       "cannot be changed: a Subscription is for one port; make another one"},
      {"Approval",
       "spec.subscriptionRef",
       {"spec", "subscriptionRef"},
       "cannot be changed: an Approval is about one Subscription; make another one"},
  }};
  std::vector<Problem> problems;
  const std::string kind = string_at(after, {"kind"});
  for (const Fixed& one : fixed) {
    if (one.kind != kind) continue;
    const Json* was = find(before, one.at);
    const Json* is = find(after, one.at);
    if (!was || (is && *is == *was)) continue;
    const std::string value =
        is && is->is_primitive() ? is->dump(-1, ' ', false, Json::error_handler_t::replace) : std::string();
    problems.push_back({std::string(one.path), value, std::string(one.message)});
  }
  return problems;
}

}  // namespace datamesh::api

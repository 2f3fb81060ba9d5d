#include "apiserver/storage/list_rules.hpp"

#include <charconv>

#include "controller/core/ids.hpp"

namespace datamesh::apiserver::storage {
namespace {

Failure invalid(std::string message) {
  Failure failure{Reason::Invalid, std::move(message), {}, {}, 0};
  failure.field = "resourceVersionMatch";
  return failure;
}

Failure bad_request(std::string message) {
  return {Reason::BadRequest, std::move(message), {}, {}, 0};
}

}  // namespace

std::string too_old_message(Rv asked, Rv oldest) {
  return "too old resource version: " + std::to_string(asked) + " (" + std::to_string(oldest) + ")";
}

std::string too_large_message(Rv asked, Rv current) {
  return "Too large resource version: " + std::to_string(asked) + ", current: " + std::to_string(current);
}

// "1", version, namespace, name in lines: none of them can contain a line's end.
std::string encode_token(const Token& token) {
  return base64url_encode("1\n" + std::to_string(token.rv) + "\n" + token.after.first + "\n" + token.after.second);
}

std::optional<Token> decode_token(const std::string& text) {
  const std::string plain = base64_decode(text);
  const auto version_end = plain.find('\n');
  if (version_end == std::string::npos || plain.substr(0, version_end) != "1") return std::nullopt;
  const auto rv_end = plain.find('\n', version_end + 1);
  if (rv_end == std::string::npos) return std::nullopt;
  const auto ns_end = plain.find('\n', rv_end + 1);
  if (ns_end == std::string::npos || plain.find('\n', ns_end + 1) != std::string::npos) return std::nullopt;
  Token token;
  const char* const last = plain.data() + rv_end;
  const auto [end, error] = std::from_chars(plain.data() + version_end + 1, last, token.rv);
  if (error != std::errc() || end != last) return std::nullopt;
  token.after = {plain.substr(rv_end + 1, ns_end - rv_end - 1), plain.substr(ns_end + 1)};
  return token;
}

Outcome<ListPlan> plan_list(const ListOptions& options) {
  const bool has_match = options.rv_match != RvMatch::Unset;
  const Rv rv = options.rv.value_or(0);
  using At = ListPlan::At;

  if (!options.continue_token.empty()) {
    if (has_match) return invalid("resourceVersionMatch is forbidden when continue is provided");
    if (rv != 0) return bad_request("specifying resource version is not allowed when using continue");
    auto token = decode_token(options.continue_token);
    if (!token) return bad_request("invalid continue token");
    if (token->rv == 0) return ListPlan{At::Latest, 0, std::move(token->after)};
    return ListPlan{At::Exactly, token->rv, std::move(token->after)};
  }
  if (has_match && !options.rv) return invalid("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (rv == 0) {
    if (options.rv_match == RvMatch::Exact)
      return invalid("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
    return ListPlan{};
  }
  const bool exact = options.rv_match == RvMatch::Exact || (!has_match && options.limit > 0);
  return ListPlan{exact ? At::Exactly : At::NotOlderThan, rv, std::nullopt};
}

Failure expired(const ListPlan& plan, Rv current) {
  Failure failure{Reason::Expired, "The resourceVersion for the provided list is too old.", {}, {}, current};
  if (!plan.after) return failure;
  failure.message =
      "The provided continue parameter is too old to display a consistent list result. You can start a new list "
      "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
      "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
      "modified, or deleted between the time the first chunk was returned and now may show up in the list.";
  failure.continue_token = encode_token({0, *plan.after});
  return failure;
}

}  // namespace datamesh::apiserver::storage

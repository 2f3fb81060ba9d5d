#include "apiserver/storage/list_rules.hpp"

#include <array>
#include <charconv>

#include "controller/core/ids.hpp"

namespace datamesh::apiserver::storage {
namespace {

Failure invalid(std::string message) {
  Failure failure{Reason::Invalid, std::move(message), {}, {}, 0};
  failure.field = "resourceVersionMatch";
  return failure;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
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

// "1", version, shown, namespace, name in lines: none of them can contain a line's end.
std::string encode_token(const Token& token) {
  std::string text = "1";
  for (const auto& line :
       {std::to_string(token.rv), std::to_string(token.shown), token.after.first, token.after.second})
    text.append(1, '\n').append(line);
  return base64url_encode(text);
}

std::optional<Token> decode_token(const std::string& text) {
  const std::string plain = base64_decode(text);
  std::array<std::string_view, 5> lines;
  std::string_view rest = plain;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    lines[i] = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  lines.back() = rest;
  const auto rv = number(lines[1]);
  const auto shown = number(lines[2]);
  if (lines[0] != "1" || !rv || !shown || rest.find('\n') != std::string_view::npos) return std::nullopt;
  return Token{*rv, {std::string(lines[3]), std::string(lines[4])}, *shown};
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
    if (token->rv == 0) return ListPlan{At::Latest, 0, std::move(token->after), token->shown};
    return ListPlan{At::Exactly, token->rv, std::move(token->after), token->shown};
  }
  if (has_match && !options.rv) return invalid("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (rv == 0) {
    if (options.rv_match == RvMatch::Exact)
      return invalid("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
    return ListPlan{};
  }
  const bool exact = options.rv_match == RvMatch::Exact || (!has_match && options.limit > 0);
  return ListPlan{exact ? At::Exactly : At::NotOlderThan, rv, std::nullopt, 0};
}

Failure expired(const ListPlan& plan, Rv current) {
  Failure failure{Reason::Expired, "The resourceVersion for the provided list is too old.", {}, {}, current};
  if (!plan.after) return failure;
  failure.message =
      "The provided continue parameter is too old to display a consistent list result. You can start a new list "
      "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
      "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
      "modified, or deleted between the time the first chunk was returned and now may show up in the list.";
  failure.continue_token = encode_token({0, *plan.after, plan.shown});
  return failure;
}

}  // namespace datamesh::apiserver::storage

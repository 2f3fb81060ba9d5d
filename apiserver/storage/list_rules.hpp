#pragma once
// What a list's options mean: Kubernetes' rules of resourceVersion, resourceVersionMatch, limit and continue. Pure.
//
//   continue   resourceVersion  match          limit   means
//   -          unset            -              any     Latest
//   -          unset            any            any     422
//   -          "0"              -/NotOlderThan any     Latest (any version will do)
//   -          "0"              Exact          any     422
//   -          N                -              0       NotOlderThan N
//   -          N                -              > 0     Exactly N
//   -          N                Exact          any     Exactly N
//   -          N                NotOlderThan   any     NotOlderThan N
//   token      unset, "0"       -              any     Exactly the token's version, after its place
//   token      unset, "0"       any            any     422
//   token      N                any            any     400

#include <optional>
#include <string>
#include <utility>

#include "apiserver/storage/index.hpp"
#include "apiserver/storage/storage.hpp"

namespace datamesh::apiserver::storage {

struct Token {
  Rv rv = 0;  // 0: whatever is there now (an inconsistent continuation)
  Place after;
  std::size_t shown = 0;  // items up to there
  bool operator==(const Token&) const = default;
};

std::string encode_token(const Token& token);
std::optional<Token> decode_token(const std::string& text);

struct ListPlan {
  enum class At { Latest, NotOlderThan, Exactly } at = At::Latest;
  Rv rv = 0;
  std::optional<Place> after;
  std::size_t shown = 0;  // before this page
  bool operator==(const ListPlan&) const = default;
};

Outcome<ListPlan> plan_list(const ListOptions& options);

// The answer to an `Exactly` below the history.
Failure expired(const ListPlan& plan, Rv current);

}  // namespace datamesh::apiserver::storage

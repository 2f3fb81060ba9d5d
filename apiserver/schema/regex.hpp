#pragma once
// Regular expressions in RE2's syntax, as the `pattern` of a schema and CEL's matches() use it.
//
// Matching takes time linear in the text (a set of states, no backtracking), so a hostile pattern or value costs no
// more than its length times the pattern's. Not supported: Unicode classes (\p{..}); as in RE2 no back-references and
// no look-around.

#include <cstdint>
#include <memory>
#include <string_view>

#include "controller/core/result.hpp"

namespace datamesh::apiserver {

class Regex {
 public:
  // Invalid: what is wrong with the pattern.
  static Result<Regex> compile(std::string_view pattern);
  // Whether it occurs anywhere in the text (use ^ and $ to anchor). The text is UTF-8.
  bool search(std::string_view text) const;

  struct Program;

 private:
  std::shared_ptr<const Program> program_;
};

}  // namespace datamesh::apiserver

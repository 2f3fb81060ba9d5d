#pragma once
// The part of CEL that x-kubernetes-validations commonly use: literals, self, oldSelf, fields, indexing, `in`,
// arithmetic, comparison, && || !, ?:, has(), size(), all/exists/exists_one/filter/map, matches, startsWith, endsWith,
// contains, string functions of conversion. Anything else is a compile error that names it.
// Evaluation is bounded in steps; there are no side effects.

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "controller/core/result.hpp"

namespace datamesh::apiserver {

class CelProgram {
 public:
  static Result<CelProgram> compile(std::string_view expression);
  bool uses_old_self() const;
  // Invalid when an operand has the wrong type, a key is missing, or the budget of steps is used up.
  Result<bool> evaluate_bool(const nlohmann::json& self, const nlohmann::json* old_self) const;
  Result<std::string> evaluate_string(const nlohmann::json& self, const nlohmann::json* old_self) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
  bool uses_old_self_ = false;
};

}  // namespace datamesh::apiserver

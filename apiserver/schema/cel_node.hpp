#pragma once
// The syntax tree of CEL. Not for others.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/schema/cel.hpp"
#include "apiserver/schema/regex.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

struct CelProgram::Node {
  enum class Kind {
    Literal,   // value
    Variable,  // name
    Select,    // children[0].name
    Index,     // children[0][children[1]]
    Has,       // has(children[0].name)
    Not,
    Negate,
    And,
    Or,
    Conditional,  // children[0] ? children[1] : children[2]
    Binary,       // name: == != < <= > >= in + - * / %
    Call,         // name(children...), the receiver first
    Macro,        // children[0].name(variable, children[1] [, children[2]])
    List,
    Map,  // key, value, key, value, ...
  };
  Kind kind = Kind::Literal;
  std::string name;
  std::string variable;
  Json value;
  std::vector<std::shared_ptr<const Node>> children;
  std::optional<Regex> regex;  // of matches() with a literal
};

using CelNode = std::shared_ptr<const CelProgram::Node>;

Result<CelNode> parse_cel(std::string_view text);
bool mentions(const CelProgram::Node& node, std::string_view variable);

}  // namespace datamesh::apiserver

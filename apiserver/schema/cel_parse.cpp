#include <array>
#include <charconv>
#include <cstdlib>

#include "apiserver/schema/cel_node.hpp"
#include "apiserver/schema/field_error.hpp"

namespace datamesh::apiserver {

namespace {

using Node = CelProgram::Node;
using Kind = Node::Kind;

constexpr int depth_max = 100;
constexpr int nodes_max = 2000;
constexpr std::size_t text_bytes_max = 10'000;

bool is_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_macro(std::string_view name) {
  constexpr std::array macros = {"all", "exists", "exists_one", "map", "filter"};
  for (std::string_view one : macros) {
    if (one == name) return true;
  }
  return false;
}

bool is_function(std::string_view name, std::size_t arguments) {
  struct Function {
    std::string_view name;
    std::size_t arguments;
  };
  constexpr std::array functions = {
      Function{"size", 1},      Function{"matches", 2},    Function{"startsWith", 2}, Function{"endsWith", 2},
      Function{"contains", 2},  Function{"lowerAscii", 1}, Function{"upperAscii", 1}, Function{"trim", 1},
      Function{"split", 2},     Function{"join", 1},       Function{"join", 2},       Function{"indexOf", 2},
      Function{"int", 1},       Function{"string", 1},     Function{"double", 1},     Function{"sum", 1},
      Function{"min", 1},       Function{"max", 1},        Function{"replace", 3},    Function{"isSorted", 1},
      Function{"substring", 2}, Function{"substring", 3},  Function{"timestamp", 1}};
  for (const Function& one : functions) {
    if (one.name == name && one.arguments == arguments) return true;
  }
  return false;
}

// Property names that are no identifiers are written escaped (KEP-2876).
std::string unescaped(std::string name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> escapes = {
      {{"__dot__", "."}, {"__dash__", "-"}, {"__slash__", "/"}, {"__underscores__", "__"}}};
  for (const auto& [escape, text] : escapes) {
    for (std::size_t at = name.find(escape); at != std::string::npos; at = name.find(escape, at + text.size())) {
      name.replace(at, escape.size(), text);
    }
  }
  if (name.size() > 4 && name.starts_with("__") && name.ends_with("__")) name = name.substr(2, name.size() - 4);
  return name;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<CelNode> run() {
    if (text_.size() > text_bytes_max) return Error{Code::Invalid, "expression too long"};
    CelNode node = expression(0);
    blanks();
    if (error_.empty() && at_ < text_.size()) fail("Syntax error: unexpected " + go_quoted(text_.substr(at_, 12)));
    if (!error_.empty()) return Error{Code::Invalid, error_};
    return node;
  }

 private:
  CelNode fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return std::make_shared<const Node>();
  }
  bool broken() const { return !error_.empty(); }

  void blanks() {
    for (; at_ < text_.size(); ++at_) {
      if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
        if (at_ == text_.size()) return;
      } else if (text_[at_] != ' ' && text_[at_] != '\n' && text_[at_] != '\t' && text_[at_] != '\r') {
        return;
      }
    }
  }
  bool take(std::string_view token) {
    blanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token)) fail("Syntax error: expected '" + std::string{token} + "' at " + std::to_string(at_));
  }
  std::string identifier() {
    blanks();
    const std::size_t start = at_;
    if (at_ < text_.size() && is_start(text_[at_])) {
      while (at_ < text_.size() && (is_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
    }
    if (at_ == start) fail("Syntax error: expected an identifier at " + std::to_string(at_));
    return std::string{text_.substr(start, at_ - start)};
  }
  // The number of nodes bounds the depth of the tree, and with it the stack of an evaluation.
  CelNode make(Kind kind, std::vector<CelNode> children, std::string name = {}) {
    if (++nodes_ > nodes_max) return fail("expression too complex");
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->children = std::move(children);
    node->name = std::move(name);
    return node;
  }
  static CelNode literal(Json value) {
    auto node = std::make_shared<Node>();
    node->value = std::move(value);
    return node;
  }

  CelNode expression(int depth) {
    if (depth > depth_max) return fail("expression nests too deeply");
    CelNode condition = disjunction(depth);
    if (broken() || !take("?")) return condition;
    CelNode then = disjunction(depth + 1);
    expect(":");
    if (broken()) return then;
    CelNode otherwise = expression(depth + 1);
    return make(Kind::Conditional, {condition, then, otherwise});
  }
  CelNode disjunction(int depth) {
    CelNode left = conjunction(depth);
    while (!broken() && take("||")) left = make(Kind::Or, {left, conjunction(depth)});
    return left;
  }
  CelNode conjunction(int depth) {
    CelNode left = relation(depth);
    while (!broken() && take("&&")) left = make(Kind::And, {left, relation(depth)});
    return left;
  }
  std::string relation_operator() {
    for (std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (take(op)) return std::string{op};
    }
    blanks();
    const bool in = text_.substr(at_).starts_with("in") &&
                    (at_ + 2 >= text_.size() || (!is_start(text_[at_ + 2]) && !is_digit(text_[at_ + 2])));
    if (!in) return {};
    at_ += 2;
    return "in";
  }
  CelNode relation(int depth) {
    CelNode left = sum(depth);
    while (!broken()) {
      std::string op = relation_operator();
      if (op.empty()) break;
      left = make(Kind::Binary, {left, sum(depth)}, std::move(op));
    }
    return left;
  }
  CelNode sum(int depth) {
    CelNode left = product(depth);
    while (!broken()) {
      const char* op = take("+") ? "+" : take("-") ? "-" : nullptr;
      if (!op) break;
      left = make(Kind::Binary, {left, product(depth)}, op);
    }
    return left;
  }
  CelNode product(int depth) {
    CelNode left = unary(depth);
    while (!broken()) {
      const char* op = take("*") ? "*" : take("/") ? "/" : take("%") ? "%" : nullptr;
      if (!op) break;
      left = make(Kind::Binary, {left, unary(depth)}, op);
    }
    return left;
  }
  CelNode unary(int depth) {
    if (depth > depth_max) return fail("expression nests too deeply");
    blanks();
    if (text_.substr(at_, 2) != "!=" && take("!")) return make(Kind::Not, {unary(depth + 1)});
    if (take("-")) return make(Kind::Negate, {unary(depth + 1)});
    return member(depth);
  }
  CelNode member(int depth) {
    CelNode node = primary(depth);
    while (!broken()) {
      if (take("[")) {
        CelNode index = expression(depth + 1);
        expect("]");
        node = make(Kind::Index, {node, index});
      } else if (take(".")) {
        std::string name = identifier();
        blanks();
        node = at_ < text_.size() && text_[at_] == '(' ? call(std::move(name), node, depth)
                                                       : make(Kind::Select, {node}, unescaped(std::move(name)));
      } else {
        break;
      }
    }
    return node;
  }
  CelNode call(std::string name, CelNode receiver, int depth) {
    expect("(");
    if (receiver && is_macro(name)) return macro(std::move(name), std::move(receiver), depth);
    std::vector<CelNode> arguments;
    if (receiver) arguments.push_back(std::move(receiver));
    const bool method = !arguments.empty();
    while (!broken() && !take(")")) {
      if (arguments.size() > (method ? 1u : 0u)) expect(",");
      if (!broken()) arguments.push_back(expression(depth + 1));
    }
    if (broken()) return fail("");
    if (!method && name == "has") {
      if (arguments.size() != 1 || arguments[0]->kind != Kind::Select) return fail("invalid argument to has() macro");
      return make(Kind::Has, arguments[0]->children, arguments[0]->name);
    }
    if (!is_function(name, arguments.size()))
      return fail("undeclared reference or unsupported function '" + name + "'");
    auto node = std::make_shared<Node>();
    node->kind = Kind::Call;
    node->name = name;
    node->children = std::move(arguments);
    if (name == "matches" && node->children[1]->kind == Kind::Literal && node->children[1]->value.is_string()) {
      auto regex = Regex::compile(node->children[1]->value.get_ref<const std::string&>());
      if (!regex) return fail("invalid matches argument: " + regex.error().message);
      node->regex = *regex;
    }
    return node;
  }
  CelNode macro(std::string name, CelNode receiver, int depth) {
    auto node = std::make_shared<Node>();
    node->kind = Kind::Macro;
    node->variable = identifier();
    node->children.push_back(std::move(receiver));
    while (!broken() && take(",")) node->children.push_back(expression(depth + 1));
    expect(")");
    const std::size_t count = node->children.size();
    if (count != 2 && !(name == "map" && count == 3)) return fail("wrong number of arguments of " + name + "()");
    node->name = std::move(name);
    return node;
  }
  CelNode primary(int depth) {
    blanks();
    if (at_ >= text_.size()) return fail("Syntax error: unexpected end of expression");
    const char c = text_[at_];
    if (take("(")) {
      CelNode inner = expression(depth + 1);
      expect(")");
      return inner;
    }
    if (take("[")) return elements(Kind::List, "]", depth);
    if (take("{")) return elements(Kind::Map, "}", depth);
    if (c == '"' || c == '\'') return string(false);
    if ((c == 'r' || c == 'R') && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\'')) {
      ++at_;
      return string(true);
    }
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    std::string name = identifier();
    if (broken()) return fail("");
    if (name == "true" || name == "false") return literal(name == "true");
    if (name == "null") return literal(nullptr);
    blanks();
    if (at_ < text_.size() && text_[at_] == '(') return call(std::move(name), nullptr, depth);
    return make(Kind::Variable, {}, std::move(name));
  }
  CelNode elements(Kind kind, std::string_view end, int depth) {
    std::vector<CelNode> children;
    while (!broken() && !take(end)) {
      if (!children.empty()) {
        expect(",");
        if (take(end)) break;
      }
      if (broken()) break;
      children.push_back(expression(depth + 1));
      if (kind == Kind::Map) {
        expect(":");
        if (!broken()) children.push_back(expression(depth + 1));
      }
    }
    return make(kind, std::move(children));
  }
  CelNode number() {
    const std::size_t start = at_;
    if (text_.substr(at_, 2) == "0x") {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_ + 2, text_.data() + text_.size(), value, 16);
      if (error != std::errc{}) return fail("invalid int literal");
      at_ = static_cast<std::size_t>(end - text_.data());
      return literal(value);
    }
    bool real = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      const bool sign = (c == '+' || c == '-') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E') && at_ > start;
      if (c == '.' || c == 'e' || c == 'E') real = true;
      if (!is_digit(c) && c != '.' && c != 'e' && c != 'E' && !sign) break;
    }
    const std::string text{text_.substr(start, at_ - start)};
    if (at_ < text_.size() && (text_[at_] == 'u' || text_[at_] == 'U')) ++at_;
    if (real) return literal(std::strtod(text.c_str(), nullptr));
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return fail("invalid int literal");
    return literal(value);
  }
  CelNode string(bool raw) {
    const char quote = text_[at_++];
    std::string out;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (raw || text_[at_] != '\\' || at_ + 1 >= text_.size()) {
        out += text_[at_];
        continue;
      }
      switch (const char c = text_[++at_]) {
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case 'r':
          out += '\r';
          break;
        case '\\':
        case '\'':
        case '"':
        case '`':
        case '?':
          out += c;
          break;
        default:
          return fail(std::string{"unsupported escape sequence \\"} + c);
      }
    }
    if (at_ >= text_.size()) return fail("Syntax error: unterminated string");
    ++at_;
    return literal(out);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int nodes_ = 0;
  std::string error_;
};

}  // namespace

Result<CelNode> parse_cel(std::string_view text) {
  return Parser{text}.run();
}

bool mentions(const CelProgram::Node& node, std::string_view variable) {
  if (node.kind == Kind::Variable && node.name == variable) return true;
  for (const CelNode& child : node.children) {
    if (mentions(*child, variable)) return true;
  }
  return false;
}

}  // namespace datamesh::apiserver

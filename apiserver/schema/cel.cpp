#include "apiserver/schema/cel.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "apiserver/schema/cel_node.hpp"
#include "apiserver/schema/field_error.hpp"
#include "controller/core/clock.hpp"

namespace datamesh::apiserver {

namespace {

using Node = CelProgram::Node;
using Kind = Node::Kind;

constexpr int steps_max = 200'000;

// A value of the object, or one that was computed: the object itself is never copied.
class Value {
 public:
  Value() = default;
  explicit Value(const Json* of_object) : seen_(of_object) {}
  Value(Json made) : made_(std::make_shared<const Json>(std::move(made))) {}  // NOLINT(google-explicit-constructor)
  // A part of a value lives as long as the value.
  Value part(const Json& json) const {
    Value out;
    out.seen_ = &json;
    out.made_ = made_;
    return out;
  }
  const Json& operator*() const { return seen_ ? *seen_ : *made_; }
  const Json* operator->() const { return &**this; }

 private:
  const Json* seen_ = nullptr;
  std::shared_ptr<const Json> made_;
};

Error wrong(std::string message) {
  return Error{Code::Invalid, std::move(message)};
}
Error no_overload(const std::string& name) {
  return wrong("no such overload: " + name);
}

std::int64_t size_of(const Json& value) {
  if (!value.is_string()) return static_cast<std::int64_t>(value.size());
  const auto& text = value.get_ref<const std::string&>();
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

Result<Value> arithmetic(const std::string& op, const Json& a, const Json& b) {
  if (op == "+" && a.is_string() && b.is_string()) return Value(Json(a.get<std::string>() + b.get<std::string>()));
  if (op == "+" && a.is_array() && b.is_array()) {
    Json out = a;
    out.insert(out.end(), b.begin(), b.end());
    return Value(std::move(out));
  }
  if (!a.is_number() || !b.is_number()) return no_overload(op);
  if (a.is_number_float() || b.is_number_float()) {
    const double x = a.get<double>(), y = b.get<double>();
    if (op == "%") return no_overload(op);
    return Value(Json(op == "+" ? x + y : op == "-" ? x - y : op == "*" ? x * y : x / y));
  }
  const auto x = a.get<std::int64_t>(), y = b.get<std::int64_t>();
  std::int64_t out = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(x, y, &out);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(x, y, &out);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(x, y, &out);
  } else {
    if (y == 0) return wrong(op == "/" ? "division by zero" : "modulus by zero");
    overflow = x == std::numeric_limits<std::int64_t>::min() && y == -1;
    if (!overflow) out = op == "/" ? x / y : x % y;
  }
  if (overflow) return wrong("integer overflow");
  return Value(Json(out));
}

Result<Value> convert(const std::string& name, const Json& value) {
  if (name == "string") return Value(Json(value.is_string() ? value.get<std::string>() : value.dump()));
  if (name == "double") {
    if (value.is_number()) return Value(Json(value.get<double>()));
    if (value.is_string()) return Value(Json(std::strtod(value.get_ref<const std::string&>().c_str(), nullptr)));
    return no_overload(name);
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!(number > -9.2e18 && number < 9.2e18)) return wrong("range error converting to int");
    return Value(Json(static_cast<std::int64_t>(number)));
  }
  if (value.is_number()) return Value(Json(value.get<std::int64_t>()));
  if (!value.is_string()) return no_overload(name);
  const auto& text = value.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return wrong("type conversion error from 'string' to 'int'");
  return Value(Json(number));
}

// A point in time; good to be compared with another one.
Result<Value> timestamp(const Json& value) {
  if (!value.is_string()) return no_overload("timestamp");
  const auto time = parse_time(value.get_ref<const std::string&>());
  if (!time) return wrong("type conversion error from 'string' to 'google.protobuf.Timestamp'");
  return Value(Json(static_cast<std::int64_t>(time->time_since_epoch().count())));
}

Result<Value> list_function(const std::string& name, const Json& list) {
  if (!list.is_array()) return no_overload(name);
  if (name == "isSorted") return Value(Json(std::is_sorted(list.begin(), list.end())));
  if (name == "sum") {
    Value total(Json(0));
    for (const Json& one : list) {
      auto next = arithmetic("+", *total, one);
      if (!next) return next;
      total = *next;
    }
    return total;
  }
  if (list.empty()) return wrong(name + " called on empty list");
  return Value(
      Json(name == "min" ? *std::min_element(list.begin(), list.end()) : *std::max_element(list.begin(), list.end())));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  if (from.empty()) return text;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
    if (text.size() > (1 << 20)) break;
  }
  return text;
}

Json split(const std::string& text, const std::string& separator) {
  Json out = Json::array();
  if (separator.empty()) {
    for (char c : text) out.push_back(std::string(1, c));
    return out;
  }
  std::size_t start = 0;
  for (std::size_t at = text.find(separator); at != std::string::npos; at = text.find(separator, start)) {
    out.push_back(text.substr(start, at - start));
    start = at + separator.size();
  }
  out.push_back(text.substr(start));
  return out;
}

std::string joined(const Json& list, const std::string& separator) {
  std::string out;
  for (const Json& one : list) {
    if (&one != &list.front()) out += separator;
    out += one.is_string() ? one.get<std::string>() : one.dump();
  }
  return out;
}

Result<Value> substring(const std::string& text, const std::vector<Value>& arguments) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (!arguments[1]->is_number_integer() || !arguments.back()->is_number_integer()) return no_overload("substring");
  const auto from = arguments[1]->get<std::int64_t>();
  const auto to = arguments.size() > 2 ? arguments[2]->get<std::int64_t>() : size;
  if (from < 0 || to > size || from > to) return wrong("index out of range");
  return Value(Json(text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from))));
}

Result<Value> string_function(const Node& node, const std::vector<Value>& arguments) {
  const std::string& name = node.name;
  if (!arguments[0]->is_string()) return no_overload(name);
  const auto& text = arguments[0]->get_ref<const std::string&>();
  if (name == "substring") return substring(text, arguments);
  for (const Value& one : arguments) {
    if (!one->is_string()) return no_overload(name);
  }
  if (name == "lowerAscii" || name == "upperAscii") {
    std::string out = text;
    for (char& c : out) {
      if (name == "lowerAscii" ? (c >= 'A' && c <= 'Z') : (c >= 'a' && c <= 'z')) c = static_cast<char>(c ^ 0x20);
    }
    return Value(Json(out));
  }
  if (name == "trim") {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == std::string::npos) return Value(Json(""));
    return Value(Json(text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1)));
  }
  const auto& other = arguments[1]->get_ref<const std::string&>();
  if (name == "startsWith") return Value(Json(text.starts_with(other)));
  if (name == "endsWith") return Value(Json(text.ends_with(other)));
  if (name == "contains") return Value(Json(text.find(other) != std::string::npos));
  if (name == "split") return Value(split(text, other));
  if (name == "replace") return Value(Json(replaced(text, other, arguments[2]->get_ref<const std::string&>())));
  if (name == "indexOf") {
    const std::size_t at = text.find(other);
    return Value(Json(at == std::string::npos ? std::int64_t{-1} : static_cast<std::int64_t>(at)));
  }
  if (node.regex) return Value(Json(node.regex->search(text)));
  auto regex = Regex::compile(other);
  if (!regex) return regex.error();
  return Value(Json(regex->search(text)));
}

class Evaluator {
 public:
  Evaluator(const Json& self, const Json* old_self) {
    variables_.emplace_back("self", Value(&self));
    if (old_self) variables_.emplace_back("oldSelf", Value(old_self));
  }

  Result<Value> run(const Node& node) {
    if (++steps_ > steps_max) return wrong("operation cancelled: actual cost limit exceeded");
    switch (node.kind) {
      case Kind::Literal:
        return Value(&node.value);
      case Kind::Variable:
        return variable(node.name);
      case Kind::Select:
        return select(node);
      case Kind::Index:
        return index(node);
      case Kind::Has: {
        DATAMESH_TRY(const Value object, run(*node.children[0]));
        return Value(Json(object->is_object() && object->contains(node.name)));
      }
      case Kind::Not: {
        DATAMESH_TRY(const Value value, run(*node.children[0]));
        if (!value->is_boolean()) return no_overload("!");
        return Value(Json(!value->get<bool>()));
      }
      case Kind::Negate: {
        DATAMESH_TRY(const Value value, run(*node.children[0]));
        return arithmetic("-", value->is_number_float() ? Json(0.0) : Json(0), *value);
      }
      case Kind::And:
        return connective(node, false);
      case Kind::Or:
        return connective(node, true);
      case Kind::Conditional: {
        DATAMESH_TRY(const Value condition, run(*node.children[0]));
        if (!condition->is_boolean()) return no_overload("?:");
        return run(*node.children[condition->get<bool>() ? 1 : 2]);
      }
      case Kind::Binary:
        return binary(node);
      case Kind::Call:
        return call(node);
      case Kind::Macro:
        return macro(node);
      case Kind::List: {
        Json out = Json::array();
        for (const CelNode& child : node.children) {
          DATAMESH_TRY(const Value value, run(*child));
          out.push_back(*value);
        }
        return Value(std::move(out));
      }
      case Kind::Map: {
        Json out = Json::object();
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
          DATAMESH_TRY(const Value key, run(*node.children[i]));
          DATAMESH_TRY(const Value value, run(*node.children[i + 1]));
          if (!key->is_string()) return wrong("map keys must be strings");
          out[key->get<std::string>()] = *value;
        }
        return Value(std::move(out));
      }
    }
    return wrong("unknown expression");
  }

 private:
  Result<Value> variable(const std::string& name) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->first == name) return it->second;
    }
    return wrong("undeclared reference to '" + name + "'");
  }

  Result<Value> select(const Node& node) {
    DATAMESH_TRY(const Value object, run(*node.children[0]));
    if (!object->is_object()) return wrong("no such overload: " + node.name);
    const auto it = object->find(node.name);
    if (it == object->end()) return wrong("no such key: " + node.name);
    return object.part(*it);
  }

  Result<Value> index(const Node& node) {
    DATAMESH_TRY(const Value object, run(*node.children[0]));
    DATAMESH_TRY(const Value key, run(*node.children[1]));
    if (object->is_array() && key->is_number_integer()) {
      const auto at = key->get<std::int64_t>();
      if (at < 0 || at >= static_cast<std::int64_t>(object->size()))
        return wrong("index out of bounds: " + std::to_string(at));
      return object.part((*object)[static_cast<std::size_t>(at)]);
    }
    if (!object->is_object() || !key->is_string()) return no_overload("_[_]");
    const auto it = object->find(key->get_ref<const std::string&>());
    if (it == object->end()) return wrong("no such key: " + key->get<std::string>());
    return object.part(*it);
  }

  // && and || decide by either side, also when the other one fails.
  Result<Value> connective(const Node& node, bool decisive) {
    auto left = run(*node.children[0]);
    if (left && (*left)->is_boolean() && (*left)->get<bool>() == decisive) return left;
    auto right = run(*node.children[1]);
    if (right && (*right)->is_boolean() && (*right)->get<bool>() == decisive) return right;
    if (!left) return left;
    if (!right) return right;
    if (!(*left)->is_boolean() || !(*right)->is_boolean()) return no_overload(decisive ? "||" : "&&");
    return right;
  }

  Result<Value> binary(const Node& node) {
    DATAMESH_TRY(const Value left, run(*node.children[0]));
    DATAMESH_TRY(const Value right, run(*node.children[1]));
    const std::string& op = node.name;
    if (op == "==") return Value(Json(*left == *right));
    if (op == "!=") return Value(Json(*left != *right));
    if (op == "in") {
      steps_ += static_cast<int>(right->size());
      if (right->is_array()) return Value(Json(std::find(right->begin(), right->end(), *left) != right->end()));
      if (right->is_object() && left->is_string())
        return Value(Json(right->contains(left->get_ref<const std::string&>())));
      return no_overload("in");
    }
    if (op[0] != '<' && op[0] != '>') return arithmetic(op, *left, *right);
    const bool comparable = (left->is_number() && right->is_number()) || (left->is_string() && right->is_string()) ||
                            (left->is_boolean() && right->is_boolean());
    if (!comparable) return no_overload(op);
    return Value(Json(op == "<"    ? *left < *right
                      : op == "<=" ? *left <= *right
                      : op == ">"  ? *left > *right
                                   : *left >= *right));
  }

  Result<Value> call(const Node& node) {
    std::vector<Value> arguments;
    for (const CelNode& child : node.children) {
      DATAMESH_TRY(Value value, run(*child));
      arguments.push_back(std::move(value));
    }
    const Json& first = *arguments[0];
    const std::string& name = node.name;
    if (first.is_string()) steps_ += static_cast<int>(first.get_ref<const std::string&>().size() / 10);
    if (name == "size") {
      if (!first.is_structured() && !first.is_string()) return no_overload(name);
      return Value(Json(size_of(first)));
    }
    if (name == "int" || name == "string" || name == "double") return convert(name, first);
    if (name == "timestamp") return timestamp(first);
    if (name == "sum" || name == "min" || name == "max" || name == "isSorted") return list_function(name, first);
    if (name == "join") {
      if (!first.is_array() || (arguments.size() > 1 && !arguments[1]->is_string())) return no_overload(name);
      return Value(Json(joined(first, arguments.size() > 1 ? arguments[1]->get<std::string>() : "")));
    }
    return string_function(node, arguments);
  }

  // The range of a macro over a map are its keys.
  Result<Value> macro(const Node& node) {
    DATAMESH_TRY(const Value range, run(*node.children[0]));
    if (!range->is_structured()) return no_overload(node.name);
    Json out = Json::array();
    int found = 0;
    std::optional<Error> error;
    for (auto it = range->begin(); it != range->end(); ++it) {
      variables_.emplace_back(node.variable, range->is_object() ? Value(Json(it.key())) : range.part(*it));
      auto result = run(*node.children[1]);
      const bool yes = result && (*result)->is_boolean() && (*result)->get<bool>();
      Result<Value> mapped = result;
      if (node.children.size() == 3 && yes) mapped = run(*node.children[2]);
      const Value item = variables_.back().second;
      variables_.pop_back();
      if (steps_ > steps_max) return wrong("operation cancelled: actual cost limit exceeded");
      if (node.name == "all" && result && !yes) return Value(Json(false));
      if (node.name == "exists" && yes) return Value(Json(true));
      if (!result || !mapped) {
        if (!error) error = result ? mapped.error() : result.error();
        continue;
      }
      found += yes ? 1 : 0;
      if (node.name == "filter" && yes) out.push_back(*item);
      if (node.name == "map" && (node.children.size() == 2 || yes)) out.push_back(**mapped);
    }
    if (error) return *error;
    if (node.name == "all") return Value(Json(true));
    if (node.name == "exists") return Value(Json(false));
    if (node.name == "exists_one") return Value(Json(found == 1));
    return Value(std::move(out));
  }

  std::vector<std::pair<std::string, Value>> variables_;
  int steps_ = 0;
};

}  // namespace

Result<CelProgram> CelProgram::compile(std::string_view expression) {
  DATAMESH_TRY(CelNode root, parse_cel(expression));
  CelProgram program;
  program.uses_old_self_ = mentions(*root, "oldSelf");
  program.root_ = std::move(root);
  return program;
}

bool CelProgram::uses_old_self() const {
  return uses_old_self_;
}

Result<bool> CelProgram::evaluate_bool(const Json& self, const Json* old_self) const {
  DATAMESH_TRY(const Value value, Evaluator(self, old_self).run(*root_));
  if (!value->is_boolean()) return wrong("expression does not evaluate to bool");
  return value->get<bool>();
}

Result<std::string> CelProgram::evaluate_string(const Json& self, const Json* old_self) const {
  DATAMESH_TRY(const Value value, Evaluator(self, old_self).run(*root_));
  if (!value->is_string()) return wrong("expression does not evaluate to string");
  return value->get<std::string>();
}

}  // namespace datamesh::apiserver

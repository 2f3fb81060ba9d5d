#include "apiserver/schema/selectors.hpp"

#include <algorithm>
#include <charconv>

#include "apiserver/schema/names.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

using Operator = LabelRequirement::Operator;
constexpr std::size_t requirements_max = 1000;

Error unparsable(const std::string& message) {
  return Error{Code::Invalid, "unable to parse requirement: " + message};
}

// Tokens of a label selector: words, and = == != ! ( ) , > <. An empty token is the end.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { next(); }

  std::string_view token() const { return token_; }
  bool end() const { return token_.empty(); }
  bool word() const { return !end() && std::string_view{"=!(),><"}.find(token_[0]) == std::string_view::npos; }
  void next() {
    while (!text_.empty() && std::string_view{" \t\r\n"}.find(text_[0]) != std::string_view::npos)
      text_.remove_prefix(1);
    std::size_t length = 0;
    if (text_.starts_with("==") || text_.starts_with("!=")) {
      length = 2;
    } else if (!text_.empty()) {
      length = std::max<std::size_t>(1, std::min(text_.find_first_of("=!(),>< \t\r\n"), text_.size()));
    }
    token_ = text_.substr(0, length);
    text_.remove_prefix(length);
  }

 private:
  std::string_view text_;
  std::string_view token_;
};

class LabelParser {
 public:
  explicit LabelParser(std::string_view text) : lexer_(text) {}

  Result<LabelSelector> run() {
    LabelSelector selector;
    while (!lexer_.end()) {
      if (!lexer_.word() && lexer_.token() != "!") {
        return Error{Code::Invalid,
                     "found '" + std::string{lexer_.token()} + "', expected: !, identifier, or 'end of string'"};
      }
      DATAMESH_TRY(LabelRequirement one, requirement());
      selector.push_back(std::move(one));
      if (selector.size() > requirements_max)
        return Error{Code::Invalid, "too many requirements in the label selector"};
      if (lexer_.end()) break;
      if (lexer_.token() != ",") {
        return Error{Code::Invalid, "found '" + std::string{lexer_.token()} + "', expected: ',' or 'end of string'"};
      }
      lexer_.next();
      if (!lexer_.word() && lexer_.token() != "!") {
        return Error{Code::Invalid, "found '" + std::string{lexer_.token()} + "', expected: identifier after ','"};
      }
    }
    return selector;
  }

 private:
  Result<LabelRequirement> requirement() {
    LabelRequirement one;
    if (lexer_.token() == "!") {
      one.op = Operator::DoesNotExist;
      lexer_.next();
    }
    if (!lexer_.word()) return unparsable("found '" + std::string{lexer_.token()} + "', expected: identifier");
    one.key = lexer_.token();
    if (auto problem = qualified_name_problem(one.key)) return unparsable(to_string(invalid("key", one.key, *problem)));
    lexer_.next();
    if (one.op == Operator::DoesNotExist || lexer_.end() || lexer_.token() == ",") return one;
    const std::string op{lexer_.token()};
    lexer_.next();
    if (op == "in" || op == "notin") {
      one.op = op == "in" ? Operator::In : Operator::NotIn;
      DATAMESH_CHECK(set_values(one));
    } else if (op == "=" || op == "==" || op == "!=" || op == ">" || op == "<") {
      one.op = op == "!="  ? Operator::NotIn
               : op == ">" ? Operator::GreaterThan
               : op == "<" ? Operator::LessThan
                           : Operator::In;
      DATAMESH_CHECK(one_value(one));
    } else {
      return unparsable("found '" + op + "', expected: in, notin, =, ==, !=, gt, lt");
    }
    return check(std::move(one));
  }

  Result<void> set_values(LabelRequirement& one) {
    if (lexer_.token() != "(") return unparsable("found '" + std::string{lexer_.token()} + "' expected: '('");
    lexer_.next();
    std::string value;  // an empty place between commas is the empty value
    for (;; lexer_.next()) {
      if (lexer_.word()) {
        value = lexer_.token();
      } else if (lexer_.token() == "," || lexer_.token() == ")") {
        one.values.push_back(std::move(value));
        value.clear();
        if (lexer_.token() == ")") break;
      } else {
        return unparsable("found '" + std::string{lexer_.token()} + "', expected: ',', ')' or identifier");
      }
    }
    lexer_.next();
    return {};
  }

  Result<void> one_value(LabelRequirement& one) {
    if (lexer_.end() || lexer_.token() == ",") {
      one.values.emplace_back();
      return {};
    }
    if (!lexer_.word()) return unparsable("found '" + std::string{lexer_.token()} + "', expected: identifier");
    one.values.emplace_back(lexer_.token());
    lexer_.next();
    return {};
  }

  static Result<LabelRequirement> check(LabelRequirement one) {
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      const std::string& value = one.values[i];
      const std::string field = "values[" + std::to_string(i) + "][" + one.key + "]";
      if (auto problem = label_value_problem(value)) return unparsable(to_string(invalid(field, value, *problem)));
      if (one.op != Operator::GreaterThan && one.op != Operator::LessThan) continue;
      long number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc{} || end != value.data() + value.size()) {
        return unparsable(
            to_string(invalid("values[0]", value, "for 'Gt', 'Lt' operators, the value must be an integer")));
      }
    }
    std::sort(one.values.begin(), one.values.end());
    return one;
  }

  Lexer lexer_;
};

std::optional<long> number_of(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

bool matches_one(const LabelRequirement& one, std::optional<std::string_view> value) {
  const auto listed = [&] { return std::binary_search(one.values.begin(), one.values.end(), *value); };
  switch (one.op) {
    case Operator::Exists:
      return value.has_value();
    case Operator::DoesNotExist:
      return !value;
    case Operator::In:
      return value && listed();
    case Operator::NotIn:
      return !value || !listed();
    case Operator::GreaterThan:
    case Operator::LessThan: {
      const auto left = value ? number_of(*value) : std::nullopt;
      const auto right = one.values.empty() ? std::nullopt : number_of(one.values.front());
      if (!left || !right) return false;
      return one.op == Operator::GreaterThan ? *left > *right : *left < *right;
    }
  }
  return false;
}

// Whether the value at a path of member names is this text; only texts of numbers and booleans are made.
bool field_is(const Json& object, std::string_view path, const std::string& wanted) {
  const Json* at = &object;
  while (at) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const auto it = at->is_object() ? at->find(path.substr(0, dot)) : at->end();
    at = at->is_object() && it != at->end() ? &*it : nullptr;
    if (dot == path.size()) break;
    path.remove_prefix(dot + 1);
  }
  if (!at || at->is_null()) return wanted.empty();
  if (at->is_string()) return at->get_ref<const std::string&>() == wanted;
  return !at->is_structured() && at->dump() == wanted;
}

}  // namespace

Result<LabelSelector> parse_label_selector(std::string_view text) {
  return LabelParser{text}.run();
}

Result<LabelSelector> label_selector_from_object(const Json& selector) {
  LabelSelector out;
  if (selector.is_null()) return out;
  if (!selector.is_object()) return Error{Code::Invalid, "a label selector must be an object"};
  if (const Json* labels = datamesh::find(selector, {"matchLabels"}); labels && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) {
      if (!value.is_string()) return Error{Code::Invalid, "matchLabels must be strings"};
      out.push_back({key, Operator::In, {value.get<std::string>()}});
    }
  }
  const Json* expressions = datamesh::find(selector, {"matchExpressions"});
  if (!expressions || !expressions->is_array()) return out;
  for (const Json& one : *expressions) {
    LabelRequirement requirement{string_at(one, {"key"}), Operator::Exists, {}};
    const std::string op = string_at(one, {"operator"});
    if (op == "In" || op == "NotIn") {
      requirement.op = op == "In" ? Operator::In : Operator::NotIn;
      const Json* values = datamesh::find(one, {"values"});
      if (!values || !values->is_array() || values->empty()) {
        return Error{Code::Invalid,
                     "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"};
      }
      for (const Json& value : *values)
        requirement.values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
      std::sort(requirement.values.begin(), requirement.values.end());
    } else if (op == "DoesNotExist") {
      requirement.op = Operator::DoesNotExist;
    } else if (op != "Exists") {
      return Error{Code::Invalid, go_quoted(op) + " is not a valid label selector operator"};
    }
    out.push_back(std::move(requirement));
  }
  return out;
}

bool matches(const LabelSelector& selector,
             const std::function<std::optional<std::string_view>(std::string_view)>& value_of) {
  return std::all_of(selector.begin(), selector.end(),
                     [&](const LabelRequirement& one) { return matches_one(one, value_of(one.key)); });
}

bool matches(const LabelSelector& selector, const Json& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const LabelRequirement& one) {
    std::optional<std::string_view> value;
    if (labels.is_object()) {
      if (const auto it = labels.find(one.key); it != labels.end() && it->is_string())
        value = it->get_ref<const std::string&>();
    }
    return matches_one(one, value);
  });
}

std::string to_string(const LabelSelector& selector) {
  std::string text;
  for (const LabelRequirement& one : selector) {
    if (!text.empty()) text += ',';
    if (one.op == Operator::DoesNotExist) text += '!';
    text += one.key;
    if (one.op == Operator::GreaterThan) text += '>';
    if (one.op == Operator::LessThan) text += '<';
    const bool set = (one.op == Operator::In || one.op == Operator::NotIn) && one.values.size() != 1;
    if (set) text += one.op == Operator::In ? " in (" : " notin (";
    if (!set && one.op == Operator::In) text += '=';
    if (!set && one.op == Operator::NotIn) text += "!=";
    for (std::size_t i = 0; i < one.values.size(); ++i) text.append(i ? "," : "").append(one.values[i]);
    if (set) text += ')';
  }
  return text;
}

Result<FieldSelector> parse_field_selector(std::string_view text) {
  FieldSelector selector;
  std::string term;
  FieldRequirement one;
  bool has_operator = false;
  const auto finish = [&]() -> Result<void> {
    if (!has_operator) {
      if (term.empty()) return {};  // an empty term says nothing
      return Error{Code::Invalid, "invalid selector: '" + std::string{text} + "'; can't understand '" + term + "'"};
    }
    one.value = std::move(term);
    selector.push_back(std::move(one));
    term.clear();
    one = {};
    has_operator = false;
    return {};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      if (i + 1 == text.size() || std::string_view{"\\,="}.find(text[i + 1]) == std::string_view::npos) {
        return Error{Code::Invalid, "invalid field selector: " + go_quoted(text) + ": invalid escape sequence"};
      }
      term += text[++i];
    } else if (c == ',') {
      DATAMESH_CHECK(finish());
    } else if (!has_operator && (c == '=' || (c == '!' && i + 1 < text.size() && text[i + 1] == '='))) {
      one.path = std::move(term);
      term.clear();
      one.equals = c == '=';
      has_operator = true;
      if (i + 1 < text.size() && text[i + 1] == '=') ++i;
    } else if (has_operator && c == '=') {
      return Error{Code::Invalid, "invalid selector: '" + std::string{text} + "'; unescaped = in a value"};
    } else {
      term += c;
    }
  }
  DATAMESH_CHECK(finish());
  return selector;
}

Result<void> check_fields(const FieldSelector& selector, const std::vector<std::string>& selectable) {
  for (const FieldRequirement& one : selector) {
    if (one.path == "metadata.name" || one.path == "metadata.namespace") continue;
    if (std::find(selectable.begin(), selectable.end(), one.path) == selectable.end()) {
      return Error{Code::Invalid, "field label not supported: " + one.path};
    }
  }
  return {};
}

bool matches(const FieldSelector& selector, const Json& object) {
  return std::all_of(selector.begin(), selector.end(),
                     [&](const FieldRequirement& one) { return field_is(object, one.path, one.value) == one.equals; });
}

}  // namespace datamesh::apiserver

#include "drivers/postgres/types.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace datamesh::postgres {
namespace {

// A type's text, taken apart: words, the numbers in parentheses, the words after them, and whether it is an array.
struct Shape {
  std::string words;           // "character varying", "timestamp"
  std::vector<int> arguments;  // of "(10,2)"
  std::string after;           // "with time zone"
  bool array = false;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Lower-case words separated by single blanks; stops at anything else.
  std::string words() {
    std::string all;
    for (skip(); at_ < text_.size() && is_letter(text_[at_]); skip()) {
      if (!all.empty()) all += ' ';
      while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) all += lower(text_[at_++]);
    }
    return all;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool number(int& value) {
    skip();
    const auto start = at_;
    value = 0;
    while (at_ < text_.size() && is_digit(text_[at_]) && at_ - start < 9) value = value * 10 + (text_[at_++] - '0');
    return at_ > start;
  }
  bool ended() {
    skip();
    return at_ == text_.size();
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool scan(std::string_view text, Shape& shape) {
  Scanner in(text);
  shape.words = in.words();
  if (in.take('(')) {
    do {
      int value = 0;
      if (!in.number(value)) return false;
      shape.arguments.push_back(value);
    } while (in.take(','));
    if (!in.take(')')) return false;
    shape.after = in.words();
  }
  std::string& last = shape.after.empty() ? shape.words : shape.after;
  if (last == "array" || last.ends_with(" array")) {
    shape.array = true;
    last.resize(last.size() - std::min<std::size_t>(6, last.size()));
  }
  while (in.take('[')) {
    int ignored = 0;
    in.number(ignored);  // PostgreSQL keeps neither the size nor the number of dimensions
    if (!in.take(']')) return false;
    shape.array = true;
  }
  return in.ended() && !shape.words.empty();
}

// How a type takes its numbers.
enum class Takes { Nothing, Length, Precision, Decimal, Bits };

struct Known {
  std::string_view canonical;
  Takes takes = Takes::Nothing;
  std::string_view zone = {};  // " with time zone": goes behind the precision
};

const Known* find_known(std::string_view words) {
  static const std::map<std::string_view, Known> known = {
      {"text", {"text"}},
      {"varchar", {"character varying", Takes::Length}},
      {"character varying", {"character varying", Takes::Length}},
      {"char", {"character", Takes::Length}},
      {"character", {"character", Takes::Length}},
      {"smallint", {"smallint"}},
      {"int2", {"smallint"}},
      {"integer", {"integer"}},
      {"int", {"integer"}},
      {"int4", {"integer"}},
      {"bigint", {"bigint"}},
      {"int8", {"bigint"}},
      {"numeric", {"numeric", Takes::Decimal}},
      {"decimal", {"numeric", Takes::Decimal}},
      {"real", {"real"}},
      {"float4", {"real"}},
      {"double precision", {"double precision"}},
      {"double", {"double precision"}},
      {"float8", {"double precision"}},
      {"float", {"double precision"}},
      {"boolean", {"boolean"}},
      {"bool", {"boolean"}},
      {"date", {"date"}},
      {"timestamp", {"timestamp", Takes::Precision, " without time zone"}},
      {"timestamp without time zone", {"timestamp", Takes::Precision, " without time zone"}},
      {"timestamp with time zone", {"timestamp", Takes::Precision, " with time zone"}},
      {"timestamptz", {"timestamp", Takes::Precision, " with time zone"}},
      {"time", {"time", Takes::Precision, " without time zone"}},
      {"time without time zone", {"time", Takes::Precision, " without time zone"}},
      {"time with time zone", {"time", Takes::Precision, " with time zone"}},
      {"timetz", {"time", Takes::Precision, " with time zone"}},
      {"interval", {"interval", Takes::Precision}},
      {"uuid", {"uuid"}},
      {"json", {"json"}},
      {"jsonb", {"jsonb"}},
      {"xml", {"xml"}},
      {"bytea", {"bytea"}},
      {"bit", {"bit", Takes::Bits}},
      {"bit varying", {"bit varying", Takes::Length}},
      {"varbit", {"bit varying", Takes::Length}},
      {"money", {"money"}},
      {"inet", {"inet"}},
      {"cidr", {"cidr"}},
      {"macaddr", {"macaddr"}},
      {"macaddr8", {"macaddr8"}},
      {"point", {"point"}},
      {"line", {"line"}},
      {"lseg", {"lseg"}},
      {"box", {"box"}},
      {"path", {"path"}},
      {"polygon", {"polygon"}},
      {"circle", {"circle"}},
      {"tsvector", {"tsvector"}},
      {"tsquery", {"tsquery"}},
      {"int4range", {"int4range"}},
      {"int8range", {"int8range"}},
      {"numrange", {"numrange"}},
      {"tsrange", {"tsrange"}},
      {"tstzrange", {"tstzrange"}},
      {"daterange", {"daterange"}}};
  const auto found = known.find(words);
  return found == known.end() ? nullptr : &found->second;
}

constexpr int kLengthMax = 10485760;  // MaxAttrSize, as PostgreSQL's own check
constexpr int kPrecisionMax = 6;
constexpr int kDigitsMax = 1000;

// The numbers as PostgreSQL prints them: "", "(20)", "(10,2)". Empty optional: not allowed for this type.
std::optional<std::string> arguments_of(const Known& type, const std::vector<int>& given) {
  const auto one = [](int value) { return "(" + std::to_string(value) + ")"; };
  switch (type.takes) {
    case Takes::Nothing:
      return given.empty() ? std::optional<std::string>("") : std::nullopt;
    case Takes::Length:
      // A bare "character" is one character; a bare "character varying" has no limit.
      if (given.empty()) return type.canonical == "character" ? "(1)" : "";
      return given.size() == 1 && given[0] >= 1 && given[0] <= kLengthMax ? std::optional(one(given[0])) : std::nullopt;
    case Takes::Bits:
      if (given.empty()) return "(1)";
      return given.size() == 1 && given[0] >= 1 && given[0] <= kLengthMax ? std::optional(one(given[0])) : std::nullopt;
    case Takes::Precision:
      if (given.empty()) return "";
      return given.size() == 1 && given[0] <= kPrecisionMax ? std::optional(one(given[0])) : std::nullopt;
    case Takes::Decimal:
      if (given.empty()) return "";
      if (given.size() > 2 || given[0] < 1 || given[0] > kDigitsMax) return std::nullopt;
      const int scale = given.size() == 2 ? given[1] : 0;
      if (scale > given[0]) return std::nullopt;
      return "(" + std::to_string(given[0]) + "," + std::to_string(scale) + ")";
  }
  return std::nullopt;
}

Error unknown(std::string_view text) {
  return {Code::Invalid,
          "physicalType \"" + std::string(text.substr(0, 80)) +
              "\" is not a PostgreSQL type that can be used here; use text, varchar(n), smallint, integer, "
              "bigint, numeric(p,s), real, double precision, boolean, date, time, timestamp, timestamptz, "
              "interval, uuid, json, jsonb, bytea, inet, ... or an array of one (\"text[]\")"};
}

}  // namespace

Result<std::string> parse_type(std::string_view text) {
  Shape shape;
  if (!scan(text, shape)) return unknown(text);
  if (!shape.after.empty()) shape.words += " " + shape.after;  // timestamp(3) with time zone
  const Known* type = find_known(shape.words);
  if (!type) return unknown(text);
  const auto arguments = arguments_of(*type, shape.arguments);
  if (!arguments) return unknown(text);
  return std::string(type->canonical) + *arguments + std::string(type->zone) + (shape.array ? "[]" : "");
}

Result<std::string> type_of(const mesh::Column& column) {
  if (!column.physical_type.empty()) return parse_type(column.physical_type);
  static const std::map<std::string_view, std::string_view> usual = {{"", "text"},
                                                                     {"string", "text"},
                                                                     {"date", "date"},
                                                                     {"timestamp", "timestamp with time zone"},
                                                                     {"time", "time without time zone"},
                                                                     {"number", "numeric"},
                                                                     {"integer", "bigint"},
                                                                     {"object", "jsonb"},
                                                                     {"array", "jsonb"},
                                                                     {"boolean", "boolean"}};
  const auto found = usual.find(column.logical_type);
  if (found != usual.end()) return std::string(found->second);
  return Error{Code::Invalid,
               "logicalType \"" + column.logical_type.substr(0, 80) +
                   "\" must be one of string, date, timestamp, time, number, integer, object, array, boolean"};
}

bool is_widening(std::string_view from, std::string_view to) {
  Shape old_shape, new_shape;
  if (!scan(from, old_shape) || !scan(to, new_shape) || old_shape.array || new_shape.array) return false;
  const auto& was = old_shape.arguments;
  const auto& is = new_shape.arguments;
  if (old_shape.words == "character varying") {
    if (to == "text") return true;
    return new_shape.words == "character varying" && !was.empty() && (is.empty() || is[0] > was[0]);
  }
  if (old_shape.words == "numeric" && new_shape.words == "numeric") {
    if (was.empty()) return false;
    // Neither the digits before the point nor those behind it may become fewer.
    return is.empty() || (is != was && is[1] >= was[1] && is[0] - is[1] >= was[0] - was[1]);
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> wider = {{{"smallint", "integer"},
                                                                                   {"smallint", "bigint"},
                                                                                   {"smallint", "numeric"},
                                                                                   {"integer", "bigint"},
                                                                                   {"integer", "numeric"},
                                                                                   {"bigint", "numeric"},
                                                                                   {"real", "double precision"},
                                                                                   {"integer", "double precision"}}};
  return std::ranges::find(wider, std::pair(from, to)) != wider.end();
}

}  // namespace datamesh::postgres

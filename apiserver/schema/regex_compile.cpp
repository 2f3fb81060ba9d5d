// From the text of a regular expression to its program.
#include <algorithm>
#include <string>

#include "apiserver/schema/regex_program.hpp"

namespace datamesh::apiserver {

namespace {

constexpr int depth_max = 200;
constexpr int repeat_max = 1000;
constexpr std::size_t instructions_max = 20'000;
constexpr std::uint32_t code_point_max = 0x10FFFF;

Ranges complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  std::uint32_t from = 0;
  for (const Range& range : ranges) {
    if (range.first > from) out.push_back({from, range.first - 1});
    from = std::max(from, range.second + 1);
  }
  if (from <= code_point_max) out.push_back({from, code_point_max});
  return out;
}

// \d \w \s and their complements.
bool perl_class(char letter, Ranges& out) {
  Ranges ranges;
  switch (letter | 0x20) {
    case 'd':
      ranges = {{'0', '9'}};
      break;
    case 'w':
      ranges = {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}};
      break;
    case 's':
      ranges = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
      break;
    default:
      return false;
  }
  if (letter < 'a') ranges = complement(std::move(ranges));
  out.insert(out.end(), ranges.begin(), ranges.end());
  return true;
}

bool posix_class(std::string_view name, Ranges& out) {
  static const std::vector<std::pair<std::string_view, Ranges>> classes = {
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"digit", {{'0', '9'}}},
      {"lower", {{'a', 'z'}}},
      {"upper", {{'A', 'Z'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}}},
      {"print", {{' ', '~'}}},
      {"graph", {{'!', '~'}}},
      {"cntrl", {{0, 31}, {127, 127}}},
      {"ascii", {{0, 127}}}};
  for (const auto& [known, ranges] : classes) {
    if (known != name) continue;
    out.insert(out.end(), ranges.begin(), ranges.end());
    return true;
  }
  return false;
}

using Program = Regex::Program;
using Op = Program::Op;

// Recursive descent straight to code: every parse function appends the instructions of what it read.
class Compiler {
 public:
  explicit Compiler(std::string_view pattern) : text_(pattern) {}

  Result<Program> run() {
    alternation(0);
    if (error_.empty() && at_ < text_.size()) error_ = "unexpected )";
    if (!error_.empty()) return Error{Code::Invalid, "error parsing regexp: " + error_};
    emit({Op::Match});
    return std::move(program_);
  }

 private:
  bool more() const { return error_.empty() && at_ < text_.size(); }
  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  std::size_t here() const { return program_.code.size(); }
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }
  void emit(Program::Instruction instruction) {
    if (here() >= instructions_max) return fail("expression too large");
    program_.code.push_back(instruction);
  }
  void emit_class(Ranges ranges) {
    if (fold_case_) {
      const Ranges before = ranges;
      for (const Range& range : before) {
        for (std::uint32_t c = std::max<std::uint32_t>(range.first, 'A');
             c <= std::min<std::uint32_t>(range.second, 'z'); ++c) {
          if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ranges.push_back({c ^ 0x20, c ^ 0x20});
        }
      }
    }
    emit({Op::Class, static_cast<std::uint32_t>(program_.classes.size())});
    program_.classes.push_back(std::move(ranges));
  }

  // Moves the code from `start` on by one to put an instruction before it.
  void insert(std::size_t start, Program::Instruction instruction) {
    for (std::size_t i = start; i < here(); ++i) {
      auto& one = program_.code[i];
      if (one.op == Op::Split || one.op == Op::Jump) {
        if (one.a >= start) ++one.a;
        if (one.b >= start) ++one.b;
      }
    }
    if (here() >= instructions_max) return fail("expression too large");
    program_.code.insert(program_.code.begin() + static_cast<std::ptrdiff_t>(start), instruction);
  }

  void alternation(int depth) {
    if (depth > depth_max) return fail("expression nests too deeply");
    const std::size_t start = here();
    std::vector<std::size_t> exits;
    const bool fold_before = fold_case_;
    concatenation(depth);
    while (more() && next_is('|')) {
      ++at_;
      insert(start, {Op::Split, static_cast<std::uint32_t>(start + 1), 0});
      for (std::size_t& exit : exits) ++exit;
      exits.push_back(here());
      emit({Op::Jump});
      // The new Split at `start` chooses between all that was read so far and the next branch.
      program_.code[start].b = static_cast<std::uint32_t>(here());
      fold_case_ = fold_before;
      concatenation(depth);
    }
    for (std::size_t exit : exits) {
      if (error_.empty()) program_.code[exit].a = static_cast<std::uint32_t>(here());
    }
  }

  void concatenation(int depth) {
    while (more() && !next_is('|') && !next_is(')')) {
      const std::size_t start = here();
      atom(depth);
      quantifiers(start);
    }
  }

  void quantifiers(std::size_t start) {
    bool any = false;
    while (more()) {
      int low = 0;
      int high = -1;
      if (next_is('*')) {
      } else if (next_is('+')) {
        low = 1;
      } else if (next_is('?')) {
        high = 1;
      } else if (next_is('{') && counted(low, high)) {
        --at_;
      } else {
        return;
      }
      if (any) return fail("invalid nested repetition operator");
      any = true;
      ++at_;
      if (next_is('?')) ++at_;  // laziness does not change whether there is a match
      repeat(start, low, high);
    }
  }

  // {n}, {n,}, {n,m}; anything else is literal text. Leaves at_ behind the brace.
  bool counted(int& low, int& high) {
    std::size_t at = at_ + 1;
    const auto number = [&]() {
      int value = -1;
      for (; at < text_.size() && text_[at] >= '0' && text_[at] <= '9'; ++at) {
        value = std::min(std::max(value, 0) * 10 + (text_[at] - '0'), repeat_max + 1);
      }
      return value;
    };
    low = number();
    if (low < 0) return false;
    high = low;
    if (at < text_.size() && text_[at] == ',') {
      ++at;
      high = number();
    }
    if (at >= text_.size() || text_[at] != '}') return false;
    if (low > repeat_max || high > repeat_max || (high >= 0 && high < low)) fail("invalid repeat count");
    at_ = at + 1;
    return true;
  }

  void append_copy(const std::vector<Program::Instruction>& body, std::size_t origin) {
    const auto shift = static_cast<std::uint32_t>(here() - origin);
    if (here() + body.size() > instructions_max) return fail("expression too large");
    for (Program::Instruction one : body) {
      if (one.op == Op::Split || one.op == Op::Jump) {
        one.a += shift;
        one.b += shift;
      }
      program_.code.push_back(one);
    }
  }

  void repeat(std::size_t start, int low, int high) {
    if (!error_.empty()) return;
    const std::vector<Program::Instruction> body(program_.code.begin() + static_cast<std::ptrdiff_t>(start),
                                                 program_.code.end());
    program_.code.resize(start);
    for (int i = 0; i < low && error_.empty(); ++i) append_copy(body, start);
    if (high < 0) {
      const auto split = static_cast<std::uint32_t>(here());
      emit({Op::Split, split + 1, 0});
      append_copy(body, start);
      emit({Op::Jump, split});
      if (error_.empty()) program_.code[split].b = static_cast<std::uint32_t>(here());
      return;
    }
    std::vector<std::size_t> splits;
    for (int i = low; i < high && error_.empty(); ++i) {
      splits.push_back(here());
      emit({Op::Split, static_cast<std::uint32_t>(here() + 1), 0});
      append_copy(body, start);
    }
    for (std::size_t split : splits) {
      if (error_.empty()) program_.code[split].b = static_cast<std::uint32_t>(here());
    }
  }

  void atom(int depth) {
    const char c = text_[at_];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return bracket();
      case '\\':
        return escape();
      case '*':
      case '+':
      case '?':
        return fail(std::string{"missing argument to repetition operator: `"} + c + "`");
      case '.':
        ++at_;
        return emit_class(dot_all_ ? Ranges{{0, code_point_max}} : Ranges{{0, '\n' - 1}, {'\n' + 1, code_point_max}});
      case '^':
        ++at_;
        return emit({multi_line_ ? Op::LineBegin : Op::Begin});
      case '$':
        ++at_;
        return emit({multi_line_ ? Op::LineEnd : Op::End});
      default: {
        const std::uint32_t point = next_code_point(text_, at_);
        return emit_class({{point, point}});
      }
    }
  }

  void group(int depth) {
    ++at_;
    const bool fold = fold_case_, all = dot_all_, lines = multi_line_;
    if (next_is('?')) {
      ++at_;
      if (next_is('P') || (next_is('<') && at_ + 1 < text_.size() && text_[at_ + 1] != '=' && text_[at_ + 1] != '!')) {
        const std::size_t end = text_.find('>', at_);
        if (end == std::string_view::npos) return fail("invalid named capture");
        at_ = end + 1;
      } else {
        bool on = true;
        for (; more() && !next_is(':') && !next_is(')'); ++at_) {
          switch (text_[at_]) {
            case '-':
              on = false;
              break;
            case 'i':
              fold_case_ = on;
              break;
            case 's':
              dot_all_ = on;
              break;
            case 'm':
              multi_line_ = on;
              break;
            case 'U':
              break;
            default:
              return fail("invalid or unsupported Perl syntax: `(?" + std::string{text_[at_]} + "`");
          }
        }
        if (next_is(')')) {  // flags for the rest of the enclosing group
          ++at_;
          return;
        }
        ++at_;
      }
    }
    alternation(depth + 1);
    if (!next_is(')')) return fail("missing closing )");
    ++at_;
    fold_case_ = fold, dot_all_ = all, multi_line_ = lines;
  }

  // The code point of an escape that stands for one; false when it does not.
  bool literal_escape(std::uint32_t& point) {
    if (at_ + 1 >= text_.size()) {
      fail("trailing backslash at end of expression");
      return false;
    }
    const char c = text_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 'n':
        point = '\n';
        return true;
      case 't':
        point = '\t';
        return true;
      case 'r':
        point = '\r';
        return true;
      case 'f':
        point = '\f';
        return true;
      case 'v':
        point = '\v';
        return true;
      case 'a':
        point = 7;
        return true;
      case 'x':
        return hexadecimal(point);
      default:
        break;
    }
    if (is_word(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80) {
      fail(std::string{"invalid escape sequence: `\\"} + c + "`");
      return false;
    }
    point = static_cast<unsigned char>(c);
    return true;
  }

  bool hexadecimal(std::uint32_t& point) {
    const bool braces = next_is('{');
    if (braces) ++at_;
    point = 0;
    int digits = 0;
    for (; at_ < text_.size() && digits < (braces ? 8 : 2); ++at_, ++digits) {
      const char c = text_[at_];
      const int value = c >= '0' && c <= '9'                     ? c - '0'
                        : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                 : -1;
      if (value < 0) break;
      point = point << 4 | static_cast<std::uint32_t>(value);
    }
    if (digits == 0 || point > code_point_max || (braces && !next_is('}')) || (!braces && digits != 2)) {
      fail("invalid escape sequence: `\\x`");
      return false;
    }
    if (braces) ++at_;
    return true;
  }

  void escape() {
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    Ranges ranges;
    if (perl_class(c, ranges)) {
      at_ += 2;
      return emit_class(std::move(ranges));
    }
    switch (c) {
      case 'b':
        at_ += 2;
        return emit({Op::WordEdge});
      case 'B':
        at_ += 2;
        return emit({Op::NotWordEdge});
      case 'A':
        at_ += 2;
        return emit({Op::Begin});
      case 'z':
        at_ += 2;
        return emit({Op::End});
      case 'Q':
        return literal_run();
      default:
        break;
    }
    std::uint32_t point = 0;
    if (literal_escape(point)) emit_class({{point, point}});
  }

  void literal_run() {
    at_ += 2;
    while (more() && text_.substr(at_, 2) != "\\E") {
      const std::uint32_t point = next_code_point(text_, at_);
      emit_class({{point, point}});
    }
    at_ = std::min(at_ + 2, text_.size());
  }

  void bracket() {
    ++at_;
    const bool negated = next_is('^');
    if (negated) ++at_;
    Ranges ranges;
    for (bool first = true; first || !next_is(']'); first = false) {
      if (!more()) return fail("missing closing ]");
      if (text_.substr(at_, 2) == "[:") {
        const std::size_t end = text_.find(":]", at_ + 2);
        if (end == std::string_view::npos || !posix_class(text_.substr(at_ + 2, end - at_ - 2), ranges)) {
          return fail("invalid character class range");
        }
        at_ = end + 2;
        continue;
      }
      if (next_is('\\') && at_ + 1 < text_.size() && perl_class(text_[at_ + 1], ranges)) {
        at_ += 2;
        continue;
      }
      std::uint32_t low = 0;
      if (!class_point(low)) return;
      std::uint32_t high = low;
      if (next_is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        if (!class_point(high)) return;
      }
      if (high < low) return fail("invalid character class range");
      ranges.push_back({low, high});
    }
    ++at_;
    emit_class(negated ? complement(std::move(ranges)) : std::move(ranges));
  }

  bool class_point(std::uint32_t& point) {
    if (next_is('\\')) return literal_escape(point);
    if (at_ >= text_.size()) {
      fail("missing closing ]");
      return false;
    }
    point = next_code_point(text_, at_);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Program program_;
  std::string error_;
  bool fold_case_ = false, dot_all_ = false, multi_line_ = false;
};

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  DATAMESH_TRY(Program program, Compiler{pattern}.run());
  Regex regex;
  regex.program_ = std::make_shared<const Program>(std::move(program));
  return regex;
}

}  // namespace datamesh::apiserver

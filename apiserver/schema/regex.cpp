#include "apiserver/schema/regex.hpp"

#include "apiserver/schema/regex_program.hpp"

namespace datamesh::apiserver {

namespace {

using Program = Regex::Program;
using Op = Program::Op;

// The states a match may be in, followed through everything that consumes no text.
class States {
 public:
  explicit States(const Program& program) : program_(program), seen_(program.code.size(), 0) {}

  // Returns whether Match was reached. `before` and `after` are the neighbouring code points, -1 at the ends.
  bool add(std::uint32_t from, std::int64_t before, std::int64_t after) {
    stack_.assign(1, from);
    while (!stack_.empty()) {
      const std::uint32_t at = stack_.back();
      stack_.pop_back();
      if (seen_[at] == generation_) continue;
      seen_[at] = generation_;
      const auto& one = program_.code[at];
      switch (one.op) {
        case Op::Match:
          return true;
        case Op::Class:
          live_.push_back(at);
          break;
        case Op::Jump:
          stack_.push_back(one.a);
          break;
        case Op::Split:
          stack_.push_back(one.b), stack_.push_back(one.a);
          break;
        default:
          if (holds(one.op, before, after)) stack_.push_back(at + 1);
      }
    }
    return false;
  }
  void clear() {
    ++generation_;
    live_.clear();
  }
  const std::vector<std::uint32_t>& live() const { return live_; }

 private:
  static bool holds(Op op, std::int64_t before, std::int64_t after) {
    const auto word = [](std::int64_t c) { return c >= 0 && is_word(static_cast<std::uint32_t>(c)); };
    switch (op) {
      case Op::Begin:
        return before < 0;
      case Op::End:
        return after < 0;
      case Op::LineBegin:
        return before < 0 || before == '\n';
      case Op::LineEnd:
        return after < 0 || after == '\n';
      case Op::WordEdge:
        return word(before) != word(after);
      case Op::NotWordEdge:
        return word(before) == word(after);
      default:
        return false;
    }
  }

  const Program& program_;
  std::vector<std::uint32_t> seen_;
  std::vector<std::uint32_t> live_;
  std::vector<std::uint32_t> stack_;
  std::uint32_t generation_ = 1;
};

}  // namespace

bool Regex::search(std::string_view text) const {
  States current(*program_);
  States next(*program_);
  std::int64_t before = -1;
  std::size_t at = 0;
  const bool anchored = program_->code.front().op == Op::Begin;
  for (;;) {
    std::size_t behind = at;
    const std::int64_t c = at < text.size() ? static_cast<std::int64_t>(next_code_point(text, behind)) : -1;
    // States that arrived here were added with this position's neighbours; a new match may begin here as well.
    if ((before < 0 || !anchored) && current.add(0, before, c)) return true;
    if (c < 0 || (anchored && current.live().empty())) return false;
    std::size_t peek = behind;
    const std::int64_t after = behind < text.size() ? static_cast<std::int64_t>(next_code_point(text, peek)) : -1;
    next.clear();
    for (std::uint32_t state : current.live()) {
      if (!program_->in_class(program_->code[state].a, static_cast<std::uint32_t>(c))) continue;
      if (next.add(state + 1, c, after)) return true;
    }
    before = c;
    at = behind;
    current.clear();
    for (std::uint32_t state : next.live()) current.add(state, before, after);
  }
}

}  // namespace datamesh::apiserver

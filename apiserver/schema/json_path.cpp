// The JSONPath of printer columns and selectable fields.
#include <charconv>

#include "apiserver/schema/field_error.hpp"
#include "apiserver/schema/table.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {

struct JsonPath::Step {
  enum class Kind { Field, Index, All, Filter };
  Kind kind = Kind::Field;
  std::string name;
  long index = 0;
  // Filter: [?(@PATH OP VALUE)], or just the existence of PATH when `op` is empty.
  std::vector<Step> path;
  std::string op;
  Json value;
};

namespace {

using Step = JsonPath::Step;
constexpr std::size_t steps_max = 64;

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  Result<std::vector<Step>> run() {
    if (text_.size() >= 2 && text_.front() == '{' && text_.back() == '}') text_ = text_.substr(1, text_.size() - 2);
    if (text_.starts_with('$')) text_.remove_prefix(1);
    DATAMESH_TRY(std::vector<Step> out, steps(0));
    if (at_ < text_.size()) return wrong();
    return out;
  }

 private:
  Error wrong() const { return Error{Code::Invalid, "unrecognized JSON path " + go_quoted(text_)}; }
  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  Result<std::vector<Step>> steps(int depth) {
    std::vector<Step> out;
    if (depth > 4) return wrong();
    while (at_ < text_.size() && (next_is('.') || next_is('['))) {
      if (out.size() >= steps_max) return wrong();
      if (next_is('[')) {
        DATAMESH_TRY(Step step, bracket(depth));
        out.push_back(std::move(step));
        continue;
      }
      ++at_;
      if (at_ >= text_.size() && out.empty()) break;  // "." is the object itself
      if (next_is('[')) continue;
      Step step;
      for (; at_ < text_.size() && std::string_view{".[]()=!<> "}.find(text_[at_]) == std::string_view::npos; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        step.name += text_[at_];
      }
      if (step.name.empty()) return wrong();
      if (step.name == "*") step.kind = Step::Kind::All;
      out.push_back(std::move(step));
    }
    return out;
  }

  Result<Step> bracket(int depth) {
    ++at_;
    Step step;
    if (next_is('?')) {
      DATAMESH_CHECK(filter(step, depth));
    } else if (next_is('*')) {
      ++at_;
      step.kind = Step::Kind::All;
    } else if (next_is('\'') || next_is('"')) {
      if (!quoted_text(step.name)) return wrong();
    } else {
      step.kind = Step::Kind::Index;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), step.index);
      if (error != std::errc{}) return wrong();
      at_ = static_cast<std::size_t>(end - text_.data());
    }
    if (!next_is(']')) return wrong();
    ++at_;
    return step;
  }

  bool quoted_text(std::string& out) {
    const char quote = text_[at_++];
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    return at_++ < text_.size();
  }

  void blanks() {
    while (next_is(' ')) ++at_;
  }

  Result<void> filter(Step& step, int depth) {
    step.kind = Step::Kind::Filter;
    if (text_.substr(at_, 2) != "?(") return wrong();
    at_ += 2;
    blanks();
    if (!next_is('@')) return wrong();
    ++at_;
    DATAMESH_TRY(step.path, steps(depth + 1));
    blanks();
    for (std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!text_.substr(at_).starts_with(op)) continue;
      step.op = op;
      at_ += op.size();
      break;
    }
    blanks();
    if (!step.op.empty()) {
      std::string text;
      if (next_is('\'') || next_is('"')) {
        if (!quoted_text(text)) return wrong();
        step.value = text;
      } else {
        while (at_ < text_.size() && text_[at_] != ')' && text_[at_] != ' ') text += text_[at_++];
        step.value = Json::parse(text, nullptr, false);
        if (step.value.is_discarded() || step.value.is_structured()) return wrong();
      }
    }
    blanks();
    if (!next_is(')')) return wrong();
    ++at_;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void follow(const Json& value, const std::vector<Step>& steps, std::size_t at, std::vector<const Json*>& out);

bool holds(const Json& item, const Step& step) {
  std::vector<const Json*> found;
  follow(item, step.path, 0, found);
  if (found.empty()) return false;
  if (step.op.empty()) return true;
  const Json& value = *found.front();
  if (step.op == "==") return value == step.value;
  if (step.op == "!=") return value != step.value;
  if (value.is_number() != step.value.is_number()) return false;
  if (step.op == "<") return value < step.value;
  if (step.op == "<=") return value <= step.value;
  if (step.op == ">") return value > step.value;
  return value >= step.value;
}

void follow(const Json& value, const std::vector<Step>& steps, std::size_t at, std::vector<const Json*>& out) {
  if (at == steps.size()) {
    out.push_back(&value);
    return;
  }
  const Step& step = steps[at];
  switch (step.kind) {
    case Step::Kind::Field:
      if (value.is_object()) {
        if (const auto it = value.find(step.name); it != value.end()) follow(*it, steps, at + 1, out);
      }
      return;
    case Step::Kind::Index: {
      if (!value.is_array()) return;
      const long size = static_cast<long>(value.size());
      const long index = step.index < 0 ? step.index + size : step.index;
      if (index >= 0 && index < size) follow(value[static_cast<std::size_t>(index)], steps, at + 1, out);
      return;
    }
    case Step::Kind::All:
      if (value.is_structured()) {
        for (const Json& item : value) follow(item, steps, at + 1, out);
      }
      return;
    case Step::Kind::Filter:
      if (!value.is_array()) return;
      for (const Json& item : value) {
        if (holds(item, step)) follow(item, steps, at + 1, out);
      }
  }
}

}  // namespace

Result<JsonPath> JsonPath::compile(std::string_view text) {
  DATAMESH_TRY(std::vector<Step> steps, PathParser{text}.run());
  JsonPath path;
  path.steps_ = std::make_shared<const std::vector<Step>>(std::move(steps));
  return path;
}

std::vector<const Json*> JsonPath::find(const Json& object) const {
  std::vector<const Json*> out;
  follow(object, *steps_, 0, out);
  return out;
}

}  // namespace datamesh::apiserver

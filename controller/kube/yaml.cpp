#include "controller/kube/yaml.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>
#include <yaml-cpp/yaml.h>

#include "controller/core/json.hpp"

namespace datamesh::kube {

namespace {

// Thrown through yaml-cpp's parser, which knows no other way to stop, and caught in parse_yaml().
struct Stop {
  YAML::Mark mark;
  std::string message;
};

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

std::optional<Json> integer(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = text;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0') {
    if (digits[1] == 'x') base = 16;
    if (digits[1] == 'o') base = 8;
    if (digits[1] == 'b') base = 2;
    if (base != 10) digits.remove_prefix(2);
  }
  if (base == 10 && digits.size() > 1 && digits[0] == '0') base = 8;
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || at != end) return std::nullopt;
  constexpr std::uint64_t kMax = static_cast<std::uint64_t>(INT64_MAX);
  if (negative) {
    if (value > kMax + 1) return std::nullopt;
    return Json(static_cast<std::int64_t>(0 - value));
  }
  return value <= kMax ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

std::optional<Json> real(std::string_view text) {
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  if (text.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  std::string_view digits = text[0] == '+' ? text.substr(1) : text;
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return Json(value);
}

bool is_null(std::string_view text) {
  return text.empty() || is_one_of(text, {"~", "null", "Null", "NULL"});
}

Json plain_scalar(const std::string& text, const YAML::Mark& mark) {
  if (is_null(text)) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return false;
  if (auto number = integer(text)) return std::move(*number);
  if (auto number = real(text)) return std::move(*number);
  if (is_one_of(text, {".inf", "-.inf", "+.inf", ".Inf", "-.Inf", ".INF", "-.INF", ".nan", ".NaN", ".NAN"})) {
    throw Stop{mark, "JSON cannot hold " + text};
  }
  return text;
}

Json scalar(const std::string& tag, const std::string& text, const YAML::Mark& mark) {
  if (tag == "tag:yaml.org,2002:int") {
    if (auto number = integer(text)) return std::move(*number);
    throw Stop{mark, "\"" + text + "\" is no integer"};
  }
  if (tag == "tag:yaml.org,2002:float") {
    if (auto number = real(text)) return std::move(*number);
    throw Stop{mark, "\"" + text + "\" is no number"};
  }
  if (tag == "tag:yaml.org,2002:bool") return plain_scalar(text, mark);
  // "?" is a plain scalar without a tag; "!" a quoted one.
  return tag == "?" || tag.empty() ? plain_scalar(text, mark) : Json(text);
}

std::size_t count_nodes(const Json& value) {
  std::size_t count = 1;
  if (value.is_structured()) {
    for (const Json& child : value) count += count_nodes(child);
  }
  return count;
}

// Builds one document from the parser's events.
class Builder : public YAML::EventHandler {
 public:
  Builder(const YamlLimits& limits, std::vector<std::string>* duplicates, std::size_t& nodes)
      : limits_(limits), duplicates_(duplicates), nodes_(nodes) {}

  std::optional<Json> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, anchor, nullptr, ""); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // The merge key is one only when it is plain.
    const bool plain = tag == "?" || tag.empty();
    if (awaits_key() && !(plain && value == "<<")) {
      add_key(mark, value);
      if (anchor != 0) anchors_[anchor] = value;
      return;
    }
    if (awaits_key()) {
      stack_.back().key = value;
      stack_.back().merge = true;
      return;
    }
    add(mark, anchor, scalar(tag, value, mark), value);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Stop{mark, "an alias inside of what it names"};
    if (awaits_key()) {
      if (!it->second.is_string()) throw Stop{mark, "a key must be a scalar"};
      add_key(mark, it->second.get<std::string>());
      return;
    }
    count(mark, count_nodes(it->second) - 1);
    add(mark, 0, it->second, "");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Json value;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::optional<std::string> key;  // read, its value still to come
    bool merge = false;
    Json merged = Json::object();
  };

  bool awaits_key() const { return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().key; }

  void count(const YAML::Mark& mark, std::size_t more) {
    nodes_ += more;
    if (nodes_ > limits_.nodes) throw Stop{mark, "too many nodes; are aliases nested?"};
  }

  std::string path() const {
    std::string out;
    for (const Level& level : stack_) {
      if (level.value.is_array()) {
        out += "[" + std::to_string(level.value.size()) + "]";
      } else if (level.key) {
        out += (out.empty() ? "" : ".") + *level.key;
      }
    }
    return out;
  }

  void add_key(const YAML::Mark& mark, const std::string& key) {
    Level& level = stack_.back();
    level.key = key;
    if (!level.value.contains(key)) return;
    if (duplicates_ != nullptr) duplicates_->push_back(path());
    if (!limits_.duplicates_allowed) throw Stop{mark, "key \"" + key + "\" is already set in this map"};
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    if (awaits_key()) throw Stop{mark, "a key must be a scalar"};
    count(mark, 1);
    if (static_cast<int>(stack_.size()) >= limits_.depth) throw Stop{mark, "nested too deeply"};
    stack_.push_back({std::move(empty), anchor, mark, std::nullopt, false, Json::object()});
  }

  void close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    // What the map says itself wins over what it merges.
    for (auto& [key, value] : level.merged.items()) {
      if (!level.value.contains(key)) level.value[key] = value;
    }
    place(level.mark, level.anchor, std::move(level.value));
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, const std::string& text) {
    if (awaits_key()) {
      add_key(mark, text);
      return;
    }
    count(mark, 1);
    place(mark, anchor, std::move(value));
  }

  void place(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
    if (anchor != 0) anchors_[anchor] = value;
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = stack_.back();
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
      return;
    }
    if (level.merge) {
      merge(mark, level, value);
    } else {
      level.value[*level.key] = std::move(value);
    }
    level.key.reset();
    level.merge = false;
  }

  static void merge(const YAML::Mark& mark, Level& level, const Json& value) {
    const auto one = [&](const Json& map) {
      if (!map.is_object()) throw Stop{mark, "a merge key takes a map or a list of maps"};
      for (const auto& [key, item] : map.items()) {
        if (!level.merged.contains(key)) level.merged[key] = item;
      }
    };
    if (value.is_array()) {
      for (const Json& map : value) one(map);
    } else {
      one(value);
    }
  }

  const YamlLimits& limits_;
  std::vector<std::string>* duplicates_;
  std::size_t& nodes_;
  std::vector<Level> stack_;
  std::map<YAML::anchor_t, Json> anchors_;
  std::optional<Json> root_;
};

Error error_at(const YAML::Mark& mark, const std::string& message) {
  if (mark.line < 0) return {Code::Invalid, "yaml: " + message};
  return {Code::Invalid, "yaml: line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1) +
                             ": " + message};
}

// Whether a text would be read as something else than this string when written plain.
bool needs_quotes(const std::string& text) {
  try {
    return !plain_scalar(text, YAML::Mark()).is_string() || text == "<<" || text == "=" || text == "y" || text == "n" ||
           text == "Y" || text == "N";
  } catch (const Stop&) {
    return true;
  }
}

void emit(YAML::Emitter& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      if (value.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const auto& [key, child] : value.items()) {
        out << YAML::Key;
        if (needs_quotes(key)) out << YAML::DoubleQuoted;
        out << key << YAML::Value;
        emit(out, child);
      }
      out << YAML::EndMap;
      return;
    case Json::value_t::array:
      if (value.empty()) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const Json& child : value) emit(out, child);
      out << YAML::EndSeq;
      return;
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      if (text.find('\n') != std::string::npos && text.find('\r') == std::string::npos && text.back() == '\n') {
        out << YAML::Literal;
      } else if (needs_quotes(text)) {
        out << YAML::DoubleQuoted;
      }
      out << text;
      return;
    }
    case Json::value_t::null:
      out << YAML::Null;
      return;
    default:
      out << value.dump();
  }
}

}  // namespace

Result<std::vector<Json>> parse_yaml(std::string_view text, const YamlLimits& limits,
                                     std::vector<std::string>* duplicates) {
  if (text.size() > limits.bytes) {
    return Error{Code::Invalid, "yaml: " + std::to_string(text.size()) + " bytes are more than the limit of " +
                                    std::to_string(limits.bytes)};
  }
  std::vector<Json> documents;
  std::size_t nodes = 0;
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    while (true) {
      Builder builder(limits, duplicates, nodes);
      if (!parser.HandleNextDocument(builder)) break;
      auto document = builder.take();
      if (document && !document->is_null()) documents.push_back(std::move(*document));
    }
  } catch (const Stop& stop) {
    return error_at(stop.mark, stop.message);
  } catch (const YAML::Exception& error) {
    return error_at(error.mark, error.msg);
  }
  return documents;
}

std::string to_yaml(const Json& value) {
  YAML::Emitter out;
  out.SetIndent(2);
  out.SetMapFormat(YAML::Block);
  out.SetSeqFormat(YAML::Block);
  emit(out, value);
  return std::string(out.c_str()) + "\n";
}

}  // namespace datamesh::kube

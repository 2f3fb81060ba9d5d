#include "controller/core/json.hpp"

#include <set>
#include <vector>

namespace datamesh {
namespace {

Error invalid_at(std::size_t position, std::string_view what) {
  return Error{Code::Invalid, "JSON, byte " + std::to_string(position) + ": " + std::string(what)};
}

// What would hurt the parser or everything after it: too long, too deep, or a NUL, which the parser takes for the end.
Result<void> check_shape(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return Error{Code::Invalid,
                 "JSON of " + std::to_string(text.size()) + " bytes, the limit is " + std::to_string(limits.bytes)};
  }
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') return invalid_at(i, "a NUL");
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limits.depth) return invalid_at(i, "nested deeper than " + std::to_string(limits.depth));
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return {};
}

// Collects the paths of keys that an object has twice: "spec.ports[1].name".
class DuplicateFinder : public nlohmann::json_sax<Json> {
 public:
  explicit DuplicateFinder(std::vector<std::string>& duplicates) : duplicates_(duplicates) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }

  bool start_object(std::size_t) override { return open(Level{}); }
  bool key(string_t& key) override {
    Level& level = levels_.back();
    level.key = key;
    if (!level.keys.insert(key).second) duplicates_.push_back(path());
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Level{.is_array = true}); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  struct Level {
    bool is_array = false;
    std::size_t index = 0;
    std::string key = {};
    std::set<std::string> keys = {};
  };

  // An array's next element comes after this one.
  bool value() {
    if (!levels_.empty() && levels_.back().is_array) ++levels_.back().index;
    return true;
  }
  bool open(Level level) {
    levels_.push_back(std::move(level));
    return true;
  }
  bool close() {
    levels_.pop_back();
    return value();
  }
  std::string path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.is_array) {
        path += "[" + std::to_string(level.index) + "]";
      } else {
        path += (path.empty() ? "" : ".") + level.key;
      }
    }
    return path;
  }

  std::vector<std::string>& duplicates_;
  std::vector<Level> levels_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits, std::vector<std::string>* duplicates) {
  DATAMESH_CHECK(check_shape(text, limits));
  try {
    Json value = Json::parse(text);
    if (duplicates) {
      DuplicateFinder finder(*duplicates);
      Json::sax_parse(text, &finder);
    }
    return value;
  } catch (const Json::parse_error& error) {
    return invalid_at(error.byte, error.what());
  } catch (const Json::exception& error) {  // a number out of range
    return Error{Code::Invalid, std::string("JSON: ") + error.what()};
  }
}

const Json* find(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* at = &object;
  for (const std::string_view key : path) {
    if (!at->is_object()) return nullptr;
    const auto member = at->find(key);
    if (member == at->end()) return nullptr;
    at = &*member;
  }
  return at;
}

std::string string_at(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* value = find(object, path);
  return value && value->is_string() ? value->get_ref<const std::string&>() : std::string();
}

}  // namespace datamesh

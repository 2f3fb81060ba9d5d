#include "api/reader.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

namespace datamesh::api {
namespace {

constexpr std::size_t kValueShown = 120;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kValueShown) text = text.substr(0, kValueShown) + "...";
  return text;
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view text, std::size_t length_max, bool dots) {
  if (text.empty() || text.size() > length_max) return false;
  if (!is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_lower_or_digit(c) || c == '-' || (dots && c == '.'); });
}

bool is_port_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

}  // namespace

std::string Node::path_of(std::string_view key) const {
  const std::string own = path();
  return own.empty() ? std::string(key) : own + "." + std::string(key);
}

std::string Node::path() const {
  if (!parent_) return "";
  std::string result = parent_->path_of(key_);
  if (index_ >= 0) result += "[" + std::to_string(index_) + "]";
  return result;
}

const Json* Node::member(std::string_view key) const {
  if (!value_ || !value_->is_object()) return nullptr;
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

void Node::problem(std::string_view key, const Json& found, std::string message) const {
  problems_->push_back({path_of(key), shown(found), std::move(message)});
}

void Node::missing(std::string_view key) const {
  problems_->push_back({path_of(key), "", "must be given"});
}

Node Node::object(std::string_view key) const {
  const Json* found = member(key);
  if (found && !found->is_object()) {
    problem(key, *found, "must be an object");
    found = nullptr;
  }
  return Node(found, this, key, -1);
}

Node Node::required_object(std::string_view key) const {
  if (given() && !has(key)) missing(key);
  return object(key);
}

std::vector<Node> Node::list(std::string_view key) const {
  std::vector<Node> result;
  const Json* found = member(key);
  if (!found) return result;
  if (!found->is_array()) {
    problem(key, *found, "must be a list");
    return result;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Json& element = (*found)[i];
    if (element.is_object())
      result.push_back(Node(&element, this, key, static_cast<std::ptrdiff_t>(i)));
    else
      problems_->push_back({at_index(path_of(key), i), shown(element), "must be an object"});
  }
  return result;
}

std::string Node::text(std::string_view key, std::string_view fallback) const {
  const Json* found = member(key);
  if (!found) return std::string(fallback);
  if (found->is_string()) return found->get<std::string>();
  problem(key, *found, "must be a string");
  return std::string(fallback);
}

std::string Node::required_text(std::string_view key) const {
  if (!given()) return "";  // reported where the parent is missing
  const Json* found = member(key);
  if (!found || (found->is_string() && found->get_ref<const std::string&>().empty())) missing(key);
  return text(key);
}

std::vector<std::string> Node::texts(std::string_view key) const {
  std::vector<std::string> result;
  const Json* found = member(key);
  if (!found) return result;
  if (!found->is_array()) {
    problem(key, *found, "must be a list of strings");
    return result;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Json& element = (*found)[i];
    if (element.is_string())
      result.push_back(element.get<std::string>());
    else
      problems_->push_back({at_index(path_of(key), i), shown(element), "must be a string"});
  }
  return result;
}

std::map<std::string, std::string> Node::scalars(std::string_view key) const {
  std::map<std::string, std::string> result;
  const Node members = object(key);
  if (!members.given()) return result;
  for (const auto& [name, value] : members.value_->items()) {
    if (value.is_string())
      result[name] = value.get<std::string>();
    else if (value.is_number_integer())
      result[name] = value.dump();
    else
      members.problem(name, value, "must be a string or an integer");
  }
  return result;
}

std::optional<std::int64_t> Node::optional_number(std::string_view key) const {
  const Json* found = member(key);
  if (!found) return std::nullopt;
  const bool too_large =
      found->is_number_unsigned() &&
      found->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (found->is_number_integer() && !too_large) return found->get<std::int64_t>();
  problem(key, *found, "must be an integer");
  return std::nullopt;
}

std::int64_t Node::number(std::string_view key, std::int64_t fallback) const {
  return optional_number(key).value_or(fallback);
}

bool Node::flag(std::string_view key, bool fallback) const {
  const Json* found = member(key);
  if (!found) return fallback;
  if (found->is_boolean()) return found->get<bool>();
  problem(key, *found, "must be true or false");
  return fallback;
}

std::optional<WallTime> Node::time(std::string_view key) const {
  const Json* found = member(key);
  if (!found) return std::nullopt;
  if (found->is_string())
    if (auto time = parse_time(found->get_ref<const std::string&>())) return *time;
  problem(key, *found, "must be a time as in RFC 3339, such as 2027-06-30T23:59:59Z");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Node::duration(std::string_view key) const {
  const Json* found = member(key);
  if (!found) return std::nullopt;
  if (found->is_string())
    if (auto duration = parse_duration(found->get_ref<const std::string&>())) return *duration;
  problem(key, *found, "must be a duration, such as 90s, 1h30m or 7d");
  return std::nullopt;
}

void Findings::add(std::string path, std::string_view value, std::string message) {
  problems_.push_back({std::move(path), shown(Json(std::string(value))), std::move(message)});
}
void Findings::add(std::string path, std::int64_t value, std::string message) {
  problems_.push_back({std::move(path), std::to_string(value), std::move(message)});
}
void Findings::missing(std::string path) {
  problems_.push_back({std::move(path), "", "must be given"});
}

void Findings::label(const std::string& text, std::string_view path, bool optional) {
  if ((optional && text.empty()) || is_label(text, 63, false)) return;
  if (text.empty()) return missing(std::string(path));
  add(std::string(path), text, "must be 1 to 63 lower-case letters, digits and -, with a letter or digit at both ends");
}

void Findings::subdomain(const std::string& text, std::string_view path, bool optional) {
  if ((optional && text.empty()) || is_label(text, 253, true)) return;
  if (text.empty()) return missing(std::string(path));
  add(std::string(path), text,
      "must be 1 to 253 lower-case letters, digits, - and ., with a letter or digit at both ends");
}

void Findings::port_name(const std::string& text, std::string_view path) {
  if (is_port_name(text)) return;
  if (text.empty()) return missing(std::string(path));
  add(std::string(path), text, "must be 1 to 63 letters, digits, ., _ and -, with a letter or digit at both ends");
}

void Findings::version(const std::string& text, std::string_view path, bool optional) {
  if ((optional && text.empty()) || major_of(text)) return;
  if (text.empty()) return missing(std::string(path));
  add(std::string(path), text, "must be a version such as 1, 1.2 or 1.2.0");
}

void Findings::identifier(const std::string& text, std::string_view path, bool optional) {
  if (text.empty()) return optional ? void() : missing(std::string(path));
  const bool printable = std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (text.size() > 63 || !printable) add(std::string(path), text, "must be 1 to 63 bytes without control characters");
}

void Findings::uuid(const std::string& text, std::string_view path) {
  if (!is_uuid(text)) add(std::string(path), text, "must be a UUID such as fbe8d147-28db-4f1d-bedf-a3fe9f458427");
}

void Findings::distinct(const std::vector<std::string>& texts, std::string_view path) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!seen.insert(texts[i]).second) add(at_index(path, i), texts[i], "is listed twice");
}

void add_new(std::vector<Problem>& problems, std::vector<Problem> more) {
  const std::size_t known = problems.size();
  for (Problem& problem : more) {
    bool reported = false;
    for (std::size_t i = 0; i < known; ++i) reported = reported || problems[i].path == problem.path;
    if (!reported) problems.push_back(std::move(problem));
  }
}

std::string at_index(std::string_view path, std::size_t index, std::string_view rest) {
  return std::string(path) + "[" + std::to_string(index) + "]" + std::string(rest);
}

void put_text(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}
void put_texts(Json& object, const char* key, const std::vector<std::string>& texts) {
  if (!texts.empty()) object[key] = texts;
}
void put_time(Json& object, const char* key, const std::optional<WallTime>& time) {
  if (time) object[key] = format_time(*time);
}

}  // namespace datamesh::api

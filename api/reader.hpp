#pragma once
// Reads a JSON document field by field and collects everything that is wrong with it, with its path. Never throws. Only
// for the .cpp files of this folder. null counts as absent, as in Kubernetes.

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/types.hpp"
#include "controller/core/json.hpp"

namespace datamesh::api {

// The words of an enumeration, both ways.
template <class E, std::size_t N>
using Words = std::array<std::pair<std::string_view, E>, N>;

template <class E, std::size_t N>
std::string_view word_of(const Words<E, N>& words, E value) {
  for (const auto& [word, candidate] : words)
    if (candidate == value) return word;
  return "";
}

// A place in a document. Points at its parent, so name every step: `const Node spec = root.object("spec");`.
class Node {
 public:
  Node(const Json& root, std::vector<Problem>& problems) : value_(&root), problems_(&problems) {}

  bool given() const { return value_ != nullptr; }
  const Json* value() const { return value_; }
  std::string path() const;
  bool has(std::string_view key) const { return member(key) != nullptr; }

  // Absent members, and those of another type (which is a problem), read as absent.
  Node object(std::string_view key) const;
  Node required_object(std::string_view key) const;
  std::vector<Node> list(std::string_view key) const;  // of objects

  std::string text(std::string_view key, std::string_view fallback = "") const;
  std::string required_text(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  std::map<std::string, std::string> scalars(std::string_view key) const;  // strings and integers, as text
  std::int64_t number(std::string_view key, std::int64_t fallback) const;
  std::optional<std::int64_t> optional_number(std::string_view key) const;
  bool flag(std::string_view key, bool fallback) const;
  std::optional<WallTime> time(std::string_view key) const;
  std::optional<std::chrono::milliseconds> duration(std::string_view key) const;

  template <class E, std::size_t N>
  std::optional<E> optional_choice(std::string_view key, const Words<E, N>& words) const {
    const Json* found = member(key);
    if (!found) return std::nullopt;
    if (found->is_string())
      for (const auto& [word, value] : words)
        if (found->get_ref<const std::string&>() == word) return value;
    std::string allowed;
    for (const auto& [word, value] : words) allowed += (allowed.empty() ? "" : ", ") + std::string(word);
    problem(key, *found, "must be one of " + allowed);
    return std::nullopt;
  }
  template <class E, std::size_t N>
  E choice(std::string_view key, const Words<E, N>& words, E fallback) const {
    return optional_choice(key, words).value_or(fallback);
  }
  template <class E, std::size_t N>
  std::vector<E> choices(std::string_view key, const Words<E, N>& words) const;

  void problem(std::string_view key, const Json& found, std::string message) const;
  void missing(std::string_view key) const;

 private:
  Node(const Json* value, const Node* parent, std::string_view key, std::ptrdiff_t index)
      : value_(value), parent_(parent), key_(key), index_(index), problems_(parent->problems_) {}
  const Json* member(std::string_view key) const;  // nullptr: absent or null
  std::string path_of(std::string_view key) const;

  const Json* value_;
  const Node* parent_ = nullptr;
  std::string_view key_;
  std::ptrdiff_t index_ = -1;
  std::vector<Problem>* problems_;
};

template <class E, std::size_t N>
std::vector<E> Node::choices(std::string_view key, const Words<E, N>& words) const {
  std::vector<E> result;
  for (const std::string& text : texts(key)) {
    bool known = false;
    std::string allowed;
    for (const auto& [word, value] : words) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(word);
      if (text != word) continue;
      result.push_back(value);
      known = true;
    }
    if (!known) problem(key, Json(text), "must be one of " + allowed);
  }
  return result;
}

Metadata read_metadata(const Node& root, bool namespaced);
// Statuses are reports: what is odd in them is left out, and is no problem.
std::vector<Condition> read_conditions(const Node& status);
Json write_conditions(const std::vector<Condition>& conditions);
// "5m", "1h30m": what parse_duration() reads back.
std::string format_duration(std::chrono::milliseconds duration);

// Adds those whose path has no problem yet.
void add_new(std::vector<Problem>& problems, std::vector<Problem> more);

// Collects problems about typed values.
class Findings {
 public:
  void add(std::string path, std::string_view value, std::string message);  // value: a text, quoted here
  void add(std::string path, std::int64_t value, std::string message);
  void missing(std::string path);
  std::vector<Problem> take() { return std::move(problems_); }

  // Each adds a problem unless the text is what the name says. `optional`: may also be empty.
  void label(const std::string& text, std::string_view path, bool optional = false);      // RFC 1123 label
  void subdomain(const std::string& text, std::string_view path, bool optional = false);  // RFC 1123 subdomain
  void port_name(const std::string& text, std::string_view path);
  void version(const std::string& text, std::string_view path, bool optional = false);
  void identifier(const std::string& text, std::string_view path,
                  bool optional = false);  // 1..63 bytes, no control characters
  void uuid(const std::string& text, std::string_view path);
  // Each text at most once.
  void distinct(const std::vector<std::string>& texts, std::string_view path);

 private:
  std::vector<Problem> problems_;
};

std::string at_index(std::string_view path, std::size_t index, std::string_view rest = "");

// Members that are left out when there is nothing to say.
void put_text(Json& object, const char* key, const std::string& text);
void put_texts(Json& object, const char* key, const std::vector<std::string>& texts);
void put_time(Json& object, const char* key, const std::optional<WallTime>& time);

}  // namespace datamesh::api

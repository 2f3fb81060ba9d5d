#include "drivers/postgres/spec.hpp"

#include <array>

#include "controller/core/json.hpp"

namespace datamesh::postgres {
namespace {

constexpr std::array<std::string_view, kPrivilegeLetters.size()> kPrivilegeWords = {
    "SELECT", "INSERT",  "UPDATE",  "DELETE",    "TRUNCATE", "REFERENCES",   "TRIGGER", "USAGE",
    "CREATE", "EXECUTE", "CONNECT", "TEMPORARY", "SET",      "ALTER SYSTEM", "MAINTAIN"};

// JSON text; what is not UTF-8 is replaced rather than thrown at.
std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Privileges privileges(std::string_view letters) {
  Privileges result;
  std::uint32_t last = 0;
  for (const char c : letters) {
    if (c == '*') {
      result.grantable |= last;
      continue;
    }
    const auto at = kPrivilegeLetters.find(c);
    last = at == std::string_view::npos ? 0 : 1U << at;
    result.held |= last;
  }
  return result;
}

std::string to_words(std::uint32_t bits) {
  std::string words;
  for (std::size_t i = 0; i < kPrivilegeWords.size(); ++i) {
    if (!(bits & 1U << i)) continue;
    if (!words.empty()) words += ", ";
    words += kPrivilegeWords[i];
  }
  return words;
}

ResourceId grant_id(const Grant& grant) {
  const std::string to = " to " + (grant.grantee.empty() ? "PUBLIC" : id_part(grant.grantee));
  switch (grant.on) {
    case On::Schema:
      return {"grant", "schema " + id_part(grant.schema) + to};
    case On::Table:
      return {"grant", "table " + id_part(grant.schema) + "." + id_part(grant.object) + to};
    case On::Sequence:
      return {"grant", "sequence " + id_part(grant.schema) + "." + id_part(grant.object) + to};
    case On::Routine:
      return {"grant", "routine " + grant.object + to};
    case On::DefaultTables:
    case On::DefaultSequences:
      break;
  }
  const std::string what = grant.on == On::DefaultTables ? "tables" : "sequences";
  const std::string in = grant.schema.empty() ? "" : " in " + id_part(grant.schema);
  return {"default", what + in + " by " + id_part(grant.owner) + to};
}

std::string to_text(const Mark& mark) {
  // Written by hand in this order, so that parse_mark() can read what we wrote without a JSON parser.
  std::string text = "{\"datamesh\":1,\"owner\":" + json_text(to_string(mark.owner)) +
                     ",\"urn\":" + json_text(mark.urn) + ",\"keep\":" + (mark.keep ? "true" : "false") +
                     ",\"retained\":" + (mark.retained ? "true" : "false");
  if (!mark.credential.empty()) text += ",\"credential\":" + json_text(mark.credential);
  if (!mark.principal.empty()) text += ",\"principal\":" + json_text(mark.principal);
  if (!mark.left.empty()) text += ",\"left\":" + json_text(mark.left);
  return text + "}";
}

std::optional<ObjectKey> parse_key(std::string_view text) {
  const auto first = text.find('/');
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  const auto second = text.find('/', first + 1);
  ObjectKey key{std::string(text.substr(0, first)), "", std::string(text.substr(first + 1))};
  if (second != std::string_view::npos) {
    key.ns = text.substr(first + 1, second - first - 1);
    key.name = text.substr(second + 1);
  }
  if (key.name.empty()) return std::nullopt;
  return key;
}

namespace {

// Reads exactly what to_text() writes when nothing in it needs an escape; anything else is left to the JSON parser.
class MarkReader {
 public:
  explicit MarkReader(std::string_view text) : text_(text) {}

  bool word(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool string(std::string_view& value) {
    if (!word("\"")) return false;
    const auto end = text_.find_first_of("\"\\");
    if (end == std::string_view::npos || text_[end] == '\\') return false;
    value = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return true;
  }
  bool boolean(bool& value) {
    value = text_.starts_with("true");
    return word("true") || word("false");
  }
  bool ended() const { return text_.empty(); }

 private:
  std::string_view text_;
};

std::optional<Mark> read_plain_mark(std::string_view comment) {
  MarkReader in(comment);
  Mark mark;
  std::string_view owner, urn, credential, principal;
  if (!in.word("{\"datamesh\":1,\"owner\":") || !in.string(owner)) return std::nullopt;
  if (!in.word(",\"urn\":") || !in.string(urn)) return std::nullopt;
  if (!in.word(",\"keep\":") || !in.boolean(mark.keep)) return std::nullopt;
  if (!in.word(",\"retained\":") || !in.boolean(mark.retained)) return std::nullopt;
  if (in.word(",\"credential\":") && !in.string(credential)) return std::nullopt;
  if (in.word(",\"principal\":") && !in.string(principal)) return std::nullopt;
  if (!in.word("}") || !in.ended()) return std::nullopt;
  const auto key = parse_key(owner);
  if (!key) return std::nullopt;
  mark.owner = *key;
  mark.urn = urn;
  mark.credential = credential;
  mark.principal = principal;
  return mark;
}

bool bool_at(const Json& json, std::string_view name) {
  const Json* value = find(json, {name});
  return value && value->is_boolean() && value->get<bool>();
}

}  // namespace

std::optional<Mark> parse_mark(std::string_view comment) {
  if (auto mark = read_plain_mark(comment)) return mark;
  if (!comment.starts_with('{')) return std::nullopt;
  const auto json = parse_json(comment);
  if (!json || !json->is_object()) return std::nullopt;
  const Json* version = find(*json, {"datamesh"});
  const auto key = parse_key(string_at(*json, {"owner"}));
  if (!version || *version != 1 || !key) return std::nullopt;
  Mark mark{*key,
            string_at(*json, {"urn"}),
            bool_at(*json, "keep"),
            bool_at(*json, "retained"),
            string_at(*json, {"credential"}),
            string_at(*json, {"principal"})};
  if (const Json* left = find(*json, {"left"}); left && left->is_array()) {
    for (const auto& name : *left) {
      if (name.is_string()) mark.left.insert(name.get<std::string>());
    }
  }
  return mark;
}

}  // namespace datamesh::postgres

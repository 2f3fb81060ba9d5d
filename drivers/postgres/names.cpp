#include "drivers/postgres/names.hpp"

#include <array>
#include <vector>

namespace datamesh::postgres {
namespace {

constexpr std::size_t kNameMax = 63;  // NAMEDATALEN - 1; longer names are cut silently by the server
constexpr std::size_t kHashLength = 8;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool looks_like_a_hash(std::string_view text) {
  return text.size() == kHashLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Whether a part stands for itself between "__" separators.
bool is_exact(std::string_view part) {
  if (part.empty() || part.front() == '_' || part.back() == '_') return false;
  if (part.find("__") != std::string_view::npos) return false;
  return std::ranges::all_of(part, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

// The readable rest of a part that does not: lower case, runs of anything else become one '_'.
std::string readable(std::string_view part) {
  std::string text;
  for (char c : part) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (is_lower(c) || is_digit(c)) {
      text += c;
    } else if (!text.empty() && text.back() != '_') {
      text += '_';
    }
  }
  while (!text.empty() && text.back() == '_') text.pop_back();
  return text;
}

std::string cut(std::string text, std::size_t size) {
  if (text.size() > size) text.resize(size);
  while (!text.empty() && text.back() == '_') text.pop_back();
  return text;
}

struct Part {
  std::string_view text;
  std::string suffix = {};  // "_v1" of a port
};

// With lengths in front, so that no two lists of parts give the same input.
std::string hash_of(std::string_view prefix, const std::vector<Part>& parts) {
  std::string input(prefix);
  for (const auto& [text, suffix] : parts) input += std::to_string(text.size()) + ":" + std::string(text) + suffix;
  return sha256_hex(input).substr(0, kHashLength);
}

std::string compose(std::string_view prefix, const std::vector<Part>& parts) {
  bool exact = !looks_like_a_hash(parts.back().text) || !parts.back().suffix.empty();
  std::string name(prefix);
  for (const auto& [text, suffix] : parts) {
    if (&text != &parts.front().text) name += "__";
    if (is_exact(text)) {
      name += text;
    } else {
      exact = false;
      name += readable(text);
    }
    name += suffix;
  }
  const bool reserved = name.starts_with("pg_");
  if (exact && !reserved && name.size() <= kNameMax) return name;
  if (reserved) name.insert(0, "dm_");
  return cut(std::move(name), kNameMax - 2 - kHashLength) + "__" + hash_of(prefix, parts);
}

Part port_part(const mesh::PortKey& port) {
  return {port.port, "_v" + std::to_string(port.major)};
}

// Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without control characters.
bool is_plain_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const unsigned first = byte(at);
    if (first < 0x20 || first == 0x7f) return false;
    std::size_t length = 1;
    unsigned code = first;
    if (first >= 0x80) {
      if (first < 0xc2 || first > 0xf4) return false;
      length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
      code = first & (0x7fU >> length);
      for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xc0) != 0x80) return false;
        code = code << 6 | (byte(at + i) & 0x3f);
      }
      constexpr std::array<unsigned, 5> least = {0, 0, 0x80, 0x800, 0x10000};
      if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
      if (code < 0xa0) return false;  // C1 controls
    }
    at += length;
  }
  return true;
}

std::string as_written(std::string_view name) {
  const auto tail = name.rfind("__");
  const bool hashed = tail != std::string_view::npos && looks_like_a_hash(name.substr(tail + 2));
  if (!name.empty() && name.size() <= kNameMax && !hashed && is_plain_text(name)) return std::string(name);
  return cut(readable(name), kNameMax - 2 - kHashLength) + "__" + sha256_hex(name).substr(0, kHashLength);
}

}  // namespace

namespace names {

std::string domain(std::string_view domain) {
  return compose("d_", {{domain}});
}
std::string member(std::string_view domain, std::string_view username) {
  return compose("m_", {{domain}, {username}});
}
std::string product(std::string_view domain, std::string_view product) {
  return compose("p_", {{domain}, {product}});
}
std::string schema(const mesh::PortKey& port) {
  return compose("", {{port.domain}, port_part(port)});
}
std::string group(const mesh::PortKey& port, std::string_view role) {
  return compose("op_", {{port.domain}, port_part(port), {role}});
}
std::string subscription(const ObjectKey& subscription) {
  return compose("s_", {{subscription.ns}, {subscription.name}});
}
std::string table(std::string_view name) {
  return as_written(name);
}
std::string column(std::string_view name) {
  return as_written(name);
}
std::string unique_constraint(std::string_view table, std::string_view column) {
  std::string plain = std::string(table) + "_" + std::string(column) + "_key";
  if (plain.size() <= kNameMax && is_exact(table) && is_exact(column)) return plain;
  const std::string input = std::to_string(table.size()) + ":" + std::string(table) + std::string(column);
  return cut(readable(plain), kNameMax - 6 - kHashLength) + "__" + sha256_hex(input).substr(0, kHashLength) + "_key";
}

}  // namespace names

namespace {

void append_without_nul(std::string& text, char c) {
  if (c == '\0') {
    text += "\xef\xbf\xbd";
  } else {
    text += c;
  }
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    append_without_nul(text, c);
  }
  return text + '"';
}

std::string quote_literal(std::string_view value) {
  std::string text = value.find('\\') == std::string_view::npos ? "'" : "E'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += c;
    append_without_nul(text, c);
  }
  return text + '\'';
}

std::string quote_qualified(std::string_view schema, std::string_view name) {
  return quote_identifier(schema) + "." + quote_identifier(name);
}

std::string id_part(std::string_view name) {
  const bool plain = !name.empty() && !is_digit(name.front()) && name != "PUBLIC" &&
                     std::ranges::all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
  return plain ? std::string(name) : quote_identifier(name);
}

ResourceId role_id(std::string_view role) {
  return {"role", std::string(role)};
}
ResourceId schema_id(std::string_view schema) {
  return {"schema", std::string(schema)};
}
ResourceId table_id(std::string_view schema, std::string_view table) {
  return {"table", id_part(schema) + "." + id_part(table)};
}
ResourceId membership_id(std::string_view group, std::string_view member) {
  return {"membership", id_part(group) + " to " + id_part(member)};
}

namespace {

// Takes one name off the front of an id.
std::string take_name(std::string_view& text) {
  std::string name;
  if (!text.starts_with('"')) {
    const auto end = std::min(text.find_first_of(" ."), text.size());
    name = text.substr(0, end);
    text.remove_prefix(end);
    return name;
  }
  text.remove_prefix(1);
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') {
      if (!text.starts_with('"')) break;
      text.remove_prefix(1);
    }
    name += c;
  }
  return name;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

void add_names(const ResourceId& id, Named& named) {
  std::string_view text = id.name;
  if (id.kind == "role") {
    named.roles.insert(id.name);
  } else if (id.kind == "schema") {
    named.schemas.insert(id.name);
  } else if (id.kind == "table") {
    named.schemas.insert(take_name(text));
  } else if (id.kind == "membership") {
    named.roles.insert(take_name(text));
    if (take(text, " to ")) named.roles.insert(take_name(text));
  } else if (id.kind == "grant") {
    // "schema a to g", "table a.b to g", "sequence a.b to g", "routine a.b(integer) to g"
    if (take(text, "schema ") || take(text, "table ") || take(text, "sequence ") || take(text, "routine ")) {
      named.schemas.insert(take_name(text));
    }
    if (const auto to = id.name.rfind(" to "); to != std::string::npos) {
      text = std::string_view(id.name).substr(to + 4);
      if (text != "PUBLIC") named.roles.insert(take_name(text));
    }
  } else if (id.kind == "default") {
    // "tables in a by b to g", "tables by b to g"
    text.remove_prefix(std::min(text.find(' '), text.size()));
    if (take(text, " in ")) named.schemas.insert(take_name(text));
    if (take(text, " by ")) named.roles.insert(take_name(text));
  }
}

}  // namespace datamesh::postgres

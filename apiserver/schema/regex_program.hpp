#pragma once
// What a regular expression is compiled to. Not for others.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/schema/regex.hpp"

namespace datamesh::apiserver {

using Range = std::pair<std::uint32_t, std::uint32_t>;
using Ranges = std::vector<Range>;

struct Regex::Program {
  enum class Op : std::uint8_t { Class, Split, Jump, Begin, End, LineBegin, LineEnd, WordEdge, NotWordEdge, Match };
  struct Instruction {
    Op op;
    std::uint32_t a = 0;  // Class: index of the ranges; Split, Jump: next
    std::uint32_t b = 0;  // Split: other next
  };
  std::vector<Instruction> code;
  std::vector<Ranges> classes;

  bool in_class(std::uint32_t index, std::uint32_t c) const {
    const Ranges& ranges = classes[index];
    return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return c >= r.first && c <= r.second; });
  }
};

// One code point of UTF-8; a broken byte counts as itself.
inline std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  if (more == 0 || at + static_cast<std::size_t>(more) > text.size()) return lead;
  std::uint32_t point = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3Fu);
  return point;
}

inline bool is_word(std::uint32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

}  // namespace datamesh::apiserver

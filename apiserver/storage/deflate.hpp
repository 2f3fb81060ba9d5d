#pragma once
// Small texts, deflated (RFC 1951) with a dictionary. About 20 us per 2 KB in and 6 us out; each thread keeps its own
// state (about 100 KB where it deflates, 10 KB where it inflates).

#include <optional>
#include <string>
#include <string_view>

namespace datamesh::apiserver::storage {

// `first` and `second` as one text. nullopt: does not get smaller.
std::optional<std::string> deflate_text(std::string_view first, std::string_view second);
// Writes exactly `size` bytes to `out`. False: `deflated` is not that.
bool inflate_text(std::string_view deflated, int dictionary_number, char* out, std::size_t size);

}  // namespace datamesh::apiserver::storage

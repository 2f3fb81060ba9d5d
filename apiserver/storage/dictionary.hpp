#pragma once
// Text that objects are expected to contain, to deflate small ones well (1.5 KB to a third instead of a half).

#include <string_view>

namespace datamesh::apiserver::storage {

// Stored data needs the very dictionary it was written with: never change a number's text, add another number.
// 0 is none. An unknown number has no text.
inline constexpr int current_dictionary = 1;
std::string_view dictionary(int number);

}  // namespace datamesh::apiserver::storage

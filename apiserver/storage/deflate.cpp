#include "apiserver/storage/deflate.hpp"

#include <zlib.h>

#include "apiserver/storage/dictionary.hpp"

namespace datamesh::apiserver::storage {
namespace {

// A window of 8 KB and level 3: measured on 1.5 KB objects as good as the larger ones, and cheaper to reset.
constexpr int window_bits = -13;
constexpr int level = 3;
constexpr int memory_level = 6;

const Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

struct Deflater {
  z_stream stream{};
  bool good = deflateInit2(&stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
  ~Deflater() { deflateEnd(&stream); }
};

struct Inflater {
  z_stream stream{};
  bool good = inflateInit2(&stream, window_bits) == Z_OK;
  ~Inflater() { inflateEnd(&stream); }
};

}  // namespace

std::optional<std::string> deflate_text(std::string_view first, std::string_view second) {
  thread_local Deflater deflater;
  z_stream& stream = deflater.stream;
  const std::string_view words = dictionary(current_dictionary);
  const std::size_t size = first.size() + second.size();
  if (!deflater.good || size < 64 || deflateReset(&stream) != Z_OK) return std::nullopt;
  if (deflateSetDictionary(&stream, bytes_of(words), static_cast<uInt>(words.size())) != Z_OK) return std::nullopt;

  std::string out(size, '\0');  // no room for more: then it is kept as it is
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  stream.next_in = const_cast<Bytef*>(bytes_of(first));
  stream.avail_in = static_cast<uInt>(first.size());
  if (!first.empty() && (deflate(&stream, Z_NO_FLUSH) != Z_OK || stream.avail_in > 0)) return std::nullopt;
  stream.next_in = const_cast<Bytef*>(bytes_of(second));
  stream.avail_in = static_cast<uInt>(second.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
  out.resize(out.size() - stream.avail_out);
  return out;
}

bool inflate_text(std::string_view deflated, int dictionary_number, char* out, std::size_t size) {
  thread_local Inflater inflater;
  z_stream& stream = inflater.stream;
  const std::string_view words = dictionary(dictionary_number);
  if (!inflater.good || words.empty() || inflateReset(&stream) != Z_OK) return false;
  if (inflateSetDictionary(&stream, bytes_of(words), static_cast<uInt>(words.size())) != Z_OK) return false;
  stream.next_in = const_cast<Bytef*>(bytes_of(deflated));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(out);
  stream.avail_out = static_cast<uInt>(size);
  return inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
}

}  // namespace datamesh::apiserver::storage

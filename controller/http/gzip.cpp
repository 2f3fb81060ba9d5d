#include "controller/http/gzip.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

namespace datamesh::http {
namespace {

void append_little_endian(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

}  // namespace

std::string gzip(std::string_view bytes) {
  namespace zlib = boost::beast::zlib;
  std::string out("\x1f\x8b\x08\0\0\0\0\0\x04\xff", 10);  // deflate, no name, no time, fastest, unknown system
  zlib::deflate_stream stream;
  stream.reset(1, 15, 8, zlib::Strategy::normal);
  const std::size_t begin = out.size();
  out.resize(begin + stream.upper_bound(bytes.size()) + 16);
  zlib::z_params step{};
  step.next_in = bytes.data();
  step.avail_in = bytes.size();
  step.next_out = out.data() + begin;
  step.avail_out = out.size() - begin;
  boost::beast::error_code error;
  stream.write(step, zlib::Flush::finish, error);  // one step: the room is enough for any input
  out.resize(begin + step.total_out);
  boost::crc_32_type checksum;
  checksum.process_bytes(bytes.data(), bytes.size());
  append_little_endian(out, static_cast<std::uint32_t>(checksum.checksum()));
  append_little_endian(out, static_cast<std::uint32_t>(bytes.size()));
  return out;
}

}  // namespace datamesh::http

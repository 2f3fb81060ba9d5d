#pragma once
// HTTP/1.1 messages out of bytes, however they are cut. Boost.Beast's parser does the work (it refuses what smuggles:
// a length beside chunks, broken or negative sizes); this adds what RFC 9112 asks of a server. Internal.

#include <cstddef>
#include <memory>
#include <string_view>

#include "controller/http/message.hpp"

namespace datamesh::http {

struct ParseProgress {
  std::size_t consumed = 0;
  bool done = false;
  int refused = 0;  // a request: the status to refuse it with; a response: any value but 0
  std::string_view why = {};
};

class RequestParser {
 public:
  RequestParser(std::size_t header_bytes, std::size_t body_bytes);
  ~RequestParser();

  // Takes bytes from the front of `input`; what is not consumed must be given again, with more behind it.
  ParseProgress put(std::string_view input);
  bool started() const;  // a byte of it was consumed
  bool header_done() const;
  bool expects_continue() const;
  bool keep_alive() const;  // as the peer wishes
  bool http_1_1() const;
  bool accepts_gzip() const;
  Request& request();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  // `head`: the response to a HEAD request, which has no body.
  ResponseParser(bool head, std::size_t body_bytes);
  ~ResponseParser();

  ParseProgress put(std::string_view input);
  // The peer closed: that ends a body without a length, and breaks everything else.
  ParseProgress put_eof();
  bool header_done() const;
  bool keep_alive() const;
  Response& response();  // take from `body` while it grows, for streaming

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace datamesh::http

#include "controller/http/parser.hpp"

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace datamesh::http {
namespace {

namespace beast = boost::beast;
using BeastError = beast::error_code;
using View = beast::string_view;

std::string_view view(View text) {
  return {text.data(), text.size()};
}

std::size_t body_hint(const boost::optional<std::uint64_t>& length) {
  // A promise is not worth much memory before its bytes have come.
  constexpr std::uint64_t trusted = 64 * 1024;
  return static_cast<std::size_t>(std::min(length.value_or(0), trusted));
}

// The part that requests and responses share: fields and body are appended to `Message`.
template <bool is_request, class Message>
class Base : public beast::http::basic_parser<is_request> {
 public:
  Message message;
  bool header_done = false;

  ParseProgress put_bytes(std::string_view input) {
    ParseProgress progress;
    BeastError error;
    while (!this->is_done()) {
      const std::string_view rest = input.substr(progress.consumed);
      const std::size_t taken = this->put({rest.data(), rest.size()}, error);
      progress.consumed += taken;
      if (error == beast::http::error::need_more) return progress;
      if (error) return refuse(progress, error);
      if (taken == 0 || progress.consumed == input.size()) break;
    }
    progress.done = this->is_done();
    return progress;
  }

  ParseProgress refuse(ParseProgress progress, const BeastError& error) {
    progress.refused = 400;
    progress.why = "malformed message";
    if (error == beast::http::error::header_limit) {
      progress.refused = 431;
      progress.why = "header too large";
    } else if (error == beast::http::error::body_limit) {
      progress.refused = 413;
      progress.why = "body too large";
    } else if (error == beast::http::error::bad_version) {
      progress.refused = 505;
      progress.why = "HTTP/1.0 or HTTP/1.1 is wanted";
    }
    return progress;
  }

 protected:
  void on_request_impl(beast::http::verb, View method, View target, int, BeastError&) override {
    if constexpr (is_request) {
      message.method = view(method);
      message.target = view(target);
    }
  }
  void on_response_impl(int status, View, int, BeastError&) override {
    if constexpr (!is_request) message.status = status;
  }
  void on_field_impl(beast::http::field, View name, View value, BeastError&) override {
    if (!header_done) message.headers.add(std::string(view(name)), std::string(view(value)));  // trailers are dropped
  }
  void on_header_impl(BeastError&) override { header_done = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, BeastError&) override {
    message.body.reserve(body_hint(length));
  }
  std::size_t on_body_impl(View bytes, BeastError&) override { return append(bytes); }
  void on_chunk_header_impl(std::uint64_t, View, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, BeastError&) override { return append(bytes); }
  void on_finish_impl(BeastError&) override {}

 private:
  std::size_t append(View bytes) {
    message.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
};

bool lists_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    std::string_view part = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), part.size() + 1));
    const std::size_t semicolon = part.find(';');
    const bool refused = semicolon != part.npos &&
                         (part.substr(semicolon).ends_with("q=0") || part.substr(semicolon).ends_with("q=0.0"));
    part = part.substr(0, semicolon);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!refused && equals_ignoring_case(part, token)) return true;
  }
  return false;
}

// "/a/b?c=d" of "http://host/a/b?c=d"; other forms as they are.
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == target.npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

class RequestParser::Impl : public Base<true, Request> {
 public:
  Impl(std::size_t header_bytes, std::size_t body_bytes) {
    header_limit(static_cast<std::uint32_t>(header_bytes));
    body_limit(body_bytes);
    eager(true);
  }

  // What the library accepts and a server must not. An empty reason: nothing.
  int objection(std::string_view& why) {
    std::size_t hosts = 0;
    bool encoded = false;
    for (const auto& [name, value] : message.headers) {
      if (equals_ignoring_case(name, "Host")) ++hosts;
      if (equals_ignoring_case(name, "Transfer-Encoding")) encoded = true;
      if (equals_ignoring_case(name, "Expect") && !equals_ignoring_case(value, "100-continue")) {
        why = "unknown expectation";
        return 417;
      }
    }
    if (hosts > 1 || (hosts == 0 && version_1_1)) {
      why = "exactly one Host is wanted";
      return 400;
    }
    if (encoded && (!chunked() || !version_1_1)) {  // its end could not be told
      why = "unknown transfer encoding";
      return 501;
    }
    const std::string_view target = origin_form(message.target);
    const std::size_t question = target.find('?');
    auto path = percent_decode(target.substr(0, question));
    auto query = parse_query(question == target.npos ? std::string_view{} : target.substr(question + 1));
    if (!path || !query || path->find('\0') != path->npos || (!path->starts_with('/') && *path != "*")) {
      why = "malformed target";
      return 400;
    }
    message.path = *std::move(path);
    message.query = *std::move(query);
    return 0;
  }

  bool version_1_1 = false;
  int objected = 0;
  std::string_view objection_text;

 protected:
  void on_request_impl(beast::http::verb verb, View method, View target, int version, BeastError& error) override {
    version_1_1 = version == 11;
    Base::on_request_impl(verb, method, target, version, error);
  }
  void on_header_impl(BeastError& error) override {
    Base::on_header_impl(error);
    objected = objection(objection_text);
    if (objected) error = beast::http::error::bad_value;
  }
};

RequestParser::RequestParser(std::size_t header_bytes, std::size_t body_bytes)
    : impl_(std::make_unique<Impl>(header_bytes, body_bytes)) {}
RequestParser::~RequestParser() = default;

ParseProgress RequestParser::put(std::string_view input) {
  ParseProgress progress = impl_->put_bytes(input);
  if (progress.refused && impl_->objected) {
    progress.refused = impl_->objected;
    progress.why = impl_->objection_text;
  }
  return progress;
}

bool RequestParser::started() const {
  return impl_->got_some();
}
bool RequestParser::header_done() const {
  return impl_->header_done;
}
bool RequestParser::expects_continue() const {
  return impl_->version_1_1 && impl_->message.headers.has("Expect");
}
bool RequestParser::keep_alive() const {
  return impl_->keep_alive();
}
bool RequestParser::http_1_1() const {
  return impl_->version_1_1;
}
bool RequestParser::accepts_gzip() const {
  return lists_token(impl_->message.headers.get("Accept-Encoding"), "gzip");
}
Request& RequestParser::request() {
  return impl_->message;
}

class ResponseParser::Impl : public Base<false, Response> {
 public:
  Impl(bool head, std::size_t body_bytes) {
    header_limit(256 * 1024);
    body_limit(body_bytes);
    eager(true);
    if (head) skip(true);
  }
};

ResponseParser::ResponseParser(bool head, std::size_t body_bytes) : impl_(std::make_unique<Impl>(head, body_bytes)) {}
ResponseParser::~ResponseParser() = default;

ParseProgress ResponseParser::put(std::string_view input) {
  return impl_->put_bytes(input);
}

ParseProgress ResponseParser::put_eof() {
  ParseProgress progress;
  BeastError error;
  if (!impl_->got_some()) {
    progress.refused = 400;
    progress.why = "the peer closed without an answer";
    return progress;
  }
  impl_->put_eof(error);
  progress.done = !error;
  if (error) {
    progress.refused = 400;
    progress.why = "the peer closed within its answer";
  }
  return progress;
}

bool ResponseParser::header_done() const {
  return impl_->header_done;
}
bool ResponseParser::keep_alive() const {
  return impl_->keep_alive();
}
Response& ResponseParser::response() {
  return impl_->message;
}

}  // namespace datamesh::http

#include "controller/http/connection.hpp"

#include <exception>
#include <span>

#include <boost/asio/post.hpp>

namespace datamesh::http {
namespace {

constexpr std::chrono::milliseconds linger_time{2'000};
constexpr std::size_t linger_bytes_max = 8u << 20;
constexpr std::size_t ahead_bytes_max = 64 * 1024;  // sent ahead while a stream runs
constexpr int requests_in_a_row_max = 32;           // then others have their turn

// Answers are encoded on the thread that answers, so that compressing a large one stalls no other connection.
class PendingExchange : public Exchange {
 public:
  PendingExchange(std::shared_ptr<Connection> connection, AnswerForm form)
      : connection_(std::move(connection)), form_(form) {}
  ~PendingExchange() override {
    if (!answered_) respond({500, {{"Content-Type", "text/plain"}}, "no answer was given\n"});
  }

  void respond(Response response) override {
    if (answered_.exchange(true)) return;
    connection_->answer(encode(std::move(response), form(), connection_->shared().limits));
  }

  std::shared_ptr<Stream> stream(int status, Headers headers) override {
    auto stream = std::make_shared<StreamState>(connection_, connection_->shared().limits, form_.http_1_1);
    if (answered_.exchange(true)) {
      stream->finish();
    } else if (form_.head) {
      connection_->answer(encode_head(status, headers, form()));
      stream->finish();
    } else {
      connection_->answer(encode_head(status, headers, form()), stream);
    }
    return stream;
  }

 private:
  AnswerForm form() const {
    AnswerForm form = form_;
    form.keep_alive = form.keep_alive && !connection_->shared().draining;
    return form;
  }

  const std::shared_ptr<Connection> connection_;
  const AnswerForm form_;
  std::atomic<bool> answered_ = false;
};

}  // namespace

Connection::Connection(std::shared_ptr<Shared> shared, Worker& worker, int descriptor, const TlsContext& tls, Peer peer)
    : shared_(std::move(shared)),
      worker_(worker),
      descriptor_(worker.context, descriptor),
      transport_(descriptor, tls),
      peer_(std::move(peer)) {}

Connection::~Connection() = default;

void Connection::start() {
  expect_within(shared_->limits.request);
  drive();
}

void Connection::wake() {
  boost::asio::post(worker_.context, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->drive();
  });
}

void Connection::answer(Answer answer) {
  this->answer(std::move(answer), nullptr);
}

void Connection::answer(Answer answer, std::shared_ptr<StreamState> stream) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      answer_ = std::move(answer);
      answer_stream_ = std::exchange(stream, nullptr);
    }
  }
  if (stream) return stream->finish();
  if (worker_.on_this_thread()) {
    drive();
  } else {
    wake();
  }
}

void Connection::drive() {
  if (driving_) return;  // called by a handler that answers at once: the loop below goes on
  const auto self = shared_from_this();
  driving_ = true;
  while (step() == Step::Again) {
  }
  driving_ = false;
}

Connection::Step Connection::step() {
  switch (phase_) {
    case Phase::Handshake:
      return shake_hands();
    case Phase::Reading:
      return read_request();
    case Phase::Handling:
      return take_answer();
    case Phase::Writing:
      return write_answer();
    case Phase::Streaming:
      return feed_stream();
    case Phase::Lingering:
      return linger();
    case Phase::Closed:
      return Step::Wait;
  }
  return Step::Wait;
}

Connection::Step Connection::shake_hands() {
  const Next next = transport_.handshake();
  if (next != Next::Go) return wait(next);
  peer_.tls = transport_.tls();
  peer_.certificate = transport_.subject();
  phase_ = Phase::Reading;
  return Step::Again;
}

Connection::Step Connection::read_request() {
  switch (flush()) {  // "100 Continue", perhaps
    case Flushed::All:
      break;
    case Flushed::Some:
      return Step::Wait;
    case Flushed::Gone:
      return closed();
  }
  if (requests_in_a_row_ >= requests_in_a_row_max) {
    requests_in_a_row_ = 0;
    wake();
    return Step::Wait;
  }
  if (!in_.empty() && unread_) {
    unread_ = false;
    const std::size_t consumed = parse(in_);
    in_.erase(0, std::min(consumed, in_.size()));
    if (phase_ != Phase::Reading) return dispatch();
  }
  const Moved moved = transport_.read(worker_.scratch);
  if (moved.next != Next::Go) {
    requests_in_a_row_ = 0;
    return wait(moved.next);
  }
  const std::string_view bytes(worker_.scratch.data(), moved.bytes);
  if (in_.empty()) {
    const std::size_t consumed = parse(bytes);
    in_.append(bytes.substr(consumed));
  } else {
    in_.append(bytes);
    unread_ = true;
  }
  return phase_ == Phase::Reading ? Step::Again : dispatch();
}

// Leaves Reading for Handling (a whole request) or Writing (refused).
std::size_t Connection::parse(std::string_view bytes) {
  if (!parser_) parser_ = std::make_unique<RequestParser>(shared_->limits.header_bytes, shared_->limits.body_bytes);
  if (!parser_->started()) expect_within(shared_->limits.request);
  const ParseProgress progress = parser_->put(bytes);
  if (progress.refused) {
    refuse(progress.refused, progress.why);
    return bytes.size();
  }
  if (progress.done) {
    phase_ = Phase::Handling;
  } else if (bytes.size() - progress.consumed > shared_->limits.header_bytes + worker_.scratch.size()) {
    refuse(431, "chunk header too large");
    return bytes.size();
  } else if (!continued_ && parser_->header_done() && parser_->expects_continue()) {
    continued_ = true;
    out_.push_back({"HTTP/1.1 100 Continue\r\n\r\n", nullptr});
  }
  return progress.consumed;
}

// Hands a parsed request over.
Connection::Step Connection::dispatch() {
  if (phase_ != Phase::Handling) return Step::Again;
  ++shared_->requests;
  ++requests_in_a_row_;
  deadline_.reset();
  const auto parser = std::exchange(parser_, nullptr);
  continued_ = false;
  unread_ = !in_.empty();
  if (in_.empty()) std::string().swap(in_);
  const AnswerForm form{parser->http_1_1(), parser->keep_alive() && !draining_, parser->request().method == "HEAD",
                        shared_->limits.gzip_from_bytes > 0 && parser->accepts_gzip()};
  Request request = std::move(parser->request());
  request.peer = peer_;
  try {
    shared_->handler(std::move(request), std::make_shared<PendingExchange>(shared_from_this(), form));
  } catch (const std::exception& error) {  // the exchange, dropped, has answered 500
    log_error("an HTTP handler threw", {{"error", error.what()}});
  }
  return Step::Again;
}

void Connection::refuse(int status, std::string_view why) {
  ++shared_->refused;
  keep_alive_ = false;
  parser_.reset();
  in_.clear();
  const AnswerForm form{.keep_alive = false};
  Answer answer = encode({status, {{"Content-Type", "text/plain"}}, std::string(why) + "\n"}, form, shared_->limits);
  for (auto& segment : answer.segments) out_.push_back(std::move(segment));
  phase_ = Phase::Writing;
  expect_within(shared_->limits.write);
}

Connection::Step Connection::take_answer() {
  std::optional<Answer> answer;
  {
    const std::lock_guard lock(mutex_);
    if (!answer_) return Step::Wait;
    answer = std::exchange(answer_, std::nullopt);
    stream_ = std::exchange(answer_stream_, nullptr);
  }
  keep_alive_ = answer->keep_alive;
  for (auto& segment : answer->segments) out_.push_back(std::move(segment));
  phase_ = stream_ ? Phase::Streaming : Phase::Writing;
  if (stream_) ++shared_->streams;
  if (stream_ && draining_) stream_->close();
  return Step::Again;
}

Connection::Step Connection::write_answer() {
  switch (flush()) {
    case Flushed::All:
      break;
    case Flushed::Some:
      return Step::Wait;
    case Flushed::Gone:
      return closed();
  }
  if (keep_alive_ && !draining_) {
    phase_ = Phase::Reading;
    expect_within(in_.empty() ? shared_->limits.idle : shared_->limits.request);
  } else if (draining_) {
    return closed();
  } else {
    phase_ = Phase::Lingering;
    transport_.finish();
    expect_within(linger_time);
  }
  return Step::Again;
}

Connection::Step Connection::feed_stream() {
  if (!watch_peer()) return closed();
  for (;;) {
    switch (flush()) {
      case Flushed::All:
        break;
      case Flushed::Some:
        return Step::Wait;
      case Flushed::Gone:
        return closed();
    }
    deadline_.reset();
    switch (stream_->take(out_)) {
      case StreamState::Fate::Open:
        if (out_.empty()) return Step::Wait;
        break;
      case StreamState::Fate::Overflowed:
        ++shared_->slow_dropped;
        return closed();
      case StreamState::Fate::Ended:
        phase_ = Phase::Writing;
        unread_ = !in_.empty();
        --shared_->streams;
        std::exchange(stream_, nullptr)->finish();
        return Step::Again;
    }
  }
}

// Keeps one read pending, the only way to learn that the peer of an idle stream has gone. False: it has.
bool Connection::watch_peer() {
  while (!reading_) {
    const Moved moved = transport_.read(worker_.scratch);
    if (moved.next == Next::Closed) return false;
    if (moved.next != Next::Go) {
      wait(moved.next);
      break;
    }
    if (in_.size() + moved.bytes > ahead_bytes_max) return false;
    in_.append(worker_.scratch.data(), moved.bytes);
  }
  return true;
}

Connection::Step Connection::linger() {
  const Moved moved = transport_.discard(worker_.scratch);
  if (moved.next != Next::Go) return wait(moved.next);
  discarded_ += moved.bytes;
  return discarded_ > linger_bytes_max ? closed() : Step::Again;
}

Connection::Flushed Connection::flush() {
  bool progress = false;
  while (!out_.empty()) {
    std::array<iovec, 16> pieces;
    std::size_t count = 0;
    for (const auto& segment : out_) {
      if (count == pieces.size()) break;
      std::string_view bytes = segment.view();
      if (count == 0) bytes.remove_prefix(out_offset_);
      pieces[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    const Moved moved = transport_.write({pieces.data(), count});
    if (moved.next == Next::Closed) return Flushed::Gone;
    if (moved.next != Next::Go) {
      if (progress || !deadline_) expect_within(shared_->limits.write);
      wait(moved.next);
      return Flushed::Some;
    }
    progress = true;
    out_offset_ += moved.bytes;
    while (!out_.empty() && out_offset_ >= out_.front().view().size()) {
      out_offset_ -= out_.front().view().size();
      out_.pop_front();
    }
  }
  return Flushed::All;
}

Connection::Step Connection::wait(Next next) {
  using Descriptor = boost::asio::posix::stream_descriptor;
  if (next == Next::Closed) return closed();
  bool& pending = next == Next::Readable ? reading_ : writing_;
  if (std::exchange(pending, true)) return Step::Wait;
  descriptor_.async_wait(next == Next::Readable ? Descriptor::wait_read : Descriptor::wait_write,
                         [self = shared_from_this(), &pending](const boost::system::error_code& error) {
                           pending = false;
                           if (!error) self->drive();
                         });
  return Step::Wait;
}

Connection::Step Connection::closed() {
  close();
  return Step::Wait;
}

void Connection::expect_within(std::chrono::milliseconds time) {
  deadline_ = worker_.now + time;
}

void Connection::check_deadline(Steady now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  if (phase_ == Phase::Reading && parser_ && parser_->started()) {
    refuse(408, "the request took too long");
    return drive();
  }
  if (phase_ == Phase::Streaming) ++shared_->slow_dropped;
  close();
}

void Connection::drain() {
  draining_ = true;
  const bool idle = phase_ == Phase::Reading && (!parser_ || !parser_->started());
  if (idle || phase_ == Phase::Handshake || phase_ == Phase::Lingering) return close();
  if (stream_) stream_->close();
}

void Connection::close() {
  if (phase_ == Phase::Closed) return;
  const auto self = shared_from_this();
  if (phase_ == Phase::Reading) transport_.finish();
  if (stream_) --shared_->streams;
  phase_ = Phase::Closed;
  std::shared_ptr<StreamState> unseen;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    answer_.reset();
    unseen = std::exchange(answer_stream_, nullptr);
  }
  boost::system::error_code ignored;  // it is closed either way
  descriptor_.close(ignored);
  deadline_.reset();
  out_.clear();
  parser_.reset();
  std::string().swap(in_);
  worker_.connections.erase(self);
  if (--shared_->connections == 0 && shared_->draining) {
    const std::lock_guard lock(shared_->mutex);
    shared_->all_gone.notify_all();
  }
  if (unseen) unseen->finish();
  if (stream_) std::exchange(stream_, nullptr)->finish();
}

}  // namespace datamesh::http

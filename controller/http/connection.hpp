#pragma once
// One accepted connection: reads requests, hands them over one at a time, writes answers and streams.
//
//   Handshake -> Reading -> Handling -> Writing -> Reading ...         (kept alive)
//                               |           `----> Lingering -> closed (not kept: what the peer still sends is read
//                               over, v                                      else a reset could destroy the answer)
//                           Streaming -> Writing
//
// Everything marked "worker" runs on the thread of its worker alone; the rest may be called from any thread. Internal.

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controller/core/clock.hpp"
#include "controller/http/listener.hpp"
#include "controller/http/parser.hpp"
#include "controller/http/transport.hpp"

namespace datamesh::http {

class Connection;

// One I/O thread and the connections pinned to it.
struct Worker {
  boost::asio::io_context context{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
  std::unordered_set<std::shared_ptr<Connection>> connections;  // worker
  boost::asio::steady_timer sweep{context};                     // worker
  bool sweeping = false;                                        // worker
  Steady now{};                                                 // worker; as of the last sweep or first connection
  std::array<char, 64 * 1024> scratch;                          // worker
  std::thread thread;

  bool on_this_thread() const { return std::this_thread::get_id() == thread.get_id(); }
};

// What connections share. Outlives them.
struct Shared {
  Limits limits;
  Handler handler;
  std::atomic<bool> draining = false;
  std::atomic<std::size_t> connections = 0, streams = 0;
  std::atomic<std::uint64_t> accepted = 0, requests = 0, refused = 0, slow_dropped = 0;
  std::deque<Worker> workers;
  std::mutex mutex;
  std::condition_variable all_gone;  // while draining
};

// How the answer to a request is to be put, known when the request is.
struct AnswerForm {
  bool http_1_1 = true, keep_alive = true, head = false, gzip = false;
};

// Bytes to write: owned, or shared with other connections.
struct Segment {
  std::string owned;
  std::shared_ptr<const std::string> shared;
  std::string_view view() const { return shared ? std::string_view(*shared) : std::string_view(owned); }
};

struct Answer {
  std::deque<Segment> segments;
  bool keep_alive = true;
};

class StreamState : public Stream {
 public:
  StreamState(std::weak_ptr<Connection> connection, const Limits& limits, bool chunked)
      : connection_(std::move(connection)), limits_(limits), chunked_(chunked) {}

  bool push(std::shared_ptr<const std::string> bytes) override;
  void close() override;
  bool closed() const override;
  void on_closed(std::function<void()> callback) override;

  enum class Fate { Open, Ended, Overflowed };
  // Moves what is queued, framed, to `out`. Worker.
  Fate take(std::deque<Segment>& out);
  // The end, whatever the reason. Worker, or before the stream was handed out.
  void finish();

 private:
  void wake();

  const std::weak_ptr<Connection> connection_;
  const Limits limits_;
  const bool chunked_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t bytes_ = 0;
  bool woken_ = false, closing_ = false, overflowed_ = false, finished_ = false;
  std::function<void()> callback_;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `keep` holds Shared and its workers alive.
  Connection(std::shared_ptr<Shared> shared, Worker& worker, int descriptor, const TlsContext& tls, Peer peer);
  ~Connection();

  void start();                                                              // worker
  bool is_late(Steady now) const { return deadline_ && now >= *deadline_; }  // worker
  void check_deadline(Steady now);                                           // worker
  void drain();  // worker; finishes what is going on, then closes
  void close();  // worker
  void wake();   // go on, on the worker's thread
  void answer(Answer answer);
  void answer(Answer head, std::shared_ptr<StreamState> stream);
  Shared& shared() { return *shared_; }

 private:
  enum class Phase { Handshake, Reading, Handling, Writing, Streaming, Lingering, Closed };
  enum class Step { Again, Wait };
  enum class Flushed { All, Some, Gone };

  void drive();
  Step step();
  Step shake_hands();
  Step read_request();
  std::size_t parse(std::string_view bytes);
  Step dispatch();
  void refuse(int status, std::string_view why);
  Step take_answer();
  Step write_answer();
  Step feed_stream();
  bool watch_peer();
  Step linger();
  Flushed flush();
  Step wait(Next next);
  Step closed();
  void expect_within(std::chrono::milliseconds time);

  const std::shared_ptr<Shared> shared_;
  Worker& worker_;
  boost::asio::posix::stream_descriptor descriptor_;
  Transport transport_;
  Peer peer_;

  Phase phase_ = Phase::Handshake;
  bool driving_ = false, reading_ = false, writing_ = false;  // the latter: a wait for the socket is pending
  bool keep_alive_ = true, continued_ = false, draining_ = false;
  bool unread_ = false;  // in_ holds bytes the parser has not been shown
  int requests_in_a_row_ = 0;
  std::optional<Steady> deadline_;
  std::string in_;
  std::unique_ptr<RequestParser> parser_;
  std::deque<Segment> out_;
  std::size_t out_offset_ = 0;  // in the first segment
  std::size_t discarded_ = 0;
  std::shared_ptr<StreamState> stream_;

  std::mutex mutex_;
  bool closed_ = false;
  std::optional<Answer> answer_;
  std::shared_ptr<StreamState> answer_stream_;
};

// The bytes of a whole response, and of the head of an endless one.
Answer encode(Response response, const AnswerForm& form, const Limits& limits);
Answer encode_head(int status, const Headers& headers, const AnswerForm& form);

}  // namespace datamesh::http

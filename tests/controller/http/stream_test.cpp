#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/http/listener.hpp"
#include "tests/controller/http/raw_peer.hpp"

namespace datamesh::http {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using ::testing::HasSubstr;
using testing::RawPeer;

std::shared_ptr<const std::string> bytes(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

// A listener whose one handler opens a stream and keeps it.
class Streams : public ::testing::Test {
 protected:
  void start(const Limits& limits = {}) {
    listener_ = std::make_unique<Listener>(ListenerOptions{.threads = 1, .limits = limits},
                                           [this](Request&& request, const std::shared_ptr<Exchange>& exchange) {
                                             if (request.path == "/plain") return exchange->respond({200, {}, "plain"});
                                             opened_.set_value(exchange->stream(200, {{"Content-Type", "text/x"}}));
                                           });
    ASSERT_TRUE(listener_->start());
  }

  std::shared_ptr<Stream> open(RawPeer& peer, const std::string& version = "1.1") {
    opened_ = {};
    peer.send("GET /watch HTTP/" + version + "\r\nHost: x\r\n\r\n");
    return opened_.get_future().get();
  }

  std::promise<std::shared_ptr<Stream>> opened_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(Streams, SendChunksAsTheyArePushedThenKeepTheConnection) {
  start();
  RawPeer peer(listener_->port());
  const auto stream = open(peer);
  EXPECT_THAT(peer.receive_until("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(stream->push(bytes("hello\n")));
  EXPECT_EQ(peer.receive_until("hello\n\r\n"), "6\r\nhello\n\r\n");
  EXPECT_TRUE(stream->push(bytes("")));
  const std::string large(100'000, 'x');
  EXPECT_TRUE(stream->push(bytes(large)));
  EXPECT_EQ(peer.receive_until("x\r\n"), "186a0\r\n" + large + "\r\n");
  std::promise<void> ended;
  stream->on_closed([&] { ended.set_value(); });
  stream->close();
  EXPECT_EQ(peer.receive_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->push(bytes("late")));
  peer.send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(peer.receive_until("plain"), HasSubstr("plain"));
}

TEST_F(Streams, SendToAnOldPeerWithoutChunks) {
  start();
  RawPeer peer(listener_->port());
  const auto stream = open(peer, "1.0");
  stream->push(bytes("old"));
  stream->close();
  const std::string all = peer.receive_all();
  EXPECT_EQ(all.find("chunked"), all.npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\nold"));
}

TEST_F(Streams, NoticeThatAnIdlePeerHasGone) {
  start();
  RawPeer peer(listener_->port());
  const auto stream = open(peer);
  std::promise<void> gone;
  stream->on_closed([&] { gone.set_value(); });
  peer.receive_until("\r\n\r\n");
  peer.close();
  EXPECT_EQ(gone.get_future().wait_for(5s), std::future_status::ready);
  EXPECT_FALSE(stream->push(bytes("x")));
  EXPECT_TRUE(eventually([&] { return listener_->stats().connections == 0 && listener_->stats().streams == 0; }));
}

TEST_F(Streams, DropAReaderWhoseQueueIsFull) {
  Limits limits;
  limits.stream_queue_count = 100;
  start(limits);
  RawPeer peer(listener_->port(), 4096);
  const auto stream = open(peer);
  const auto message = bytes(std::string(64 * 1024, 'x'));
  int pushed = 0;
  while (stream->push(message) && pushed < 100'000) ++pushed;
  EXPECT_LT(pushed, 1'000) << "kernel buffers and the queue are all that is held";
  EXPECT_TRUE(eventually([&] { return listener_->stats().connections == 0; }));
  EXPECT_EQ(listener_->stats().slow_dropped, 1u);
  EXPECT_EQ(message.use_count(), 1) << "nothing is kept for it";
}

TEST_F(Streams, DropAReaderThatDoesNotReadInTime) {
  Limits limits;
  limits.write = 200ms;
  start(limits);
  RawPeer peer(listener_->port(), 4096);
  const auto stream = open(peer);
  const auto message = bytes(std::string(64 * 1024, 'x'));
  for (int i = 0; i < 100; ++i) stream->push(message);
  std::promise<void> gone;
  stream->on_closed([&] { gone.set_value(); });
  EXPECT_EQ(gone.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(listener_->stats().slow_dropped, 1u);
}

TEST_F(Streams, LiveLongerThanEveryTimeLimitWhileIdle) {
  Limits limits;
  limits.request = limits.idle = limits.write = 150ms;
  start(limits);
  RawPeer peer(listener_->port());
  const auto stream = open(peer);
  peer.receive_until("\r\n\r\n");
  EXPECT_FALSE(peer.closes(600ms));
  EXPECT_TRUE(stream->push(bytes("still here")));
  EXPECT_THAT(peer.receive_until("here"), HasSubstr("still here"));
}

TEST_F(Streams, AnswerWhatWasSentAheadOnceTheyEnd) {
  start();
  RawPeer peer(listener_->port());
  const auto stream = open(peer);
  peer.send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n");
  stream->push(bytes("event"));
  EXPECT_THAT(peer.receive_until("event"), ::testing::Not(HasSubstr("plain")));
  stream->close();
  EXPECT_THAT(peer.receive_until("plain"), HasSubstr("plain"));
}

TEST_F(Streams, DropAPeerThatSendsAheadWithoutEnd) {
  start();
  RawPeer peer(listener_->port());
  const auto stream = open(peer);
  const std::string junk(64 * 1024, 'j');
  while (peer.send(junk)) {
  }
  EXPECT_TRUE(eventually([&] { return stream->closed(); }));
}

TEST_F(Streams, EndWhenTheListenerStops) {
  start();
  RawPeer peer(listener_->port());
  const auto stream = open(peer);
  stream->push(bytes("last words"));
  listener_->stop();
  const std::string all = peer.receive_all();
  EXPECT_THAT(all, HasSubstr("last words"));
  EXPECT_TRUE(all.ends_with("0\r\n\r\n"));
  EXPECT_TRUE(stream->closed());
}

}  // namespace
}  // namespace datamesh::http

#include "contenders/proxy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contenders/route_parser.hpp"
#include "contenders/start_proxy.hpp"
#include "transports/streams.hpp"
#include "unit/harness/contenders/any_stream.hpp"
#include "workload/client.hpp"
#include "workload/payload_verifier.hpp"
#include "workload/sink.hpp"

namespace stream_harness {
namespace {

constexpr std::size_t kCapacity = 1000;

// A proxy between two duplex streams; the test writes `to_proxy` and reads `from_proxy`.
class ProxyTest : public testing::TestWithParam<Implementation> {
 protected:
  using Pair = std::pair<DuplexStream, DuplexStream>;

  void start(std::size_t read_reserve = 64, Completion completion = Completion::kTicket) {
    start(ProxyConfig{read_reserve, 2 * read_reserve, 63, completion});
  }

  void start(const ProxyConfig& config) {
    proxy_ = start_proxy(GetParam(), std::move(in_.second), std::move(out_.first), config,
                         [this](ProxyResult result) {
                           EXPECT_FALSE(result_);
                           result_ = std::move(result);
                         });
  }

  // An end in order says that all was forwarded. The library says where it was not; what is written
  // by hand ends in order all the same.
  void TearDown() override {
    if (end_seen_ && result_) {
      const bool is_library =
          GetParam() == Implementation::kHandoff || GetParam() == Implementation::kHandoffCoroutine;
      const bool was_cut = !result_->error.empty() && is_library;
      EXPECT_EQ(end_, was_cut ? net_error_code(net::error::connection_reset)
                              : net_error_code(net::error::eof));
    }
  }

  // Writes all of it in chunks, then shuts down the sending side.
  void send(std::string text, std::size_t chunk) {
    unsent_ = std::move(text);
    send_next(chunk);
  }

  void send_next(std::size_t chunk) {
    if (unsent_.empty()) {
      ASSERT_FALSE(end_sending(to_proxy_));
      return;
    }
    auto piece = std::make_shared<std::string>(unsent_.substr(0, chunk));
    unsent_.erase(0, piece->size());
    net::async_write(to_proxy_, net::buffer(*piece),
                     [this, piece, chunk](net_error_code error, std::size_t) {
                       if (!error) send_next(chunk);
                     });
  }

  // Reads to the end of the stream.
  void receive() {
    from_proxy_.async_read_some(net::buffer(chunk_), [this](net_error_code error, std::size_t n) {
      received_.append(chunk_.data(), n);
      if (!error) return receive();
      end_ = error;
      end_seen_ = true;
    });
  }

  net::io_context context_;
  Pair in_ = bytes_handoff::make_duplex(context_.get_executor(), kCapacity);
  Pair out_ = bytes_handoff::make_duplex(context_.get_executor(), kCapacity);
  DuplexStream& to_proxy_ = in_.first;
  DuplexStream& from_proxy_ = out_.second;
  std::string unsent_;
  std::array<char, 4096> chunk_{};
  std::string received_;
  bool end_seen_ = false;
  net_error_code end_;
  std::optional<ProxyResult> result_;
  std::weak_ptr<Proxy> proxy_;
};

INSTANTIATE_TEST_SUITE_P(Implementations, ProxyTest, testing::ValuesIn(contenders_for_any_stream()),
                         [](const auto& implementation) {
                           return std::string(to_text(implementation.param));
                         });

TEST_P(ProxyTest, EveryCutArrivesWhole) {
  const std::string input = "one\n\nTUNA\nTUNNELS\n" + std::string(300, 'l') +
                            "\nTUNNEL\nopaque\nTUNNEL\nbytes" + std::string(5000, '\0');
  for (const std::size_t chunk : {1u, 2u, 3u, 7u, 64u, 1000u, 10000u}) {
    in_ = bytes_handoff::make_duplex(context_.get_executor(), kCapacity);
    out_ = bytes_handoff::make_duplex(context_.get_executor(), kCapacity);
    received_.clear();
    end_seen_ = false;
    result_.reset();
    start();
    receive();
    send(input, chunk);
    context_.run();
    context_.restart();
    EXPECT_TRUE(end_seen_);
    EXPECT_TRUE(received_ == input) << "chunks of " << chunk;
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error, "");
    EXPECT_EQ(result_->forwarded_bytes, input.size());
  }
}

TEST_P(ProxyTest, BytesAfterTheLastNewlineAreForwardedAtTheEndOrFailIt) {
  start();
  receive();
  send("frame\nTUNNE", 4);
  context_.run();
  EXPECT_TRUE(end_seen_);
  ASSERT_TRUE(result_);
  if (fails_on_a_cut_frame(GetParam())) {
    EXPECT_EQ(received_, "frame\n");
    EXPECT_EQ(result_->error, "read: the input ended inside of a frame");
    EXPECT_EQ(result_->forwarded_bytes, 6u);
  } else {
    EXPECT_EQ(received_, "frame\nTUNNE");
    EXPECT_EQ(result_->error, "");
    EXPECT_EQ(result_->forwarded_bytes, 11u);
  }
}

TEST_P(ProxyTest, AnEmptyInputIsShutDown) {
  start();
  receive();
  send("", 1);
  context_.run();
  EXPECT_TRUE(end_seen_);
  EXPECT_EQ(received_, "");
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, "");
}

TEST_P(ProxyTest, ASinkThatHasGoneIsAnErrorOfTheWrite) {
  start();
  from_proxy_.close();
  send("frame\nTUNNEL\n" + std::string(5000, 'x'), 100);
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_NE(result_->error.find("write"), std::string::npos) << result_->error;
  EXPECT_EQ(result_->forwarded_bytes, 0u);
  EXPECT_FALSE(unsent_.empty());
}

TEST_P(ProxyTest, ItWaitsForASinkThatDoesNotRead) {
  start();
  send("TUNNEL\n" + std::string(20000, 'x'), 500);
  context_.poll();
  EXPECT_FALSE(result_);
  EXPECT_GT(unsent_.size(), 20000u - 4 * kCapacity);
  receive();
  context_.restart();
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->forwarded_bytes, 20007u);
  EXPECT_EQ(received_.size(), 20007u);
}

// What it would not do is documented: its queue has no bound.
TEST_P(ProxyTest, WithoutTicketsOnlyAQueueWithoutABoundReadsOn) {
  start(64, Completion::kFireAndForget);
  send("TUNNEL\n" + std::string(20000, 'x'), 500);
  context_.poll();
  EXPECT_FALSE(result_);
  if (GetParam() == Implementation::kAsioQueue) {
    EXPECT_TRUE(unsent_.empty());
  } else {
    EXPECT_GT(unsent_.size(), 20000u - 4 * kCapacity);
  }
  receive();
  context_.restart();
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, "");
  EXPECT_EQ(result_->forwarded_bytes, 20007u);
  EXPECT_EQ(received_.size(), 20007u);
}

TEST_P(ProxyTest, AFailureWhileItReadsAndWritesIsReportedOnce) {
  start(64, Completion::kFireAndForget);
  const std::string input = "TUNNEL\n" + std::string(3000, 'x');
  net::async_write(to_proxy_, net::buffer(input), [](net_error_code, std::size_t) {});
  context_.poll();
  ASSERT_FALSE(result_);
  from_proxy_.close();
  context_.restart();
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_NE(result_->error.find("write"), std::string::npos) << result_->error;
  EXPECT_TRUE(proxy_.expired());
}

// Of a write that is cut short, too.
TEST_P(ProxyTest, AllThatTheSinkWasGivenIsCountedWhenItIsStopped) {
  start(64, Completion::kFireAndForget);
  const std::string input = "TUNNEL\n" + std::string(3000, 'x');
  net::async_write(to_proxy_, net::buffer(input), [](net_error_code, std::size_t) {});
  context_.poll();
  EXPECT_EQ(from_proxy_.available(), kCapacity);
  proxy_.lock()->stop();
  context_.restart();
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->forwarded_bytes, kCapacity);
  EXPECT_TRUE(proxy_.expired());
}

TEST_P(ProxyTest, AnUnfinishedFramePastTheLimitEndsAConnectionThatIsRouted) {
  const std::string input =
      "short\n" + std::string(RouteParser::kLeastUnfinishedLimit + 1, 'f') + "\n";
  start(4096);
  receive();
  send(input, 900);
  context_.run();
  ASSERT_TRUE(result_);
  if (!looks_for_frames(GetParam())) {
    EXPECT_EQ(result_->error, "");
    EXPECT_TRUE(received_ == input);
  } else {
    EXPECT_NE(result_->error.find("1048576"), std::string::npos) << result_->error;
    EXPECT_EQ(received_, "short\n");
  }
}

TEST_P(ProxyTest, TheLongestUnfinishedFrameArrives) {
  start(4096);
  receive();
  const std::string input =
      std::string(RouteParser::kLeastUnfinishedLimit - 1, 'f') + "\nTUNNEL\nend";
  send(input, 900);
  context_.run();
  EXPECT_TRUE(received_ == input);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, "");
}

// Frames that begin anywhere in a block, and end there, in the next, or in a later one.
TEST_P(ProxyTest, FramesAroundTheSizeOfABlockArriveWhole) {
  constexpr std::size_t kBlock = 65536;
  std::string input;
  for (const std::size_t length : {kBlock - 1, kBlock, kBlock + 1, 2 * kBlock, 3 * kBlock + 7}) {
    for (const std::size_t front : {0u, 1u, 100u, 16384u, 16385u, 50000u}) {
      input += std::string(front, 'a') + '\n' + std::string(length - 1, 'f') + '\n';
    }
  }
  for (const std::string& end : {std::string(), std::string(2 * kBlock, 'e')}) {
    if (!end.empty() && fails_on_a_cut_frame(GetParam())) continue;
    for (const std::size_t chunk : {10'000u, 1'000'000u}) {
      in_ = bytes_handoff::make_duplex(context_.get_executor(), 2 * kBlock);
      out_ = bytes_handoff::make_duplex(context_.get_executor(), 2 * kBlock);
      received_.clear();
      result_.reset();
      start(16384, Completion::kTicket);
      receive();
      send(input + end, chunk);
      context_.restart();
      context_.run();
      EXPECT_TRUE(received_ == input + end) << "chunks of " << chunk;
      ASSERT_TRUE(result_);
      EXPECT_EQ(result_->error, "");
    }
  }
}

TEST_P(ProxyTest, NothingOfALongFrameGoesOnBeforeItIsComplete) {
  if (!looks_for_frames(GetParam())) GTEST_SKIP() << "it looks for no frames";
  start(16384);
  receive();
  std::string input(300'000, 'f');
  net::async_write(to_proxy_, net::buffer(input), [](net_error_code, std::size_t) {});
  context_.poll();
  EXPECT_EQ(received_, "");
  send("\n", 1);
  context_.restart();
  context_.run();
  EXPECT_TRUE(received_ == input + "\n");
}

TEST_P(ProxyTest, TheEndOfALongFrameIsNoMarker) {
  if (!looks_for_frames(GetParam())) GTEST_SKIP() << "it looks for no frames";
  start(16384);
  receive();
  const std::string frame = std::string(2 * 65536, 'f') + "TUNNEL\n";
  send(frame + std::string(RouteParser::kLeastUnfinishedLimit + 1, 'f'), 65536);
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_NE(result_->error.find("1048576"), std::string::npos) << result_->error;
  EXPECT_TRUE(received_ == frame);
}

// An output that takes one byte stops it behind its first read: so much room has its client.
TEST_P(ProxyTest, ReadsAreOfTheBlockThatIsAskedFor) {
  const std::string input = "TUNNEL\n" + std::string(kCapacity - 7, 'x');
  for (const std::size_t block : {64u, 256u}) {
    in_ = bytes_handoff::make_duplex(context_.get_executor(), kCapacity);
    out_ = bytes_handoff::make_duplex(context_.get_executor(), 1);
    received_.clear();
    result_.reset();
    net::write(to_proxy_, net::buffer(input));
    ProxyConfig config{128, block, 63, Completion::kTicket};
    config.read_block = block;
    start(config);
    context_.restart();
    context_.poll();
    net_error_code error;
    to_proxy_.non_blocking(true, error);
    EXPECT_EQ(to_proxy_.write_some(net::buffer(input), error), block);
    ASSERT_FALSE(end_sending(to_proxy_));
    receive();
    context_.restart();
    context_.run();
    EXPECT_EQ(received_, input + input.substr(0, block));
  }
}

TEST_P(ProxyTest, StoppingEndsItWhileItWaitsForInput) {
  start();
  receive();
  net::write(to_proxy_, net::buffer(std::string("frame\n")));
  context_.poll();
  EXPECT_EQ(received_, "frame\n");
  proxy_.lock()->stop();
  EXPECT_FALSE(result_) << "not from inside stop()";
  context_.restart();
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_NE(result_->error, "");
  EXPECT_EQ(result_->forwarded_bytes, 6u);
  EXPECT_TRUE(proxy_.expired());
}

TEST_P(ProxyTest, StoppingEndsItWhileItWaitsForTheSink) {
  start();
  send("TUNNEL\n" + std::string(20000, 'x'), 500);
  context_.poll();
  ASSERT_FALSE(result_);
  proxy_.lock()->stop();
  context_.restart();
  context_.run();
  ASSERT_TRUE(result_);
  EXPECT_NE(result_->error, "");
  EXPECT_GE(result_->forwarded_bytes, kCapacity);
  EXPECT_LT(result_->forwarded_bytes, 20000u);
  EXPECT_TRUE(proxy_.expired());
}

// Client, proxy and sink as the harness puts them together.
TEST_P(ProxyTest, AVerifiedPayloadGoesThroughFromClientToSink) {
  const PayloadShape shape{300, 100, 70000};
  start();
  std::optional<std::string> client_error;
  std::optional<SinkResult> sunk;
  std::make_shared<Client<DuplexStream>>(std::move(to_proxy_), PayloadCursor(shape, 5, 777), 777,
                                         [&](std::string error) { client_error = error; })
      ->start();
  SinkConfig config{payload_bytes(shape), std::make_unique<PayloadVerifier>(shape, 5)};
  std::make_shared<Sink<DuplexStream>>(std::move(from_proxy_), std::move(config),
                                       [&](SinkResult result) { sunk = std::move(result); })
      ->start();
  context_.run();
  EXPECT_EQ(client_error, "");
  ASSERT_TRUE(sunk);
  EXPECT_EQ(sunk->error, "");
  EXPECT_EQ(sunk->received_bytes, payload_bytes(shape));
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->forwarded_bytes, payload_bytes(shape));
}

}  // namespace
}  // namespace stream_harness

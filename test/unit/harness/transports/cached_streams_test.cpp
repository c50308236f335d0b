#include "transports/cached_streams.hpp"

#include <gtest/gtest.h>

#include <array>
#include <asio/bind_executor.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "bytes_handoff/asio/support/stream_traits.hpp"
#include "contenders/start_proxy.hpp"
#include "workload/payload_verifier.hpp"

namespace stream_harness {
namespace {

// The library takes them for what sockets are.
static_assert(bytes_handoff::detail::ReadinessReadStream<CachedSource>);
static_assert(bytes_handoff::detail::NonBlockingWriteStream<CountingSink>);

constexpr PayloadShape kCachedShape{3, 16, 10};
const std::string kCachedText = "GET /tenant/0000\nGET /tenant/0000\nGET /tenant/0000\nTUNNEL\n" +
                                std::string("\0\1\2\3\4\5\6\7\10\11", 10);

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(CachedPayload, IsThatOfConnectionZeroFromAnyPosition) {
  const CachedPayload payload(kCachedShape);
  ASSERT_EQ(payload.total_bytes(), kCachedText.size());
  for (std::size_t position = 0; position <= kCachedText.size(); ++position) {
    EXPECT_EQ(text_of(payload.at(position, 1000)), kCachedText.substr(position));
    EXPECT_EQ(text_of(payload.at(position, 3)), kCachedText.substr(position, 3));
  }
}

TEST(CachedPayload, ATunnelLongerThanWhatIsKeptGoesOn) {
  for (const std::uint64_t tunnel : {257'023u, 257'024u, 257'025u, 1'000'000u}) {
    const PayloadShape shape{100, 63, tunnel};
    const CachedPayload payload(shape);
    PayloadVerifier expected(shape, 0);
    for (std::uint64_t position = 0; position < payload.total_bytes();) {
      const auto bytes = payload.at(position, 7001);
      ASSERT_FALSE(bytes.empty());
      ASSERT_TRUE(expected.check(bytes)) << "tunnel of " << tunnel << " at " << position;
      position += bytes.size();
    }
    EXPECT_TRUE(expected.complete());
  }
}

class CachedSourceTest : public testing::Test {
 protected:
  CachedSource source(std::size_t fragment) {
    return {context_.get_executor(), std::make_shared<CachedPayload>(kCachedShape), fragment};
  }

  net::io_context context_;
  std::array<char, 1000> room_{};
  net_error_code error_;
};

TEST_F(CachedSourceTest, HandsOutAFragmentOrWhatThereIsRoomFor) {
  CachedSource stream = source(20);
  EXPECT_EQ(stream.read_some(net::buffer(room_), error_), 20u);
  EXPECT_EQ(std::string_view(room_.data(), 20), kCachedText.substr(0, 20));
  EXPECT_EQ(stream.read_some(net::buffer(room_, 7), error_), 7u);
  EXPECT_EQ(std::string_view(room_.data(), 7), kCachedText.substr(20, 7));
  const std::array<net::mutable_buffer, 2> two{net::buffer(room_.data(), 4),
                                               net::buffer(room_.data() + 500, 100)};
  EXPECT_EQ(stream.read_some(two, error_), 20u);
  EXPECT_EQ(std::string_view(room_.data(), 4), kCachedText.substr(27, 4));
  EXPECT_EQ(std::string_view(room_.data() + 500, 16), kCachedText.substr(31, 16));
  EXPECT_FALSE(error_);
  EXPECT_EQ(stream.read_some(net::mutable_buffer(), error_), 0u);
  EXPECT_FALSE(error_);
}

TEST_F(CachedSourceTest, EndsBehindTheLastByteAndWhereItIsClosed) {
  CachedSource stream = source(1000);
  EXPECT_EQ(stream.read_some(net::buffer(room_), error_), kCachedText.size());
  EXPECT_EQ(stream.read_some(net::buffer(room_), error_), 0u);
  EXPECT_EQ(error_, net::error::eof);
  stream.close(error_);
  EXPECT_EQ(stream.read_some(net::buffer(room_), error_), 0u);
  EXPECT_EQ(error_, net::error::bad_descriptor);
}

TEST_F(CachedSourceTest, HandlersArePostedToTheirExecutor) {
  CachedSource stream = source(20);
  net::io_context other;
  int called = 0;
  const auto on_read = [&](net_error_code error, std::size_t bytes) {
    ++called;
    EXPECT_FALSE(error);
    EXPECT_EQ(bytes, 20u);
  };
  stream.async_read_some(net::buffer(room_), on_read);
  stream.async_read_some(net::buffer(room_), net::bind_executor(other.get_executor(), on_read));
  stream.async_wait(CachedSource::wait_read, [&](net_error_code error) {
    ++called;
    EXPECT_FALSE(error);
  });
  EXPECT_EQ(called, 0);
  EXPECT_EQ(context_.run(), 2u);
  EXPECT_EQ(called, 2);
  EXPECT_EQ(other.run(), 1u);
  EXPECT_EQ(called, 3);
}

class CountingSinkTest : public testing::Test {
 protected:
  CountingSink sink(bool verify) {
    SinkConfig config;
    config.expected_bytes = kCachedText.size();
    if (verify) config.inspector = std::make_unique<PayloadVerifier>(kCachedShape, 0);
    return {context_.get_executor(), std::move(config), [this](SinkResult result) {
              EXPECT_FALSE(result_);
              result_ = std::move(result);
            }};
  }

  std::size_t write(CountingSink& stream, std::string_view text) {
    return stream.write_some(net::buffer(text), error_);
  }

  net::io_context context_;
  net_error_code error_;
  std::optional<SinkResult> result_;
};

TEST_F(CountingSinkTest, TakesEverythingAndReportsAtTheShutdown) {
  CountingSink first = sink(true);
  CountingSink stream = std::move(first);
  const std::array<net::const_buffer, 2> two{net::buffer(kCachedText.data(), 10),
                                             net::buffer(kCachedText.data() + 10, 20)};
  EXPECT_EQ(stream.write_some(two, error_), 30u);
  EXPECT_EQ(write(stream, kCachedText.substr(30)), kCachedText.size() - 30);
  EXPECT_FALSE(result_);
  stream.shutdown(CountingSink::shutdown_send, error_);
  EXPECT_FALSE(error_);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, "");
  EXPECT_EQ(result_->received_bytes, kCachedText.size());
  EXPECT_NE(result_->last_byte_at, std::chrono::steady_clock::time_point());
  EXPECT_EQ(write(stream, "more"), 0u);
  EXPECT_EQ(error_, net::error::broken_pipe);
  stream.close(error_);
}

TEST_F(CountingSinkTest, AWrongByteBreaksIt) {
  CountingSink stream = sink(true);
  std::string text = kCachedText;
  text[20] = 'x';
  EXPECT_EQ(write(stream, text), 0u);
  EXPECT_EQ(error_, net::error::broken_pipe);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, "the payload differs at byte 20");
  EXPECT_EQ(write(stream, "more"), 0u);
  EXPECT_EQ(error_, net::error::broken_pipe);
}

TEST_F(CountingSinkTest, TooFewOrTooManyBytesAreAnErrorAtTheEnd) {
  for (const std::string& text : {kCachedText.substr(1), kCachedText + "x"}) {
    result_.reset();
    CountingSink stream = sink(false);
    write(stream, text);
    stream.shutdown(CountingSink::shutdown_both, error_);
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error, "the stream ended after " + std::to_string(text.size()) +
                                  " bytes, expected " + std::to_string(kCachedText.size()));
  }
}

TEST_F(CountingSinkTest, ClosedOrDestroyedBeforeItsEndItSaysSo) {
  {
    CountingSink stream = sink(false);
    write(stream, kCachedText);
    stream.close(error_);
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error, "the stream was closed before its end");
    EXPECT_EQ(write(stream, "more"), 0u);
    EXPECT_EQ(error_, net::error::bad_descriptor);
  }
  result_.reset();
  { const CountingSink stream = sink(false); }
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, "the stream was closed before its end");
}

TEST_F(CountingSinkTest, AHandlerIsPosted) {
  CountingSink stream = sink(false);
  bool called = false;
  stream.async_write_some(net::buffer(kCachedText), [&](net_error_code error, std::size_t bytes) {
    called = true;
    EXPECT_FALSE(error);
    EXPECT_EQ(bytes, kCachedText.size());
  });
  EXPECT_FALSE(called);
  context_.run();
  EXPECT_TRUE(called);
}

using CachedProxy = std::tuple<Implementation, Completion>;

class CachedProxyTest : public testing::TestWithParam<CachedProxy> {
 protected:
  // A large payload; the proxy has begun.
  void start(std::size_t fragment) {
    const auto& [implementation, completion] = GetParam();
    SinkConfig config;
    config.expected_bytes = payload_bytes(kShape);
    config.inspector = std::make_unique<PayloadVerifier>(kShape, 0);
    const auto executor = context_.get_executor();
    proxy_ = start_proxy(
        implementation, CachedSource(executor, std::make_shared<CachedPayload>(kShape), fragment),
        CountingSink(executor, std::move(config),
                     [this](SinkResult result) {
                       EXPECT_FALSE(sunk_);
                       sunk_ = std::move(result);
                     }),
        ProxyConfig{1000, 2000, kShape.frame_len, completion}, [this](ProxyResult result) {
          EXPECT_FALSE(result_);
          result_ = std::move(result);
        });
  }

  static constexpr PayloadShape kShape{300, 100, 300'000};
  net::io_context context_;
  std::optional<SinkResult> sunk_;
  std::optional<ProxyResult> result_;
  std::weak_ptr<Proxy> proxy_;
};

INSTANTIATE_TEST_SUITE_P(
    Implementations, CachedProxyTest,
    testing::Combine(testing::Values(Implementation::kHandoff, Implementation::kManualVec,
                                     Implementation::kRawCopy, Implementation::kAsioQueue),
                     testing::Values(Completion::kTicket, Completion::kFireAndForget)),
    [](const auto& test) {
      return std::string(to_text(std::get<0>(test.param))) + "_" +
             std::string(to_text(std::get<1>(test.param)));
    });

TEST_P(CachedProxyTest, EveryByteArrives) {
  for (const std::size_t fragment : {64u, 999u, 1001u, 100'000u}) {
    sunk_.reset();
    result_.reset();
    start(fragment);
    EXPECT_FALSE(result_) << "not from inside start()";
    context_.run();
    context_.restart();
    ASSERT_TRUE(sunk_ && result_);
    EXPECT_EQ(sunk_->error, "") << "fragments of " << fragment;
    EXPECT_EQ(sunk_->received_bytes, payload_bytes(kShape));
    EXPECT_EQ(result_->error, "");
    EXPECT_EQ(result_->forwarded_bytes, payload_bytes(kShape));
    EXPECT_TRUE(proxy_.expired());
  }
}

TEST_P(CachedProxyTest, StoppingEndsIt) {
  start(64);
  for (int i = 0; i < 50; ++i) context_.run_one();
  ASSERT_FALSE(result_);
  proxy_.lock()->stop();
  EXPECT_FALSE(result_) << "not from inside stop()";
  context_.run();
  ASSERT_TRUE(sunk_ && result_);
  EXPECT_NE(result_->error, "");
  EXPECT_EQ(sunk_->error, "the stream was closed before its end");
  EXPECT_EQ(sunk_->received_bytes, result_->forwarded_bytes);
  EXPECT_TRUE(proxy_.expired());
}

}  // namespace
}  // namespace stream_harness

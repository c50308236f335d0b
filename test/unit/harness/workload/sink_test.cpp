#include "workload/sink.hpp"

#include <gtest/gtest.h>

#include <asio/write.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "transports/stream_end.hpp"
#include "workload/payload_verifier.hpp"

namespace stream_harness {
namespace {

class SinkTest : public testing::Test {
 protected:
  SinkResult run_sink(const std::string& input, std::uint64_t expected, bool verify) {
    auto [near_end, far_end] = bytes_handoff::make_duplex(context_.get_executor(), 1 << 16);
    SinkConfig config{expected, nullptr};
    if (verify) config.inspector = std::make_unique<PayloadVerifier>(kShape, 0);
    SinkResult sunk;
    std::make_shared<Sink<DuplexStream>>(std::move(far_end), std::move(config),
                                         [&](SinkResult result) { sunk = std::move(result); })
        ->start();
    net::async_write(near_end, net::buffer(input),
                     [&](net_error_code, std::size_t) { EXPECT_FALSE(end_sending(near_end)); });
    context_.run();
    context_.restart();
    return sunk;
  }

  static constexpr PayloadShape kShape{1, 16, 10};
  net::io_context context_;
};

TEST_F(SinkTest, AShortOrALongStreamIsAnError) {
  EXPECT_EQ(run_sink("12345", 5, false).error, "");
  EXPECT_EQ(run_sink("1234", 5, false).error, "the stream ended after 4 bytes, expected 5");
  EXPECT_EQ(run_sink("123456", 5, false).error, "the stream ended after 6 bytes, expected 5");
}

TEST_F(SinkTest, AChangedByteIsNamedWhereItVerifies) {
  std::string payload = "GET /tenant/0000\nTUNNEL\n" + std::string("\0\1\2\3\4\5\6\7\10\11", 10);
  EXPECT_EQ(run_sink(payload, payload.size(), true).error, "");
  payload[20] = 'x';
  EXPECT_EQ(run_sink(payload, payload.size(), false).error, "");
  EXPECT_EQ(run_sink(payload, payload.size(), true).error, "the payload differs at byte 20");
}

}  // namespace
}  // namespace stream_harness

// Waiting for a whole frame: the contract of `async_wait_frame`, line by line.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

[[nodiscard]] HandoffBuffer buffer_of(std::size_t max_size) {
  HandoffBufferConfig config;
  config.max_size = max_size;
  config.read_reserve = std::min<std::size_t>(config.read_reserve, max_size);
  return HandoffBuffer(config);
}

/// Streams that tell when they are readable.
template <class Pair>
class WaitFrame : public testing::Test {
 protected:
  void write(std::string_view text) { net::write(far(), net::buffer(text)); }
  typename Pair::Stream& near() { return ends.first; }
  typename Pair::Stream& far() { return ends.second; }

  void expect_wait(const net_error_code& error, std::size_t n) {
    CountOutcome outcome;
    buffer.async_wait_frame(near(), lines, outcome.handler());
    EXPECT_FALSE(outcome.has_come()) << "called from inside the initiating function";
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect(error, n);
    EXPECT_FALSE(front_end::is_reading(buffer));
  }

  HandoffBuffer buffer = buffer_of(1000);
  DelimiterFramer lines{"\n"};
  net::io_context context{1};
  std::pair<typename Pair::Stream, typename Pair::Stream> ends = Pair::make(context);
};
using Pairs = testing::Types<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WaitFrame, Pairs);

TYPED_TEST(WaitFrame, tells_a_whole_frame_and_leaves_it) {
  this->write("one\ntw");
  this->expect_wait({}, 4);
  EXPECT_EQ(this->buffer.peek_view(), "one\ntw");
  this->expect_wait({}, 4);
  EXPECT_EQ(this->buffer.split_prefix(4).value().view(), "one\n");
  CountOutcome second;
  this->buffer.async_wait_frame(this->near(), this->lines, second.handler());
  run_ready(this->context);
  EXPECT_FALSE(second.has_come());
  this->write("o");
  run_ready(this->context);
  EXPECT_FALSE(second.has_come());
  this->write("\nthree");
  ASSERT_TRUE(run_until(this->context, [&] { return second.has_come(); }));
  second.expect({}, 4);
  EXPECT_EQ(this->buffer.peek_view(), "two\nthree");
}

TYPED_TEST(WaitFrame, tells_the_end_behind_the_last_frame_as_0_without_an_error) {
  this->write("one\ntwo\n");
  this->far().shutdown(net::socket_base::shutdown_send);
  this->expect_wait({}, 4);
  EXPECT_TRUE(this->buffer.advance(4).has_value());
  this->expect_wait({}, 4);
  EXPECT_TRUE(this->buffer.advance(4).has_value());
  this->expect_wait({}, 0);
  this->expect_wait({}, 0);
}

TYPED_TEST(WaitFrame, an_end_inside_of_a_frame_is_an_error_and_the_rest_stays) {
  this->write("one\ntw");
  this->far().shutdown(net::socket_base::shutdown_send);
  this->expect_wait({}, 4);
  EXPECT_TRUE(this->buffer.advance(4).has_value());
  this->expect_wait(Errc::truncated_frame, 0);
  EXPECT_EQ(this->buffer.peek_view(), "tw");
  this->expect_wait(Errc::truncated_frame, 0);
}

}  // namespace
}  // namespace bytes_handoff::test

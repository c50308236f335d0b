// Waiting for a whole frame: the contract of `async_wait_frame`, line by line.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/probes.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/frame_waits.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

/// Streams that tell when they are readable.
template <class Pair>
class WaitFrame : public testing::Test {
 protected:
  void write(std::string_view text) { net::write(far(), net::buffer(text)); }
  typename Pair::Stream& near() { return ends.first; }
  typename Pair::Stream& far() { return ends.second; }

  void expect(const net_error_code& error, std::size_t n) {
    expect_wait(context, buffer, near(), lines, error, n);
  }
  void take(std::size_t n) { EXPECT_TRUE(buffer.advance(n).has_value()); }

  HandoffBuffer buffer = buffer_of(1000);
  DelimiterFramer lines{"\n"};
  net::io_context context{1};
  std::pair<typename Pair::Stream, typename Pair::Stream> ends = Pair::make(context);
};
using Pairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(WaitFrame, Pairs);

TYPED_TEST(WaitFrame, tells_a_whole_frame_and_leaves_it) {
  this->write("one\ntw");
  this->expect({}, 4);
  EXPECT_EQ(this->buffer.peek_view(), "one\ntw");
  this->expect({}, 4);
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
  this->expect({}, 4);
  this->take(4);
  this->expect({}, 4);
  this->take(4);
  this->expect({}, 0);
  this->expect({}, 0);
}

TYPED_TEST(WaitFrame, an_end_inside_of_a_frame_is_an_error_and_the_rest_stays) {
  this->write("one\ntw");
  this->far().shutdown(net::socket_base::shutdown_send);
  this->expect({}, 4);
  this->take(4);
  this->expect(Errc::truncated_frame, 0);
  EXPECT_EQ(this->buffer.peek_view(), "tw");
  this->expect(Errc::truncated_frame, 0);
}

TYPED_TEST(WaitFrame, tells_the_same_frames_wherever_the_input_is_cut) {
  const std::string input = "a\n\nbcd\nrest\n";
  const std::vector<std::string> expected{"a\n", "\n", "bcd\n", "rest\n"};
  for (std::size_t first = 0; first <= input.size(); ++first) {
    for (std::size_t second = first; second <= input.size(); ++second) {
      const std::array<std::string, 3> pieces{
          input.substr(0, first), input.substr(first, second - first), input.substr(second)};
      HandoffBuffer reads;
      auto [input_end, far_end] = TypeParam::make(this->context);
      DelimiterFramer framer("\n");
      std::vector<std::string> got;
      bool is_over = false;
      std::function<void()> wait = [&] {
        reads.async_wait_frame(input_end, framer, [&](net_error_code error, std::size_t n) {
          EXPECT_FALSE(error) << error.message();
          is_over = n == 0;
          if (n != 0) {
            got.emplace_back(reads.split_prefix(n).value().view());
            wait();
          }
        });
      };
      wait();
      for (const std::string& piece : pieces) {
        if (!piece.empty()) {
          net::write(far_end, net::buffer(piece));
        }
        run_ready(this->context);
      }
      far_end.shutdown(net::socket_base::shutdown_send);
      ASSERT_TRUE(run_until(this->context, [&] { return is_over; }));
      EXPECT_EQ(got, expected) << first << ", " << second;
    }
  }
}

TYPED_TEST(WaitFrame, a_frame_that_the_framer_refuses_starts_no_read) {
  DelimiterFramer short_lines("\n", {.max_content = 3});
  this->write("abcd");
  expect_wait(this->context, this->buffer, this->near(), short_lines, Errc::frame_too_long, 0);
  this->write("more");
  expect_wait(this->context, this->buffer, this->near(), short_lines, Errc::frame_too_long, 0);
  EXPECT_EQ(this->buffer.peek_view(), "abcd");
}

TYPED_TEST(WaitFrame, a_frame_that_the_buffer_can_never_hold_starts_no_read) {
  this->buffer = buffer_of(4);
  LengthFramer messages({.length_bytes = 1});
  this->write(
      "\x03"
      "abc\x04"
      "defg");
  expect_wait(this->context, this->buffer, this->near(), messages, {}, 4);
  this->take(4);
  expect_wait(this->context, this->buffer, this->near(), messages, Errc::limit_exceeded, 0);
  const std::size_t held = this->buffer.size();
  expect_wait(this->context, this->buffer, this->near(), messages, Errc::limit_exceeded, 0);
  EXPECT_EQ(this->buffer.size(), held);
}

TYPED_TEST(WaitFrame, a_second_read_is_refused_and_the_first_goes_on) {
  CountOutcome first;
  this->buffer.async_wait_frame(this->near(), this->lines, first.handler());
  CountOutcome second;
  this->buffer.async_wait_frame(this->near(), this->lines, second.handler());
  CountOutcome third;
  this->buffer.async_read_available(this->near(), third.handler());
  run_ready(this->context);
  second.expect(Errc::read_in_progress, 0);
  third.expect(Errc::read_in_progress, 0);
  EXPECT_FALSE(first.has_come());
  this->write("abc\n");
  ASSERT_TRUE(run_until(this->context, [&] { return first.has_come(); }));
  first.expect({}, 4);
}

TYPED_TEST(WaitFrame, is_kept_by_the_associated_allocator_and_allocates_once_for_many_reads) {
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  CountOutcome outcome;
  this->buffer.async_wait_frame(this->near(), this->lines,
                                net::bind_allocator(allocator, outcome.handler()));
  for (int reads = 0; reads < 5; ++reads) {
    run_ready(this->context);
    EXPECT_EQ(resource.blocks_out(), 2U) << "the operation, and the stream's for its wait";
    this->write("a");
  }
  this->write("\n");
  ASSERT_TRUE(run_until(this->context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 6);
  EXPECT_EQ(resource.blocks_out(), 0U);
}

TYPED_TEST(WaitFrame, without_memory_for_a_block_fails_and_stays_usable) {
  CountingResource blocks;
  HandoffBufferConfig config;
  config.block_source = &blocks;
  HandoffBuffer reads(config);
  this->write("a");
  blocks.fail(true);
  expect_wait(this->context, reads, this->near(), this->lines, net::error::no_memory, 0);
  blocks.fail(false);
  this->write("\n");
  expect_wait(this->context, reads, this->near(), this->lines, {}, 2);
}

TYPED_TEST(WaitFrame, told_of_the_queue_ends_with_the_queues_first_error) {
  auto shared = std::make_shared<typename TypeParam::Stream>(std::move(this->near()));
  WriteHandoff out(shared, {});
  CountOutcome outcome;
  this->buffer.async_wait_frame(*shared, this->lines, out, outcome.handler());
  this->write("tw");
  run_ready(this->context);
  out.abort();
  ASSERT_TRUE(run_until(this->context, [&] { return outcome.has_come(); }));
  outcome.expect(Errc::aborted, 0);
  EXPECT_EQ(this->buffer.peek_view(), "tw");
}

TYPED_TEST(WaitFrame, told_of_the_queue_is_as_without_it_meanwhile) {
  auto shared = std::make_shared<typename TypeParam::Stream>(std::move(this->near()));
  const WriteHandoff out(shared, {});
  this->write("one\n");
  CountOutcome outcome;
  this->buffer.async_wait_frame(*shared, this->lines, out, outcome.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 4);
}

}  // namespace
}  // namespace bytes_handoff::test

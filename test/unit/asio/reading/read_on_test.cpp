// When a read goes on behind what one read of the stream gave.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

using detail::ReadOn;

/// An end of the duplex that gives at most so many bytes a read, and counts the reads.
class MessageStream : public BasicDuplexStream<net::io_context::executor_type> {
  using Base = BasicDuplexStream<net::io_context::executor_type>;

 public:
  explicit MessageStream(Base base) : Base(std::move(base)) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, net_error_code& error) {
    if (reads++ == fail_at) {
      error = failure;
      return 0;
    }
    const net::mutable_buffer room(*net::buffer_sequence_begin(buffers));
    rooms_cut += room.size() < message ? 1U : 0U;
    return Base::read_some(net::buffer(room, message), error);
  }

  std::size_t message = 64;
  unsigned reads = 0;
  unsigned rooms_cut = 0;
  unsigned fail_at = ~0U;
  net_error_code failure;
};

class ReadingOn : public testing::Test {
 protected:
  ReadingOn() {
    config.read_reserve = 64;
    config.block_size = 4096;
    config.block_source = &blocks;
    buffer = HandoffBuffer(config);
  }

  void write(const std::string& bytes) { net::write(ends.second, net::buffer(bytes)); }

  /// Reads until an operation ends without bytes, or would wait. Counts the operations.
  unsigned read_all() {
    unsigned operations = 0;
    for (bool again = true; again; ++operations) {
      bool called = false;
      buffer.async_read_available(stream, [&](net_error_code error, std::size_t n) {
        called = true;
        last_error = error;
        last = n;
        text += buffer.peek_view();
        EXPECT_TRUE(buffer.advance(buffer.size()).has_value());
      });
      run_ready(context);
      again = called && !last_error && last != 0;
      if (!called) {
        stream.cancel();
        EXPECT_TRUE(run_out(context));
      }
    }
    return operations;
  }

  CountingResource blocks;
  HandoffBufferConfig config;
  HandoffBuffer buffer;
  net::io_context context{1};
  std::pair<BasicDuplexStream<net::io_context::executor_type>,
            BasicDuplexStream<net::io_context::executor_type>>
      ends = make_duplex(context, 1 << 20);
  MessageStream stream{std::move(ends.first)};
  std::string text;
  net_error_code last_error;
  std::size_t last = 0;
};

TEST_F(ReadingOn, takes_many_messages_in_one_operation) {
  constexpr unsigned kMessages = 64 * 16;
  write(pattern(kMessages * 64));
  const unsigned operations = read_all();
  EXPECT_EQ(text, pattern(kMessages * 64));
  EXPECT_LE(operations, ReadOn::kProbeEvery + kMessages / ReadOn::kMostReads + 2)
      << "one for each message until it is tried, then one for 16";
}

TEST_F(ReadingOn, is_no_read_for_nothing_but_once_in_64) {
  unsigned operations = 0;
  for (unsigned i = 0; i < 10 * ReadOn::kProbeEvery; ++i) {
    write("a message\n");
    CountOutcome outcome;
    buffer.async_read_available(stream, outcome.handler());
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect({}, 10);
    EXPECT_TRUE(buffer.advance(10).has_value());
    ++operations;
  }
  EXPECT_LE(stream.reads, operations + operations / ReadOn::kProbeEvery + 1);
}

TEST_F(ReadingOn, offers_each_message_room_for_one_like_the_last) {
  stream.message = 600;
  write(pattern(600 * 1000));
  read_all();
  EXPECT_EQ(text, pattern(600 * 1000));
  EXPECT_LE(stream.rooms_cut, 1000U / 6) << "only where a block ends, which has no room for 600";
}

TEST_F(ReadingOn, gives_the_error_behind_bytes_with_them) {
  write(pattern(64 * 200));
  stream.fail_at = 140;
  stream.failure = net::error::connection_reset;
  read_all();
  EXPECT_EQ(last_error, net::error::connection_reset);
  EXPECT_EQ(text, pattern(64 * 140)) << "what came before it, and nothing after";
  read_all();
  EXPECT_EQ(text, pattern(64 * 200)) << "the error is told once, and the buffer stays usable";
}

TEST_F(ReadingOn, gives_the_bytes_first_and_then_the_end) {
  write(pattern(64 * 200));
  ends.second.close();
  read_all();
  EXPECT_FALSE(last_error);
  EXPECT_EQ(last, 0U);
  EXPECT_EQ(text, pattern(64 * 200));
}

TEST_F(ReadingOn, tries_at_once_behind_many_bytes_and_then_holds_no_block) {
  stream.message = ReadOn::kManyBytes;
  config.block_size = 4 * ReadOn::kManyBytes;
  buffer = HandoffBuffer(config);
  write(pattern(2 * ReadOn::kManyBytes));
  CountOutcome first;
  buffer.async_read_available(stream, first.handler());
  run_ready(context);
  first.expect({}, ReadOn::kManyBytes);
  EXPECT_TRUE(buffer.advance(ReadOn::kManyBytes).has_value());
  EXPECT_EQ(stream.reads, 1U);
  CountOutcome second;
  buffer.async_read_available(stream, second.handler());
  EXPECT_EQ(stream.reads, 2U) << "from inside of the initiating function";
  run_ready(context);
  second.expect({}, ReadOn::kManyBytes);
  EXPECT_TRUE(buffer.advance(ReadOn::kManyBytes).has_value());
  CountOutcome waits;
  buffer.async_read_available(stream, waits.handler());
  EXPECT_EQ(stream.reads, 3U);
  EXPECT_EQ(blocks.blocks_out(), 0U);
  stream.cancel();
  ASSERT_TRUE(run_out(context));
  waits.expect(net::error::operation_aborted, 0);
}

TEST_F(ReadingOn, tries_at_once_before_the_first_bytes) {
  write("hello");
  CountOutcome first;
  buffer.async_read_available(stream, first.handler());
  EXPECT_EQ(stream.reads, 1U) << "from inside of the initiating function";
  run_ready(context);
  first.expect({}, 5);
  CountOutcome second;
  buffer.async_read_available(stream, second.handler());
  EXPECT_EQ(stream.reads, 1U) << "behind a short read it waits";
  stream.cancel();
  ASSERT_TRUE(run_out(context));
  second.expect(net::error::operation_aborted, 0);
}

TEST_F(ReadingOn, holds_no_block_while_it_waits_for_the_first_bytes) {
  CountOutcome waits;
  buffer.async_read_available(stream, waits.handler());
  EXPECT_EQ(stream.reads, 1U);
  EXPECT_EQ(blocks.blocks_out(), 0U);
  write("hello");
  ASSERT_TRUE(run_until(context, [&] { return waits.has_come(); }));
  waits.expect({}, 5);
}

TEST_F(ReadingOn, lets_others_have_their_turn) {
  write(pattern(64 * 64 * 16));
  bool other_ran = false;
  unsigned reads_before = 0;
  std::function<void()> read = [&] {
    buffer.async_read_available(stream, [&](net_error_code, std::size_t n) {
      EXPECT_LE(n, 64U * ReadOn::kMostReads);
      EXPECT_TRUE(buffer.advance(n).has_value());
      if (other_ran) return;
      if (front_end::is_stream_drained(buffer)) return read();
      reads_before = stream.reads;
      net::post(context, [&] { other_ran = true; });
      read();
    });
  };
  read();
  run_ready(context);
  EXPECT_TRUE(other_ran);
  EXPECT_LE(stream.reads - reads_before, 2 * ReadOn::kMostReads);
}

}  // namespace
}  // namespace bytes_handoff::test

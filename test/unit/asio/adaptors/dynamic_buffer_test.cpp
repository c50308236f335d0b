#include "bytes_handoff/adaptors/dynamic_buffer.hpp"

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bytes_handoff/framers.hpp"
#include "support/asio.hpp"
#include "support/coroutine.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

static_assert(net::is_dynamic_buffer<DynamicBuffer>::value);
static_assert(net::is_dynamic_buffer_v1<DynamicBuffer>::value);
static_assert(!net::is_dynamic_buffer_v2<DynamicBuffer>::value);
static_assert(std::is_nothrow_copy_constructible_v<DynamicBuffer>);
static_assert(std::is_nothrow_copy_assignable_v<DynamicBuffer>);
static_assert(!std::is_convertible_v<HandoffBuffer&, DynamicBuffer>, "it says that it refers");
static_assert(!std::is_constructible_v<DynamicBuffer, HandoffBuffer>, "to what lives on");

[[nodiscard]] std::string_view view(const net::const_buffer& buffer) {
  return {static_cast<const char*>(buffer.data()), buffer.size()};
}

void put(DynamicBuffer& to, std::size_t room, std::string_view text) {
  EXPECT_EQ(net::buffer_copy(to.prepare(room), net::buffer(text)), text.size());
}

// ---- The requirements, one by one.

TEST(DynamicBufferTest, ShowsTheBufferItself) {
  HandoffBuffer buffer({.max_size = 100, .block_size = 4096});
  const DynamicBuffer dynamic(buffer);
  EXPECT_EQ(dynamic.size(), 0U);
  EXPECT_EQ(dynamic.capacity(), 0U);
  EXPECT_EQ(dynamic.max_size(), 100U);
  EXPECT_EQ(dynamic.data().size(), 0U);
  feed(buffer, "text");
  EXPECT_EQ(dynamic.size(), 4U);
  EXPECT_EQ(dynamic.capacity(), 100U) << "the block has more, and the limit does not";
  EXPECT_EQ(dynamic.data().data(), buffer.peek().data());
  EXPECT_EQ(view(dynamic.data()), "text");
}

TEST(DynamicBufferTest, AppendsWhatIsCommitted) {
  HandoffBuffer buffer;
  DynamicBuffer dynamic(buffer);
  put(dynamic, 10, "onetwo");
  EXPECT_EQ(dynamic.size(), 0U);
  dynamic.commit(3);
  EXPECT_EQ(view(dynamic.data()), "one");
  dynamic.commit(3);
  EXPECT_EQ(view(dynamic.data()), "onetwo");
  put(dynamic, 3, "end");
  dynamic.commit(1000);
  EXPECT_EQ(buffer.peek_view(), "onetwoend");
}

TEST(DynamicBufferTest, CommitsInACopyWhatWasPreparedInAnother) {
  HandoffBuffer buffer;
  DynamicBuffer dynamic(buffer);
  DynamicBuffer copy = dynamic;
  put(copy, 10, "text");
  dynamic.commit(4);
  EXPECT_EQ(view(copy.data()), "text");
}

TEST(DynamicBufferTest, ConsumesWhatThereIs) {
  HandoffBuffer buffer;
  feed(buffer, "onetwo");
  DynamicBuffer dynamic(buffer);
  dynamic.consume(3);
  EXPECT_EQ(view(dynamic.data()), "two");
  EXPECT_EQ(buffer.position(), 3U);
  dynamic.consume(1000);
  EXPECT_EQ(dynamic.size(), 0U);
  EXPECT_EQ(buffer.position(), 6U);
  dynamic.consume(1);
}

TEST(DynamicBufferTest, PreparesUpToTheLimitAndThrowsBeyond) {
  HandoffBuffer buffer({.max_size = 8});
  feed(buffer, "text");
  DynamicBuffer dynamic(buffer);
  EXPECT_EQ(dynamic.prepare(4).size(), 4U);
  try {
    static_cast<void>(dynamic.prepare(5));
    FAIL() << "5 bytes were prepared";
  } catch (const std::length_error& error) {
    EXPECT_STREQ(
        error.what(),
        "DynamicBuffer::prepare: the buffer would hold 9 bytes, the limit is 8 (max_size)");
  }
  EXPECT_THROW(static_cast<void>(dynamic.prepare(SIZE_MAX)), std::length_error);
  EXPECT_EQ(view(dynamic.data()), "text");
}

TEST(DynamicBufferTest, LetsThroughWhatTheSourceOfBlocksThrows) {
  CountingResource source;
  HandoffBuffer buffer({.block_source = &source});
  DynamicBuffer dynamic(buffer);
  source.fail(true);
  EXPECT_THROW(static_cast<void>(dynamic.prepare(1)), std::bad_alloc);
}

#if BYTES_HANDOFF_CHECKS

TEST(DynamicBufferTest, WhileAReadOfTheBufferRunsAborts) {
  net::io_context context{1};
  auto [near, far] = DuplexPair::make(context);
  HandoffBuffer buffer;
  feed(buffer, "text");
  CountOutcome outcome;
  buffer.async_read_available(near, outcome.handler());
  DynamicBuffer dynamic(buffer);
  EXPECT_EQ(dynamic.size(), 4U);
  EXPECT_DEATH(static_cast<void>(dynamic.prepare(1)), "DynamicBuffer::prepare while a read");
  EXPECT_DEATH(dynamic.commit(0), "DynamicBuffer::commit while a read");
  EXPECT_DEATH(dynamic.consume(1), "while a read runs");
  far.close();
  ASSERT_TRUE(run_out(context));
}

#endif

// ---- Asio's composed reads.

/// A stream whose peer writes in two pieces, and a buffer behind it.
class ReadsInto : public testing::Test {
 protected:
  void write(std::string_view text) {
    do {
      text.remove_prefix(far.write_some(net::buffer(text)));
      run_ready(context);
    } while (!text.empty());
  }

  /// For each cut of `text`: `start(handler)` begins a read while what is in front of the cut is
  /// there; the rest comes behind. `check(outcome)` sees the result.
  template <class Start, class Check>
  void at_every_cut(const std::string& text, Start start, Check check) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      SCOPED_TRACE("cut at " + std::to_string(cut));
      buffer = HandoffBuffer();
      CountOutcome outcome;
      write(text.substr(0, cut));
      start(outcome.handler());
      run_ready(context);
      write(text.substr(cut));
      ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
      check(outcome);
      while (buffer.position() + buffer.size() < text.size()) {
        CountOutcome rest;
        buffer.async_read_available(near, rest.handler());
        ASSERT_TRUE(run_until(context, [&] { return rest.has_come(); }));
      }
    }
  }
  [[nodiscard]] std::string lines_left() {
    DelimiterFramer lines("\r\n");
    std::string got;
    for (Bytes& line : buffer.frames(lines)) {
      got += std::string(line.view()) + ";";
    }
    return got;
  }

  net::io_context context{1};
  std::pair<DuplexPair::Stream, DuplexPair::Stream> pair = DuplexPair::make(context);
  DuplexPair::Stream& near = pair.first;
  DuplexPair::Stream& far = pair.second;
  HandoffBuffer buffer;
};

TEST_F(ReadsInto, UntilACharacter) {
  at_every_cut(
      "first;second;third",
      [&](auto handler) { net::async_read_until(near, DynamicBuffer(buffer), ';', handler); },
      [&](const CountOutcome& outcome) {
        outcome.expect({}, 6);
        EXPECT_EQ(buffer.split_prefix(6)->view(), "first;");
        EXPECT_EQ(buffer.position(), 6U);
      });
}

TEST_F(ReadsInto, UntilASequenceAndFramesGoOnBehindIt) {
  at_every_cut(
      "head\r\n\r\none\r\ntwo\r\n",
      [&](auto handler) {
        net::async_read_until(near, DynamicBuffer(buffer), "\r\n\r\n", handler);
      },
      [&](const CountOutcome& outcome) {
        outcome.expect({}, 8);
        EXPECT_EQ(buffer.split_prefix(8)->view(), "head\r\n\r\n");
        while (buffer.position() + buffer.size() < 18) {
          CountOutcome rest;
          buffer.async_read_available(near, rest.handler());
          ASSERT_TRUE(run_until(context, [&] { return rest.has_come(); }));
        }
        EXPECT_EQ(lines_left(), "one;two;");
        EXPECT_EQ(buffer.position(), 18U);
      });
}

/// A digit, and as many bytes behind it.
struct Counted {
  template <class Iterator>
  std::pair<Iterator, bool> operator()(Iterator first, Iterator last) const {
    if (first == last) {
      return {first, false};
    }
    const auto n = static_cast<std::ptrdiff_t>(*first - '0');
    return last - first > n ? std::pair(first + n + 1, true) : std::pair(first, false);
  }
};

}  // namespace
}  // namespace bytes_handoff::test

template <>
struct bytes_handoff::net::is_match_condition<bytes_handoff::test::Counted> : std::true_type {};

namespace bytes_handoff::test {
namespace {

TEST_F(ReadsInto, UntilACondition) {
  at_every_cut(
      "4textrest",
      [&](auto handler) { net::async_read_until(near, DynamicBuffer(buffer), Counted(), handler); },
      [&](const CountOutcome& outcome) {
        outcome.expect({}, 5);
        const BytesMut tail = buffer.take_tail();
        EXPECT_EQ(tail.view().substr(0, 5), "4text");
      });
}

TEST_F(ReadsInto, UntilWhatIsThereAlready) {
  feed(buffer, "one\ntwo\n");
  CountOutcome outcome;
  net::async_read_until(near, DynamicBuffer(buffer), '\n', outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 4);
  EXPECT_EQ(buffer.peek_view(), "one\ntwo\n");
}

TEST_F(ReadsInto, ByACompletionCondition) {
  at_every_cut(
      "0123456789",
      [&](auto handler) {
        net::async_read(near, DynamicBuffer(buffer), net::transfer_exactly(7), handler);
      },
      [&](const CountOutcome& outcome) {
        outcome.expect({}, 7);
        EXPECT_EQ(buffer.split_prefix(7)->view(), "0123456");
        EXPECT_TRUE(buffer.empty()) << "it was asked for no more";
      });
}

TEST_F(ReadsInto, AtLeast) {
  const std::string text = pattern(20000);
  CountOutcome outcome;
  net::async_read(near, DynamicBuffer(buffer), net::transfer_at_least(12000), outcome.handler());
  write(text.substr(0, 11999));
  EXPECT_FALSE(outcome.has_come());
  write(text.substr(11999));
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  EXPECT_GE(buffer.size(), 12000U);
  EXPECT_TRUE(std::string_view(text).starts_with(buffer.peek_view()));
}

TEST_F(ReadsInto, ToTheEndOfTheStream) {
  const std::string text = pattern(30000);
  CountOutcome outcome;
  net::async_read(near, DynamicBuffer(buffer), outcome.handler());
  write(text);
  far.close();
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(net::error::eof, text.size());
  EXPECT_TRUE(buffer.freeze_all().view() == text);
}

TEST_F(ReadsInto, AFullBufferWhichIsWhatAsioSaysOfIt) {
  buffer = HandoffBuffer({.max_size = 8});
  CountOutcome outcome;
  net::async_read_until(near, DynamicBuffer(buffer), '\n', outcome.handler());
  write("0123456789\n");
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(net::error::not_found, 0);
  EXPECT_EQ(buffer.peek_view(), "01234567") << "what was read stays";
  ASSERT_TRUE(buffer.advance(4));
  CountOutcome again;
  net::async_read_until(near, DynamicBuffer(buffer), '\n', again.handler());
  ASSERT_TRUE(run_until(context, [&] { return again.has_come(); }));
  again.expect({}, 7);
  EXPECT_EQ(buffer.peek_view(), "456789\n");

  buffer = HandoffBuffer({.max_size = 4});
  CountOutcome all;
  net::async_read(near, DynamicBuffer(buffer), all.handler());
  write("56789");
  ASSERT_TRUE(run_until(context, [&] { return all.has_come(); }));
  all.expect({}, 4);
  EXPECT_EQ(buffer.peek_view(), "5678");
}

TEST_F(ReadsInto, AndKeepsWhatACancelledReadHadRead) {
  net::cancellation_signal signal;
  CountOutcome outcome;
  net::async_read_until(near, DynamicBuffer(buffer), '\n',
                        net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  write("half of ");
  signal.emit(net::cancellation_type::terminal);
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect(net::error::operation_aborted, 0);
  EXPECT_EQ(buffer.peek_view(), "half of ");
  write("it\n");
  CountOutcome next;
  buffer.async_read_available(near, next.handler());
  ASSERT_TRUE(run_until(context, [&] { return next.has_come(); }));
  next.expect({}, 3);
  EXPECT_EQ(buffer.peek_view(), "half of it\n");
}

TEST_F(ReadsInto, InACoroutineBesideTheLibrarysOwnReads) {
  const std::string text = "HELLO\none\ntwo\nBODY";
  std::string got;
  write(text);
  far.close();
  run_coroutine(context, [&]() -> net::awaitable<void> {
    DynamicBuffer dynamic(buffer);
    const std::size_t n = co_await net::async_read_until(near, dynamic, '\n', net::use_awaitable);
    got = buffer.split_prefix(n)->view();
    DelimiterFramer lines("\n");
    do {
      for (Bytes& line : buffer.frames(lines)) {
        got += std::string(line.view()) + ";";
      }
    } while (co_await buffer.async_read_available(near, net::use_awaitable) != 0);
    got += buffer.peek_view();
  });
  EXPECT_EQ(got, "HELLO\none;two;BODY");
  EXPECT_EQ(buffer.position(), text.size() - 4);
}

TEST(ReadsSynchronously, FromASocket) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  net::write(far, net::buffer("one\ntwo\nmore", 12));
  far.close();
  HandoffBuffer buffer;
  EXPECT_EQ(net::read_until(near, DynamicBuffer(buffer), '\n'), 4U);
  EXPECT_EQ(buffer.split_prefix(4)->view(), "one\n");
  EXPECT_EQ(net::read_until(near, DynamicBuffer(buffer), "\n"), 4U);
  EXPECT_EQ(buffer.split_prefix(4)->view(), "two\n");
  net_error_code error;
  net::read(near, DynamicBuffer(buffer), error);
  EXPECT_EQ(error, net::error::eof);
  EXPECT_EQ(buffer.peek_view(), "more");
}

}  // namespace
}  // namespace bytes_handoff::test

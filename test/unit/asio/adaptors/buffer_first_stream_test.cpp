#include "bytes_handoff/adaptors/buffer_first_stream.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/linger.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/coroutine.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/queue/writer_fixture.hpp"
#include "support/streams/buffer_feed.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;
using Duplex = DuplexPair::Stream;
using Referring = BufferFirstStream<Duplex&>;
using Owning = BufferFirstStream<Duplex, HandoffBuffer>;

static_assert(std::same_as<BufferFirstStream<Tcp&>::next_layer_type, Tcp>);
static_assert(std::same_as<BufferFirstStream<Tcp&>::lowest_layer_type, Tcp::lowest_layer_type>);
static_assert(std::same_as<Referring::lowest_layer_type, Duplex>, "it has no lower one");
static_assert(std::same_as<Referring::executor_type, net::io_context::executor_type>);
static_assert(
    std::same_as<decltype(BufferFirstStream(std::declval<HandoffBuffer&>(), std::declval<Tcp&>())),
                 BufferFirstStream<Tcp&>>);
static_assert(
    std::same_as<decltype(BufferFirstStream(std::declval<HandoffBuffer&>(), std::declval<Tcp>())),
                 BufferFirstStream<Tcp>>);
static_assert(
    std::same_as<decltype(BufferFirstStream(std::declval<HandoffBuffer>(), std::declval<Tcp>())),
                 BufferFirstStream<Tcp, HandoffBuffer>>);
static_assert(std::move_constructible<Referring> && std::move_constructible<Owning>);
static_assert(detail::EndsKnown<BufferFirstStream<Tcp>>);
static_assert(detail::EndsKnown<Referring>);
static_assert(detail::LingersAtEnd<BufferFirstStream<Tcp&>>);
static_assert(!detail::LingersAtEnd<Referring>);
static_assert(!detail::BuffersWrites<BufferFirstStream<Tcp&>>);
static_assert(detail::BuffersWrites<BufferFirstStream<net::buffered_write_stream<Tcp>>>);

class BufferFirst : public testing::Test {
 protected:
  void write(std::string_view text) {
    EXPECT_EQ(far.write_some(net::buffer(text)), text.size());
    run_ready(context);
  }
  /// One read of at most `n` bytes: what it gave.
  [[nodiscard]] std::string read(std::size_t n) {
    std::string room(n, '\0');
    CountOutcome outcome;
    std::size_t got = 0;
    stream.async_read_some(net::buffer(room),
                           [&, handler = outcome.handler()](net_error_code error, std::size_t m) {
                             got = m;
                             handler(error, m);
                           });
    EXPECT_FALSE(outcome.has_come()) << "called from inside";
    EXPECT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    EXPECT_FALSE(outcome.error()) << outcome.error().message();
    return room.substr(0, got);
  }

  net::io_context context{1};
  std::pair<Duplex, Duplex> pair = DuplexPair::make(context);
  Duplex& near = pair.first;
  Duplex& far = pair.second;
  HandoffBuffer buffer;
  Referring stream{buffer, near};
};

TEST_F(BufferFirst, GivesTheBufferAndThenTheStream) {
  feed(buffer, "buffered");
  write("more");
  EXPECT_EQ(read(3), "buf");
  EXPECT_EQ(buffer.peek_view(), "fered");
  EXPECT_EQ(buffer.position(), 3U);
  EXPECT_EQ(read(100), "fered") << "of the buffer or of the stream, not of both";
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(read(100), "more");
  EXPECT_TRUE(buffer.empty()) << "the stream's bytes go straight to the caller";
}

TEST_F(BufferFirst, ShowsItsLayers) {
  EXPECT_EQ(&stream.next_layer(), &near);
  EXPECT_EQ(&std::as_const(stream).next_layer(), &near);
  EXPECT_EQ(&stream.lowest_layer(), &near);
  EXPECT_EQ(&std::as_const(stream).lowest_layer(), &near);
  EXPECT_EQ(&stream.buffer(), &buffer);
  EXPECT_EQ(&std::as_const(stream).buffer(), &buffer);
  EXPECT_EQ(stream.get_executor(), context.get_executor());
  net::buffered_read_stream<Tcp> layered(context);
  BufferFirstStream on_layers(buffer, layered);
  EXPECT_EQ(&on_layers.lowest_layer(), &layered.lowest_layer());
}

TEST_F(BufferFirst, FillsSeveralBuffers) {
  feed(buffer, "onetwothree");
  std::array<char, 3> one{};
  std::array<char, 3> two{};
  const std::array<net::mutable_buffer, 3> rooms{net::buffer(one), net::mutable_buffer(),
                                                 net::buffer(two)};
  CountOutcome outcome;
  stream.async_read_some(rooms, outcome.handler());
  run_ready(context);
  outcome.expect({}, 6);
  EXPECT_EQ(std::string_view(one.data(), 3), "one");
  EXPECT_EQ(std::string_view(two.data(), 3), "two");
  EXPECT_EQ(buffer.peek_view(), "three");
}

TEST_F(BufferFirst, CompletesEmptyBuffersWith0) {
  for (const char* const text : {"", "text"}) {
    feed(buffer, text);
    CountOutcome outcome;
    stream.async_read_some(net::mutable_buffer(), outcome.handler());
    EXPECT_FALSE(outcome.has_come()) << "called from inside";
    run_ready(context);
    outcome.expect({}, 0);
    EXPECT_EQ(buffer.peek_view(), text);
  }
}

TEST_F(BufferFirst, RefusesAReadWhileOneOfTheBufferRuns) {
  for (const char* const text : {"", "text"}) {
    feed(buffer, text);
    CountOutcome running;
    buffer.async_read_available(near, running.handler());
    CountOutcome outcome;
    std::array<char, 8> room{};
    stream.async_read_some(net::buffer(room), outcome.handler());
    EXPECT_FALSE(outcome.has_come()) << "called from inside";
    run_ready(context);
    outcome.expect(Errc::read_in_progress, 0);
    EXPECT_EQ(buffer.peek_view(), text);
    write("more");
    running.expect({}, 4);
    ASSERT_TRUE(buffer.advance(buffer.size()));
  }
}

TEST_F(BufferFirst, PassesTheEndOfTheStreamOn) {
  feed(buffer, "last");
  far.close();
  EXPECT_EQ(read(100), "last");
  CountOutcome outcome;
  std::array<char, 8> room{};
  stream.async_read_some(net::buffer(room), outcome.handler());
  ASSERT_TRUE(run_out(context));
  outcome.expect(net::error::eof, 0);
}

TEST_F(BufferFirst, PassesACancellationOn) {
  net::cancellation_signal signal;
  std::array<char, 8> room{};
  CountOutcome outcome;
  stream.async_read_some(net::buffer(room),
                         net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  run_ready(context);
  EXPECT_FALSE(outcome.has_come());
  signal.emit(net::cancellation_type::partial);
  run_ready(context);
  outcome.expect(net::error::operation_aborted, 0);
}

TEST_F(BufferFirst, DeliversTheBuffersBytesWhateverIsCancelled) {
  feed(buffer, "text");
  net::cancellation_signal signal;
  std::array<char, 8> room{};
  CountOutcome outcome;
  stream.async_read_some(net::buffer(room),
                         net::bind_cancellation_slot(signal.slot(), outcome.handler()));
  signal.emit(net::cancellation_type::terminal);
  run_ready(context);
  outcome.expect({}, 4);
}

TEST_F(BufferFirst, IsReadByComposedReadsFromEveryCut) {
  const std::string text = "0123456789";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    feed(buffer, text.substr(0, cut));
    std::string got(text.size(), '\0');
    CountOutcome outcome;
    net::async_read(stream, net::buffer(got), outcome.handler());
    run_ready(context);
    EXPECT_EQ(outcome.has_come(), cut == text.size());
    if (cut != text.size()) {
      write(text.substr(cut));
    }
    ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
    outcome.expect({}, text.size());
    EXPECT_EQ(got, text);
    EXPECT_TRUE(buffer.empty());
  }
}

TEST_F(BufferFirst, StartsALazyReadWhereItIsLaunched) {
  std::array<char, 8> room{};
  auto later = stream.async_read_some(net::buffer(room), deferred);
  feed(buffer, "text");
  CountOutcome outcome;
  std::move(later)(outcome.handler());
  run_ready(context);
  outcome.expect({}, 4);
}

TEST_F(BufferFirst, CallsItsHandlerOnItsExecutorWithTheDefaultOfTheStream) {
  feed(buffer, "text");
  net::io_context other{1};
  std::array<char, 8> room{};
  CountOutcome outcome;
  stream.async_read_some(net::buffer(room), net::bind_executor(other, outcome.handler()));
  run_ready(context);
  EXPECT_FALSE(outcome.has_come());
  run_ready(other);
  outcome.expect({}, 4);
}

TEST_F(BufferFirst, ReadsInACoroutine) {
  feed(buffer, "one ");
  write("two");
  std::string got;
  run_coroutine(context, [&]() -> net::awaitable<void> {
    std::string room(100, '\0');
    for (int i = 0; i < 2; ++i) {
      const std::size_t n = co_await stream.async_read_some(net::buffer(room), net::use_awaitable);
      got += room.substr(0, n);
    }
    co_await stream.async_write_some(net::buffer("answer", 6), net::use_awaitable);
  });
  EXPECT_EQ(got, "one two");
  std::string answer(6, '\0');
  EXPECT_EQ(far.read_some(net::buffer(answer)), 6U);
  EXPECT_EQ(answer, "answer");
}

TEST_F(BufferFirst, MayOwnBothAndBeMoved) {
  feed(buffer, "buffered");
  write("more");
  Owning first(std::move(buffer), std::move(near));
  EXPECT_TRUE(buffer.empty());
  Owning owning(std::move(first));
  std::string got(12, '\0');
  CountOutcome outcome;
  net::async_read(owning, net::buffer(got), outcome.handler());
  ASSERT_TRUE(run_until(context, [&] { return outcome.has_come(); }));
  outcome.expect({}, 12);
  EXPECT_EQ(got, "bufferedmore");
}

/// Serves nothing, as a system without memory does.
template <class T>
struct NoMemory {
  using value_type = T;
  NoMemory() = default;
  template <class U>
  NoMemory(const NoMemory<U>&) noexcept {}  // NOLINT: as allocators do
  [[noreturn]] T* allocate(std::size_t) { throw std::bad_alloc(); }
  void deallocate(T*, std::size_t) noexcept {}
  friend bool operator==(const NoMemory&, const NoMemory&) { return true; }
  friend bool operator!=(const NoMemory&, const NoMemory&) { return false; }
};

template <class Handler>
struct WithoutMemory {
  using allocator_type = NoMemory<void>;
  [[nodiscard]] allocator_type get_allocator() const noexcept { return {}; }
  void operator()(net_error_code error, std::size_t n) { handler(error, n); }
  Handler handler;
};

TEST_F(BufferFirst, WithoutMemoryThrowsAndTheBytesStay) {
  feed(buffer, "text that stays");
  std::array<char, 8> room{};
  Sentinel sentinel;
  EXPECT_THROW(
      stream.async_read_some(net::buffer(room),
                             WithoutMemory<decltype(sentinel.handler())>{sentinel.handler()}),
      std::bad_alloc);
  EXPECT_TRUE(sentinel.is_destroyed());
  EXPECT_EQ(sentinel.calls(), 0U);
  EXPECT_EQ(buffer.peek_view(), "text that stays");
  EXPECT_EQ(buffer.position(), 0U);
  EXPECT_EQ(read(100), "text that stays");
}

TEST(BufferFirstOf, AContextThatGoesFirstDestroysTheHandlerUninvoked) {
  for (const char* const text : {"", "text"}) {
    HandoffBuffer buffer;
    feed(buffer, text);
    auto context = std::make_unique<net::io_context>(1);
    auto pair = DuplexPair::make(*context);
    BufferFirstStream stream(buffer, pair.first);
    Sentinel sentinel;
    std::array<char, 8> room{};
    stream.async_read_some(net::buffer(room), sentinel.handler());
    EXPECT_FALSE(sentinel.is_destroyed());
    context.reset();
    EXPECT_TRUE(sentinel.is_destroyed());
    EXPECT_EQ(sentinel.calls(), 0U);
  }
}

// ---- A queue in front of it.

TEST(BufferFirstBelowAQueue, EndsInOrderAndIsReadMeanwhile) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  HandoffBuffer buffer;
  feed(buffer, "sniffed");
  const auto stream = std::make_shared<BufferFirstStream<Tcp>>(buffer, std::move(near));
  WriteHandoff out(stream);
  EXPECT_TRUE(try_send(out, "all of it"));
  Outcome<net_error_code> closed;
  out.async_close(closed.handler());
  Collector<Tcp> peer(far);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over() && closed.has_come(); }));
  EXPECT_EQ(peer.text(), "all of it");
  EXPECT_EQ(peer.error(), net::error::eof);
  EXPECT_FALSE(closed.get()) << closed.get().message();
  net::write(far, net::buffer(" answer", 7));
  std::string got(14, '\0');
  CountOutcome read;
  net::async_read(*stream, net::buffer(got), read.handler());
  ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
  EXPECT_EQ(got, "sniffed answer");
}

TEST(BufferFirstBelowAQueue, IsResetByAnAbort) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  HandoffBuffer buffer;
  const auto stream = std::make_shared<BufferFirstStream<Tcp&>>(buffer, near);
  WriteHandoff out(stream);
  std::array<char, 8> room{};
  CountOutcome read;
  stream->async_read_some(net::buffer(room), read.handler());
  out.abort();
  Collector<Tcp> peer(far);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over() && read.has_come(); }));
  EXPECT_EQ(peer.error(), net::error::connection_reset) << peer.error().message();
  read.expect(net::error::operation_aborted, 0);
  EXPECT_FALSE(near.is_open());
}

TEST(BufferFirstBelowAQueue, LingersIfItIsOwned) {
  net::io_context context{1};
  auto [near, far] = TcpPair::make(context);
  net::write(far, net::buffer("unread", 6));  // to close the socket now would reset it
  {
    WriteHandoff out(BufferFirstStream(HandoffBuffer(), std::move(near)));
    EXPECT_TRUE(try_send(out, pattern(100'000)));
    out.close();
  }
  Collector<Tcp> peer(far);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.text().size(), 100'000U);
  EXPECT_EQ(peer.error(), net::error::eof) << peer.error().message();
  far.close();
  ASSERT_TRUE(run_out(context));
}

}  // namespace
}  // namespace bytes_handoff::test

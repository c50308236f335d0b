#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff/end_write.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/pipes.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

using detail::Acknowledgement;
using Tcp = net::ip::tcp::socket;
using EndState = Acknowledgement::State;

// ---- Which types are known.

/// It hides the shutdown of the socket.
class DerivedSocket : public Tcp {
 public:
  explicit DerivedSocket(Tcp socket) : Tcp(std::move(socket)) {}
  void shutdown(net::socket_base::shutdown_type, net_error_code& error) {
    error = net::error::operation_not_supported;
  }
};

/// What a type must have to look as if it could be ended.
struct WithMembersAlone {
  using lowest_layer_type = Tcp;
  Tcp& lowest_layer();
  Tcp& next_layer();
  void shutdown(net::socket_base::shutdown_type what, net_error_code& error);
  template <class Handler>
  void async_shutdown(Handler handler);
};

static_assert(detail::EndsKnown<Tcp>);
static_assert(detail::EndsKnown<DerivedSocket>);
static_assert(detail::EndsKnown<UnixPair::Stream>);
static_assert(detail::EndsKnown<WritablePipe>);
static_assert(detail::EndsKnown<DuplexStream>);
static_assert(detail::EndsKnown<net::buffered_write_stream<Tcp>>);
static_assert(!detail::EndsKnown<WithMembersAlone>);
static_assert(!detail::EndsKnown<net::buffered_write_stream<WithMembersAlone>>);
static_assert(!detail::EndsKnown<net::steady_timer>);

static_assert(detail::LingersAtEnd<Tcp>);
static_assert(detail::LingersAtEnd<net::buffered_stream<DerivedSocket>>);
static_assert(!detail::LingersAtEnd<WritablePipe>);
static_assert(!detail::LingersAtEnd<DuplexStream>);

static_assert(!detail::BuffersWrites<Tcp>);
static_assert(!detail::BuffersWrites<net::buffered_read_stream<Tcp>>);
static_assert(detail::BuffersWrites<net::buffered_write_stream<Tcp>>);
static_assert(detail::BuffersWrites<net::buffered_stream<Tcp>>);
static_assert(detail::BuffersWrites<net::buffered_read_stream<net::buffered_write_stream<Tcp>>>);

// ---- What the tests do again and again.

template <class Stream>
void end_now(Stream& stream) {
  Outcome<net_error_code> ended;
  detail::start_end_write(stream, ended.handler());
  EXPECT_FALSE(ended.get()) << ended.get().message();
}

template <class Stream>
void send(Stream& stream, const std::string& text) {
  net::write(stream, net::buffer(text));
}

template <class Stream>
void expect_rest(net::io_context& context, Stream& stream, const std::string& text,
                 const net_error_code& end) {
  const Collector<Stream> peer(stream);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  EXPECT_EQ(peer.text(), text);
  EXPECT_EQ(peer.error(), end) << peer.error().message();
}

// ---- Sockets.

template <class Pair>
class EndOfSocket : public testing::Test {
 protected:
  using Stream = typename Pair::Stream;
  net::io_context context{1};
  std::pair<Stream, Stream> pair = Pair::make(context);
  Stream& near_end = pair.first;
  Stream& far_end = pair.second;
};

struct Tcp6Pair {
  using Stream = Tcp;
  static std::pair<Stream, Stream> make(net::io_context& context) {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v6::loopback(), 0});
    Stream client(context);
    client.connect(acceptor.local_endpoint());
    return {std::move(client), acceptor.accept()};
  }
};

using EndPairs = testing::Types<TcpPair, Tcp6Pair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(EndOfSocket, EndPairs);

TYPED_TEST(EndOfSocket, in_order_ends_one_way_and_leaves_the_other) {
  send(this->near_end, "all of it");
  end_now(this->near_end);
  expect_rest(this->context, this->far_end, "all of it", net::error::eof);
  EXPECT_TRUE(this->near_end.is_open());
  send(this->far_end, "answer");
  this->far_end.close();
  expect_rest(this->context, this->near_end, "answer", net::error::eof);
}

TYPED_TEST(EndOfSocket, by_a_reset_ends_the_pending_read_with_operation_aborted) {
  const Collector reader(this->near_end);
  detail::reset_stream(this->near_end);
  EXPECT_FALSE(this->near_end.is_open());
  ASSERT_TRUE(run_until(this->context, [&] { return reader.is_over(); }));
  EXPECT_EQ(reader.error(), net::error::operation_aborted);
  detail::reset_stream(this->near_end);
  detail::mark_for_reset(this->near_end);
}

TYPED_TEST(EndOfSocket, by_a_reset_is_told_to_the_peer_where_the_transport_knows_it) {
  constexpr bool kKnowsReset = !std::is_same_v<TypeParam, UnixPair>;
  send(this->near_end, "half of");
  detail::reset_stream(this->near_end);
  expect_rest(this->context, this->far_end, "half of",
              kKnowsReset ? net::error::connection_reset : net_error_code(net::error::eof));
}

TYPED_TEST(EndOfSocket, that_is_closed_already_is_an_error) {
  this->near_end.close();
  Outcome<net_error_code> ended;
  detail::start_end_write(this->near_end, ended.handler());
  EXPECT_EQ(ended.get(), net::error::bad_descriptor);
}

class EndOfTcp : public testing::Test {
 protected:
  void expect_reset() { expect_rest(context, far_end, "half of", net::error::connection_reset); }

  net::io_context context{1};
  std::unique_ptr<net::io_context> near_context = std::make_unique<net::io_context>(1);
  std::optional<Tcp> near_end{*near_context};
  Tcp far_end{context};

  void SetUp() override {
    net::ip::tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    near_end->connect(acceptor.local_endpoint());
    far_end = acceptor.accept();
    send(*near_end, "half of");
  }
};

TEST_F(EndOfTcp, reset_holds_against_a_linger_option_of_the_user) {
  near_end->set_option(net::socket_base::linger(true, 5));
  detail::reset_stream(*near_end);
  expect_reset();
}

TEST_F(EndOfTcp, that_is_marked_is_reset_by_its_destructor) {
  detail::mark_for_reset(*near_end);
  EXPECT_TRUE(near_end->is_open());
  near_end.reset();
  expect_reset();
}

TEST_F(EndOfTcp, that_is_marked_is_reset_by_a_close) {
  detail::mark_for_reset(*near_end);
  near_end->close();
  expect_reset();
}

TEST_F(EndOfTcp, that_is_marked_is_reset_when_it_goes_with_its_context) {
  detail::mark_for_reset(*near_end);
  auto owned = std::make_shared<Tcp>(std::move(*near_end));
  owned->async_wait(Tcp::wait_read, [owned](const net_error_code&) {});
  owned.reset();
  near_context.reset();
  expect_reset();
  near_end.reset();
}

TEST_F(EndOfTcp, that_is_not_marked_ends_in_order_with_its_destructor) {
  near_end.reset();
  expect_rest(context, far_end, "half of", net::error::eof);
}

TEST_F(EndOfTcp, of_a_derived_type_is_that_of_its_base) {
  DerivedSocket derived(std::move(*near_end));
  end_now(derived);
  expect_rest(context, far_end, "half of", net::error::eof);
}

// ---- What is acknowledged.

TEST(Acknowledgements, fall_as_the_peer_takes_and_count_the_end) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  const std::string much(1 << 20, 'x');
  near_end.non_blocking(true);
  net_error_code error;
  while (!error) {
    near_end.write_some(net::buffer(much), error);
  }
  const Acknowledgement full = detail::acknowledgement_of(near_end);
  EXPECT_EQ(full.state, EndState::kAlive);
  EXPECT_GT(full.bytes, 0U);
  end_now(near_end);
  EXPECT_EQ(detail::acknowledgement_of(near_end).bytes, full.bytes + 1);
  const Collector peer(far_end);
  ASSERT_TRUE(run_until(context, [&] { return peer.is_over(); }));
  net::steady_timer later(context);  // an acknowledgement may be delayed
  const std::function<void()> look = [&] {
    later.expires_after(std::chrono::milliseconds(1));
    later.async_wait([&](const net_error_code&) { look(); });
  };
  look();
  ASSERT_TRUE(run_until(
      context, [&, &sender = near_end] { return detail::acknowledgement_of(sender).bytes == 0; }));
  EXPECT_EQ(detail::acknowledgement_of(near_end).state, EndState::kAlive)
      << "the peer has not ended";
}

TEST(Acknowledgements, tell_a_dead_connection_and_leave_its_error_to_the_reader) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  send(near_end, "not read");
  detail::reset_stream(far_end);
  near_end.wait(Tcp::wait_read);
  EXPECT_EQ(detail::acknowledgement_of(near_end).state, EndState::kDead);
  expect_rest(context, near_end, "", net::error::connection_reset);
}

TEST(Acknowledgements, are_not_known_of_what_is_no_tcp_connection) {
  net::io_context context{1};
  auto [near_end, far_end] = UnixPair::make(context);
  EXPECT_EQ(detail::acknowledgement_of(near_end).state, EndState::kUnknown);
  auto [duplex, other] = DuplexPair::make(context);
  EXPECT_EQ(detail::acknowledgement_of(duplex).state, EndState::kUnknown);
  Tcp closed(context);
  EXPECT_EQ(detail::acknowledgement_of(closed).state, EndState::kUnknown);
}

// ---- Pipes.

TEST(EndOfPipe, is_its_close_in_order_or_not) {
  net::io_context context{1};
  for (const bool resets : {false, true}) {
    auto [out_of, into] = make_pipe(context);
    send(into, "through");
    if (resets) {
      detail::reset_stream(into);
    } else {
      end_now(into);
    }
    EXPECT_FALSE(into.is_open());
    expect_rest(context, out_of, "through", net::error::eof);
  }
}

// ---- Streams that buffer.

template <class Stream>
class EndOfBuffer : public testing::Test {};
using Buffers = testing::Types<net::buffered_write_stream<Tcp&>, net::buffered_stream<Tcp&>>;
TYPED_TEST_SUITE(EndOfBuffer, Buffers);

TYPED_TEST(EndOfBuffer, flushes_before_it) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  TypeParam buffered(near_end);
  send(buffered, "kept");
  EXPECT_EQ(far_end.available(), 0U);
  Outcome<net_error_code> ended;
  detail::start_end_write(buffered, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  EXPECT_FALSE(ended.get()) << ended.get().message();
  expect_rest(context, far_end, "kept", net::error::eof);
}

TYPED_TEST(EndOfBuffer, is_not_needed_for_a_flush) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  TypeParam buffered(near_end);
  send(buffered, "kept");
  CountOutcome flushed;
  detail::start_flush(buffered, flushed.handler());
  ASSERT_TRUE(run_until(context, [&] { return flushed.has_come(); }));
  flushed.expect({}, 4);
  detail::reset_stream(buffered);
  EXPECT_FALSE(near_end.is_open());
  expect_rest(context, far_end, "kept", net::error::connection_reset);
}

TEST(EndOfLayers, flushes_each_and_tells_what_the_uppermost_passed_on) {
  net::io_context context{1};
  auto [near_end, far_end] = TcpPair::make(context);
  using Inner = net::buffered_write_stream<Tcp&>;
  net::buffered_read_stream<net::buffered_write_stream<Inner>> buffered(near_end);
  send(buffered, "kept");
  CountOutcome flushed;
  detail::start_flush(buffered, flushed.handler());
  ASSERT_TRUE(run_until(context, [&] { return flushed.has_come(); }));
  flushed.expect({}, 4);
  std::string got(4, '\0');
  CountOutcome read;
  net::async_read(far_end, net::buffer(got), read.handler());
  ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
  EXPECT_EQ(got, "kept");
  send(buffered, " and more");
  Outcome<net_error_code> ended;
  detail::start_end_write(buffered, ended.handler());
  ASSERT_TRUE(run_until(context, [&] { return ended.has_come(); }));
  expect_rest(context, far_end, " and more", net::error::eof);
}

TEST(EndOfLayers, keeps_the_whole_stream_with_the_socket_below) {
  net::io_context context{1};
  auto stream = std::make_shared<net::buffered_write_stream<Tcp>>(context);
  Tcp* const socket = &stream->next_layer();
  const std::weak_ptr<net::buffered_write_stream<Tcp>> whole = stream;
  auto below = detail::socket_below(std::move(stream));
  EXPECT_EQ(below.get(), socket);
  EXPECT_FALSE(whole.expired());
  below.reset();
  EXPECT_TRUE(whole.expired());
}

// ---- Types of one's own.

struct Seen {
  std::string what;
  net_error_code error;
};

struct Own {
  using executor_type = net::io_context::executor_type;
  [[nodiscard]] executor_type get_executor() const noexcept { return context->get_executor(); }
  net::io_context* context;
  Seen* seen;
};

struct EndsAtOnce : Own {};
void end_write(EndsAtOnce& stream, net_error_code& error) {
  stream.seen->what += "end ";
  error = stream.seen->error;
}

struct EndsLater : Own {};
template <class Handler>
void async_end_write(EndsLater& stream, Handler handler) {
  stream.seen->what += "end ";
  net::post(stream.get_executor(), [&stream, handler = std::move(handler)]() mutable {
    std::move(handler)(stream.seen->error);
  });
}
void reset_connection(EndsLater& stream) { stream.seen->what += "reset "; }

/// Stands on another stream, which it names.
struct Unwrapped : Own {
  Tcp* below;
};
Tcp& layer_to_end(Unwrapped& stream) { return *stream.below; }

/// Buffers, too.
struct UnwrappedBuffer : Unwrapped {};
template <class Handler>
void async_flush_write(UnwrappedBuffer& stream, Handler handler) {
  stream.seen->what += "flush ";
  net::post(stream.get_executor(), [&stream, handler = std::move(handler)]() mutable {
    std::move(handler)(stream.seen->error, std::size_t{7});
  });
}

static_assert(!detail::EndsKnown<Own>);
static_assert(detail::EndsKnown<EndsAtOnce>);
static_assert(detail::EndsKnown<EndsLater>);
static_assert(detail::EndsKnown<Unwrapped>);
static_assert(detail::LingersAtEnd<Unwrapped>);
static_assert(!detail::LingersAtEnd<EndsLater>);
static_assert(!detail::BuffersWrites<Unwrapped>);
static_assert(detail::BuffersWrites<UnwrappedBuffer>);

class EndOfOwnType : public testing::Test {
 protected:
  template <class Stream>
  void expect_end(Stream& stream, const net_error_code& error) {
    Outcome<net_error_code> ended;
    detail::start_end_write(stream, ended.handler());
    run_ready(context);
    EXPECT_EQ(ended.get(), error);
  }

  net::io_context context{1};
  Seen seen;
  std::pair<Tcp, Tcp> pair = TcpPair::make(context);
};

TEST_F(EndOfOwnType, is_what_its_customization_point_does) {
  EndsAtOnce at_once{&context, &seen};
  EndsLater later{&context, &seen};
  expect_end(at_once, {});
  expect_end(later, {});
  seen.error = net::error::no_memory;
  expect_end(at_once, net::error::no_memory);
  expect_end(later, net::error::no_memory);
  EXPECT_EQ(seen.what, "end end end end ");
}

TEST_F(EndOfOwnType, is_reset_where_it_says_how) {
  EndsAtOnce at_once{&context, &seen};
  EndsLater later{&context, &seen};
  detail::reset_stream(at_once);
  EXPECT_EQ(seen.what, "");
  detail::reset_stream(later);
  EXPECT_EQ(seen.what, "reset ");
}

TEST_F(EndOfOwnType, is_that_of_the_layer_that_it_names) {
  Unwrapped stream{{&context, &seen}, &pair.first};
  send(pair.first, "all");
  expect_end(stream, {});
  expect_rest(context, pair.second, "all", net::error::eof);
  detail::reset_stream(stream);
  EXPECT_FALSE(pair.first.is_open());
}

TEST_F(EndOfOwnType, flushes_first_and_goes_no_further_behind_an_error) {
  UnwrappedBuffer stream{{{&context, &seen}, &pair.first}};
  CountOutcome flushed;
  detail::start_flush(stream, flushed.handler());
  run_ready(context);
  flushed.expect({}, 7);
  seen.error = net::error::no_memory;
  expect_end(stream, net::error::no_memory);
  EXPECT_EQ(seen.what, "flush flush ");
  send(pair.first, "its write side is open");
  seen.error = {};
  expect_end(stream, {});
  expect_rest(context, pair.second, "its write side is open", net::error::eof);
}

}  // namespace
}  // namespace bytes_handoff::test

// How a type of one's own says what its end is.

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>

#include "bytes_handoff/end_write.hpp"
#include "support/asio.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/stream_ends.hpp"

namespace bytes_handoff::test {
namespace {

using Tcp = net::ip::tcp::socket;

/// What a type must have to look as if it could be ended.
struct WithMembersAlone {
  using lowest_layer_type = Tcp;
  Tcp& lowest_layer();
  Tcp& next_layer();
  void shutdown(net::socket_base::shutdown_type what, net_error_code& error);
  template <class Handler>
  void async_shutdown(Handler handler);
};

static_assert(!detail::EndsKnown<WithMembersAlone>);
static_assert(!detail::EndsKnown<net::buffered_write_stream<WithMembersAlone>>);

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

// What newer releases of Asio have works with the library's operations: time limits by
// `cancel_after`, `deferred` where no token is given, and composed operations by `co_composed`.
// Where Asio has none of them, there is no test.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "bytes_handoff.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO)
#define BYTES_HANDOFF_ASIO_HEADER(name) <boost/asio/name>
#else
#define BYTES_HANDOFF_ASIO_HEADER(name) <asio/name>
#endif

#if __has_include(BYTES_HANDOFF_ASIO_HEADER(cancel_after.hpp))
#define BYTES_HANDOFF_TEST_CANCEL_AFTER
#include BYTES_HANDOFF_ASIO_HEADER(cancel_after.hpp)
#endif
// Clang before 17 rejects how Asio compiles it.
#if !defined(__clang__) || __clang_major__ >= 17
#if __has_include(BYTES_HANDOFF_ASIO_HEADER(co_composed.hpp))
#define BYTES_HANDOFF_TEST_CO_COMPOSED
#include BYTES_HANDOFF_ASIO_HEADER(co_composed.hpp)
#elif __has_include(BYTES_HANDOFF_ASIO_HEADER(experimental / co_composed.hpp))
#define BYTES_HANDOFF_TEST_CO_COMPOSED
#include BYTES_HANDOFF_ASIO_HEADER(experimental / co_composed.hpp)
#endif
#endif

namespace bytes_handoff {
namespace {

using namespace std::chrono_literals;

class NewerFeatures : public testing::Test {
 protected:
  // Two pending bytes at most: a third waits for room.
  WriteHandoff narrow_queue() {
    WriteHandoffConfig config;
    config.max_pending_bytes = 2;
    return WriteHandoff(std::move(left), config);
  }
  // Without an end of time, a handler that is never called fails its test, and no more.
  void run() {
    context.restart();
    context.run_for(20s);
  }

  net::io_context context;
  std::pair<DuplexStream, DuplexStream> ends = make_duplex(context.get_executor(), 1);
  DuplexStream& left = ends.first;
  DuplexStream& right = ends.second;
};

#if defined(BYTES_HANDOFF_TEST_CANCEL_AFTER)
TEST_F(NewerFeatures, a_read_has_a_time_limit_and_loses_nothing) {
  HandoffBuffer buffer;
  std::optional<net_error_code> told;
  buffer.async_read_available(right, net::cancel_after(1ms, [&](const net_error_code& error,
                                                                std::size_t) { told = error; }));
  run();
  EXPECT_EQ(told, net::error::operation_aborted);

  auto out = narrow_queue();
  Bytes late = Bytes::copy_of("x");
  ASSERT_TRUE(out.try_write(late));
  told.reset();
  buffer.async_read_available(right, net::cancel_after(10s, [&](const net_error_code& error,
                                                                std::size_t) { told = error; }));
  run();
  EXPECT_EQ(told, net_error_code());
  EXPECT_EQ(buffer.peek_view(), "x");
}

TEST_F(NewerFeatures, a_write_that_waits_too_long_keeps_its_bytes) {
  auto out = narrow_queue();
  Bytes first = Bytes::copy_of("ab");
  Bytes second = Bytes::copy_of("c");
  ASSERT_TRUE(out.try_write(first));
  std::optional<net_error_code> told;
  out.async_write(second, net::cancel_after(1ms, [&](const net_error_code& error,
                                                     const WriteTicket&) { told = error; }));
  run();
  EXPECT_EQ(told, net::error::operation_aborted);
  EXPECT_EQ(second.view(), "c");
}
#endif

#if defined(BYTES_HANDOFF_HAS_DEFERRED)
TEST_F(NewerFeatures, an_operation_without_a_token_is_started_later) {
  auto out = narrow_queue();
  Bytes text = Bytes::copy_of("ab");
  auto write = out.async_write(text);
  auto flush = out.async_flush();
  EXPECT_EQ(text.view(), "ab");
  EXPECT_EQ(out.pending_bytes(), 0U);
  HandoffBuffer buffer;
  std::string order;
  std::move(write)([&](const net_error_code& error, const WriteTicket&) {
    EXPECT_FALSE(error);
    order += "written ";
    std::move(flush)([&](const net_error_code& of_flush) {
      EXPECT_FALSE(of_flush);
      order += "flushed";
    });
    buffer.async_read_available(right, [&](const net_error_code&, std::size_t) {
      buffer.async_read_available(right, [](const net_error_code&, std::size_t) {});
    });
  });
  run();
  EXPECT_EQ(order, "written flushed");
  EXPECT_EQ(buffer.peek_view(), "ab");
}
#endif

#if defined(BYTES_HANDOFF_TEST_CO_COMPOSED)
#if __has_include(BYTES_HANDOFF_ASIO_HEADER(co_composed.hpp))
using net::co_composed;
#else
using net::experimental::co_composed;
#endif

// Reads a frame, and writes it to a queue; completes with its size.
template <class Token>
auto async_pass_frame(DuplexStream& in, HandoffBuffer& buffer, DelimiterFramer& lines,
                      WriteHandoff& out, Token&& token) {
  return net::async_initiate<Token, void(net_error_code, std::size_t)>(
      co_composed<void(net_error_code, std::size_t)>(
          [](auto state, DuplexStream& from, HandoffBuffer& input, DelimiterFramer& framer,
             WriteHandoff& to) -> void {
            state.reset_cancellation_state(net::enable_terminal_cancellation());
            auto [error, n] =
                co_await input.async_wait_frame(from, framer, test::as_tuple(test::deferred));
            if (error) {
              co_yield state.complete(error, std::size_t{0});
            }
            Bytes frame = input.split_prefix(n).value();
            auto [refused, ticket] = co_await to.async_write(frame, test::as_tuple(test::deferred));
            co_return {refused, n};
          },
          in),
      token, std::ref(in), std::ref(buffer), std::ref(lines), std::ref(out));
}

TEST_F(NewerFeatures, a_composed_operation_is_a_coroutine) {
  std::pair<DuplexStream, DuplexStream> input = make_duplex(context.get_executor(), 64);
  net::write(input.first, net::buffer("one\ntwo", 7));
  HandoffBuffer buffer;
  DelimiterFramer lines("\n", {.keep_delimiter = true});
  WriteHandoff out(std::move(left));
  std::optional<std::size_t> passed;
  async_pass_frame(input.second, buffer, lines, out,
                   [&](const net_error_code& error, std::size_t n) {
                     EXPECT_FALSE(error) << error.message();
                     passed = n;
                   });
  context.run_for(10ms);
  EXPECT_EQ(passed, 4U);
  EXPECT_EQ(buffer.peek_view(), "two");

  std::optional<net_error_code> told;
  net::cancellation_signal signal;
  async_pass_frame(input.second, buffer, lines, out,
                   net::bind_cancellation_slot(signal.slot(), [&](const net_error_code& error,
                                                                  std::size_t) { told = error; }));
  signal.emit(net::cancellation_type::terminal);
  context.restart();
  context.run_for(10ms);
  EXPECT_EQ(told, net::error::operation_aborted);
  EXPECT_EQ(buffer.peek_view(), "two");
}
#endif

}  // namespace
}  // namespace bytes_handoff

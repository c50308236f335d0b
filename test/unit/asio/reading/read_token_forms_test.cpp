// The forms in which a read is called: by default tokens, and by tokens that start it later.

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/streams/duplex_fixture.hpp"

#if defined(BYTES_HANDOFF_BOOST_ASIO) && BOOST_ASIO_VERSION >= 103100
#define BYTES_HANDOFF_TEST_CANCEL_AFTER
#include <boost/asio/cancel_after.hpp>
#elif defined(BYTES_HANDOFF_STANDALONE_ASIO) && ASIO_VERSION >= 103100
#define BYTES_HANDOFF_TEST_CANCEL_AFTER
#include <asio/cancel_after.hpp>
#endif

namespace bytes_handoff {
namespace {

using test::deferred;
using test::DuplexFixture;
using test::Result;

class ReadTokenForms : public DuplexFixture {
 protected:
  HandoffBuffer buffer;
};

/// Has a name that handlers of the library have, too.
struct HandlerThatSaysItIsCancelled {
  [[nodiscard]] bool is_cancelled() const { return true; }
  void operator()(net_error_code error, std::size_t n) const {
    *told_error = error;
    *told_bytes = n;
  }

  net_error_code* told_error;
  std::size_t* told_bytes;
};

TEST_F(ReadTokenForms, ask_nothing_of_a_handler_but_what_asio_does) {
  auto ends = make_duplex(net::any_io_executor(context.get_executor()), 64);
  net_error_code error = net::error::no_memory;
  std::size_t n = 0;
  buffer.async_read_available(ends.first, HandlerThatSaysItIsCancelled{&error, &n});
  context.poll();  // it waits
  net::write(ends.second, net::buffer("text", 4));
  context.restart();
  context.run();
  EXPECT_EQ(error, net_error_code());
  EXPECT_EQ(n, 4U);
}

using AwaitedByDefault = net::use_awaitable_t<>::executor_with_default<net::any_io_executor>;
using AwaitedStream = BasicDuplexStream<AwaitedByDefault>;

TEST_F(ReadTokenForms, without_a_token_use_that_of_the_streams_executor) {
  auto ends = make_duplex(AwaitedByDefault(context.get_executor()), 64);
  net::write(ends.second, net::buffer("text", 4));
  std::size_t n = 0;
  net::co_spawn(
      context,
      [&]() -> net::awaitable<void> { n = co_await buffer.async_read_available(ends.first); },
      [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
  context.run();
  EXPECT_EQ(n, 4U);
  EXPECT_EQ(buffer.peek_view(), "text");
}

TEST_F(ReadTokenForms, beside_a_queue_and_without_a_token_complete_with_what_ended_it) {
  auto ends = make_duplex(AwaitedByDefault(context.get_executor()), 64);
  auto near_end = std::make_shared<AwaitedStream>(std::move(ends.first));
  WriteHandoff out(near_end);
  net::co_spawn(
      context,
      [&]() -> net::awaitable<void> {
        static_cast<void>(co_await buffer.async_read_available(*near_end, out));
      },
      [](const std::exception_ptr& error) {
        try {
          std::rethrow_exception(error);
        } catch (const net_system_error& ended) {
          EXPECT_EQ(ended.code(), Errc::aborted) << ended.code().message();
        }
      });
  net::post(context, [&] { out.abort(); });
  context.run();
  EXPECT_TRUE(buffer.empty());
}

TEST_F(ReadTokenForms, that_are_deferred_and_stored_read_when_they_are_started) {
  auto later = buffer.async_read_available(a, deferred);
  auto again = later;  // a stored operation may be started from a copy, as often as one likes
  EXPECT_FALSE(front_end::is_reading(buffer));
  expect_write(b, "one", {}, 3);
  context.run();
  EXPECT_TRUE(buffer.empty()) << "nothing has been started";

  Result first;
  std::move(later)(first.handler());
  context.restart();
  context.run();
  first.expect({}, 3);
  EXPECT_EQ(buffer.peek_view(), "one");

  expect_write(b, "two", {}, 3);
  Result second;
  std::move(again)(second.handler());
  context.restart();
  context.run();
  second.expect({}, 3);
  EXPECT_EQ(buffer.peek_view(), "onetwo");
}

/// Starts nothing, and looks at what it is to start.
struct LookingToken {};

template <class Initiation>
struct Looked {
  using initiation = Initiation;
  Initiation start;
};

}  // namespace
}  // namespace bytes_handoff

#if defined(BYTES_HANDOFF_BOOST_ASIO)
namespace boost::asio {
#else
namespace asio {
#endif
template <class Signature>
class async_result<bytes_handoff::LookingToken, Signature> {
 public:
  template <class Initiation, class Token>
  static auto initiate(Initiation&& start, Token&&) {
    return bytes_handoff::Looked<std::decay_t<Initiation>>{std::forward<Initiation>(start)};
  }
};
}  // namespace asio

namespace bytes_handoff {
namespace {

TEST_F(ReadTokenForms, start_with_an_object_that_names_the_executor_of_the_stream) {
  const auto looked = buffer.async_read_available(a, LookingToken());
  using Start = typename decltype(looked)::initiation;
  static_assert(std::same_as<Start::executor_type, Stream::executor_type>);
  EXPECT_EQ(looked.start.get_executor(), a.get_executor());
}

#if defined(BYTES_HANDOFF_TEST_CANCEL_AFTER)
TEST_F(ReadTokenForms, that_are_cancelled_after_a_time_lose_nothing) {
  Result cut_off;
  buffer.async_read_available(a,
                              net::cancel_after(std::chrono::milliseconds(1), cut_off.handler()));
  context.run();
  cut_off.expect(net::error::operation_aborted, 0);
  EXPECT_FALSE(front_end::is_reading(buffer));

  expect_write(b, "text", {}, 4);
  Result in_time;
  buffer.async_read_available(a, net::cancel_after(std::chrono::hours(1), in_time.handler()));
  context.restart();
  context.run();
  in_time.expect({}, 4);
  EXPECT_EQ(buffer.peek_view(), "text");
}
#endif

}  // namespace
}  // namespace bytes_handoff

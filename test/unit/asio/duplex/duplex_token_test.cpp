#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 with sanitizers warns about use_future's own handler in Asio.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/asio.hpp"
#include "support/pattern.hpp"
#include "support/streams/duplex_fixture.hpp"

namespace bytes_handoff {
namespace {

using test::DuplexFixture;
using test::Result;

using DuplexTokenTest = DuplexFixture;

TEST_F(DuplexTokenTest, ComposedWriteAndReadMoveMoreThanTheCapacity) {
  const std::string text = test::pattern(10'000);
  std::string got(text.size(), '\0');
  Result write;
  Result read;
  net::async_write(a, net::buffer(text), write.handler());
  net::async_read(b, net::buffer(got), read.handler());
  context.run();
  write.expect({}, text.size());
  read.expect({}, text.size());
  EXPECT_EQ(got, text);
}

TEST_F(DuplexTokenTest, ComposedReadEndsWithEof) {
  std::string got(10, '\0');
  Result read;
  net::async_read(b, net::buffer(got), read.handler());
  expect_write(a, "abc", {}, 3);
  a.close();
  context.run();
  read.expect(net::error::eof, 3);
}

TEST_F(DuplexTokenTest, ReadsLinesIntoADynamicBuffer) {
  std::string line;
  Result read;
  Result write;
  const std::string text = "a line longer than the ring\nand more";
  net::async_write(a, net::buffer(text), write.handler());
  net::async_read_until(b, net::dynamic_buffer(line), '\n', read.handler());
  context.run();
  read.expect({}, 28);
  EXPECT_EQ(line.substr(0, 28), "a line longer than the ring\n");
}

TEST_F(DuplexTokenTest, SynchronousComposedCallsWorkWhileNothingWouldBlock) {
  EXPECT_EQ(net::write(a, net::buffer("12345678", 8)), 8U);
  std::array<char, 8> got{};
  EXPECT_EQ(net::read(b, net::buffer(got)), 8U);
}

TEST_F(DuplexTokenTest, UseFuture) {
  char room = 0;
  std::future<std::size_t> read = b.async_read_some(net::buffer(&room, 1), net::use_future);
  std::future<std::size_t> write = a.async_write_some(net::buffer("x", 1), net::use_future);
  std::future<void> wait = a.async_wait(a.wait_write, net::use_future);
  context.run();
  EXPECT_EQ(read.get(), 1U);
  EXPECT_EQ(write.get(), 1U);
  wait.get();
  b.close();
  std::future<std::size_t> failed = b.async_read_some(net::buffer(&room, 1), net::use_future);
  context.restart();
  context.run();
  EXPECT_THROW(failed.get(), net_system_error);
}

net::awaitable<std::string> converse(DuplexFixture::Stream& client) {
  co_await net::async_write(client, net::buffer("a long question", 15), net::use_awaitable);
  client.shutdown(client.shutdown_send);
  co_await client.async_wait(client.wait_read, net::use_awaitable);
  std::string answer;
  for (;;) {
    std::array<char, 4> room{};
    const auto [error, bytes] =
        co_await client.async_read_some(net::buffer(room), test::as_tuple(net::use_awaitable));
    if (error) co_return error == net::error::eof ? answer : "unexpected error";
    answer.append(room.data(), bytes);
  }
}

net::awaitable<void> echo(DuplexFixture::Stream& server) {
  std::array<char, 3> room{};
  try {
    for (;;) {
      const std::size_t bytes =
          co_await server.async_read_some(net::buffer(room), net::use_awaitable);
      co_await net::async_write(server, net::buffer(room, bytes), net::use_awaitable);
    }
  } catch (const net_system_error& error) {
    EXPECT_EQ(error.code(), net::error::eof);
  }
  server.close();
}

TEST_F(DuplexTokenTest, UseAwaitableAndAsTuple) {
  std::string answer;
  net::co_spawn(context, echo(b), [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
  net::co_spawn(context, converse(a), [&](std::exception_ptr failure, std::string text) {
    EXPECT_FALSE(failure);
    answer = std::move(text);
  });
  context.run();
  EXPECT_EQ(answer, "a long question");
}

TEST_F(DuplexTokenTest, Deferred) {
  Result read;
  Result write;
  char room = 0;
  auto reading = b.async_read_some(net::buffer(&room, 1), test::deferred);
  auto writing = a.async_write_some(net::buffer("x", 1), test::deferred);
  auto waiting = b.async_wait(b.wait_read, test::deferred);
  context.poll();
  EXPECT_EQ(b.available(), 0U);
  context.restart();
  std::move(writing)(write.handler());
  std::move(reading)(read.handler());
  context.run();
  write.expect({}, 1);
  read.expect({}, 1);
  context.restart();
  Result wait;
  std::move(waiting)(wait.wait_handler());
  b.cancel();
  context.run();
  wait.expect(net::error::operation_aborted);
}

using AwaitingStream =
    net::use_awaitable_t<>::as_default_on_t<BasicDuplexStream<net::io_context::executor_type>>;

net::awaitable<std::size_t> converse_by_default(AwaitingStream& near, AwaitingStream& far) {
  const std::size_t written = co_await near.async_write_some(net::buffer("abc", 3));
  co_await far.async_wait(AwaitingStream::wait_read);
  std::array<char, 8> room{};
  const std::size_t read = co_await far.async_read_some(net::buffer(room));
  co_return 10 * written + read;
}

TEST_F(DuplexTokenTest, TheDefaultTokenIsThatOfTheExecutor) {
  AwaitingStream near = std::move(a);
  AwaitingStream far = std::move(b);
  std::size_t moved = 0;
  net::co_spawn(context, converse_by_default(near, far),
                [&](std::exception_ptr failure, std::size_t result) {
                  EXPECT_FALSE(failure);
                  moved = result;
                });
  context.run();
  EXPECT_EQ(moved, 33U);
}

TEST_F(DuplexTokenTest, AnInitiationHasTheExecutorOfItsStream) {
  using Initiation = detail::StartDuplex<Stream, detail::PipeAct::kRead>;
  static_assert(std::is_same_v<Initiation::executor_type, Stream::executor_type>);
  EXPECT_EQ(Initiation(a).get_executor(), context.get_executor());
}

TEST_F(DuplexTokenTest, CompletesOnTheAssociatedExecutor) {
  net::io_context other;
  Result read;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1),
                    net::bind_executor(other.get_executor(), read.handler()));
  expect_write(a, "x", {}, 1);
  expect_write(a, "y", {}, 1);
  context.run();
  EXPECT_FALSE(read.called);
  other.run();
  read.expect({}, 1);

  Result wait;
  const auto strand = net::make_strand(other);
  b.async_wait(b.wait_read, net::bind_executor(strand, [&](const net_error_code& error) {
                 EXPECT_TRUE(strand.running_in_this_thread());
                 wait.wait_handler()(error);
               }));
  other.restart();
  other.run();
  wait.expect({});
}

TEST_F(DuplexTokenTest, AWaitingOperationIsWorkForItsExecutors) {
  net::io_context other;
  Result read;
  char room = 0;
  b.async_read_some(net::buffer(&room, 1),
                    net::bind_executor(other.get_executor(), read.handler()));
  EXPECT_EQ(context.poll(), 0U);
  EXPECT_FALSE(context.stopped());
  EXPECT_EQ(other.poll(), 0U);
  EXPECT_FALSE(other.stopped());
  b.cancel();
  other.run();
  read.expect(net::error::operation_aborted);
  context.run();
  EXPECT_TRUE(context.stopped());
}

TEST_F(DuplexTokenTest, WorksOnAPolymorphicExecutorAndAStrand) {
  auto [general, stranded] =
      make_duplex(net::any_io_executor(context.get_executor()), net::make_strand(context), 4);
  static_assert(std::is_same_v<decltype(general), DuplexStream>);
  std::string got(9, '\0');
  Result read;
  Result write;
  net::async_read(stranded, net::buffer(got), read.handler());
  net::async_write(general, net::buffer("some text", 9), write.handler());
  context.run();
  read.expect({}, 9);
  write.expect({}, 9);
  EXPECT_EQ(got, "some text");
}

struct AllocatorUse {
  int allocations = 0;
  int live = 0;
};

template <typename T>
struct CountingAllocator {
  using value_type = T;
  explicit CountingAllocator(AllocatorUse& counted) : use(&counted) {}
  template <typename U>
  CountingAllocator(const CountingAllocator<U>& other) : use(other.use) {}
  T* allocate(std::size_t n) {
    ++use->allocations;
    ++use->live;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* memory, std::size_t n) {
    --use->live;
    std::allocator<T>().deallocate(memory, n);
  }
  friend bool operator==(const CountingAllocator&, const CountingAllocator&) = default;
  AllocatorUse* use;
};

TEST_F(DuplexTokenTest, TakesAWaitingOperationsMemoryFromTheHandlersAllocator) {
  AllocatorUse use;
  const CountingAllocator<void> allocator(use);
  Result read;
  std::array<char, 2> room{};
  const std::array<net::mutable_buffer, 2> into{net::buffer(&room[0], 1), net::buffer(&room[1], 1)};
  b.async_read_some(into, net::bind_allocator(allocator, [&](auto error, std::size_t bytes) {
                      EXPECT_EQ(use.live, 0);
                      read.handler()(error, bytes);
                    }));
  EXPECT_EQ(use.allocations, 1);
  EXPECT_EQ(use.live, 1);
  expect_write(a, "xy", {}, 2);
  context.run();
  read.expect({}, 2);

  Result wait;
  b.async_wait(b.wait_read, net::bind_allocator(allocator, wait.wait_handler()));
  b.close();
  context.restart();
  context.run();
  wait.expect(net::error::operation_aborted);
  EXPECT_EQ(use.live, 0);
}

}  // namespace
}  // namespace bytes_handoff

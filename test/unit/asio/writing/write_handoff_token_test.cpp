#include <array>
#include <future>
#include <memory>
#include <tuple>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/coroutine.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

class CompletionToken : public WriterFixture {};

TEST_F(CompletionToken, use_awaitable_gives_tickets_and_throws_refusals) {
  auto out = spawn(limits(4, 8));
  run_coroutine(*context, [&]() -> net::awaitable<void> {
    Bytes small = text("abc");
    WriteTicket ticket = co_await out.async_write(small, net::use_awaitable);
    EXPECT_TRUE(small.empty());
    EXPECT_EQ(co_await ticket.async_wait(net::use_awaitable), 3U);
    Bytes large = text("123456789");
    const std::byte* const data = large.data();
    net_error_code thrown;
    try {
      co_await out.async_write(large, net::use_awaitable);
    } catch (const net_system_error& error) {
      thrown = error.code();
    }
    EXPECT_EQ(thrown, Errc::can_never_fit);
    auto [refused, none] = co_await out.async_write(large, as_tuple(net::use_awaitable));
    EXPECT_EQ(refused, Errc::can_never_fit);
    EXPECT_FALSE(none.valid());
    EXPECT_EQ(large.data(), data);
    std::vector several{text("d"), text("e")};
    co_await out.async_write(several, net::use_awaitable);
    EXPECT_TRUE(several[0].empty() && several[1].empty());
    co_await out.async_flush(net::use_awaitable);
    co_await out.async_close(net::use_awaitable);
    auto [ended] = co_await out.async_closed(as_tuple(net::use_awaitable));
    EXPECT_FALSE(ended);
    std::vector<Bytes> one(1, large);
    auto [late, no_ticket] = co_await out.async_write(one, as_tuple(net::use_awaitable));
    EXPECT_EQ(late, Errc::closed);
    EXPECT_EQ(one.at(0).data(), data);
  });
  EXPECT_EQ(script->written, "abcde");
}

TEST_F(CompletionToken, use_future_gives_the_same) {
  auto out = spawn_held(limits(1, 8));
  Bytes abc = text("abc");
  Bytes def = text("def");
  auto admitted = out.async_write(abc, net::use_future);
  auto waiting = out.async_write(def, net::use_future);
  auto flushed = out.async_flush(net::use_future);
  run_ready(*context);
  WriteTicket ticket = admitted.get();
  ASSERT_TRUE(ticket.valid());
  auto written = ticket.async_wait(net::use_future);
  out.close();
  run_ready(*context);
  EXPECT_THROW(waiting.get(), net_system_error);
  EXPECT_EQ(def.view(), "def");
  stream_takes(1, net::error::connection_reset);
  run_ready(*context);
  EXPECT_THROW(written.get(), net_system_error);
  try {
    flushed.get();
    ADD_FAILURE() << "a failed flush must throw";
  } catch (const net_system_error& error) {
    EXPECT_EQ(error.code(), net::error::connection_reset);
  }
  auto ended = out.async_closed(net::use_future);
  run_ready(*context);
  EXPECT_THROW(ended.get(), net_system_error);
}

TEST_F(CompletionToken, deferred_starts_nothing_until_it_is_started) {
  auto out = spawn();
  Bytes bytes = text("abc");
  auto write = out.async_write(bytes, deferred);
  auto flush = out.async_flush(deferred);
  EXPECT_EQ(out.pending_items(), 0U);
  WriteOutcome result;
  Outcome<net_error_code> flushed;
  std::move(write)(result.handler());
  std::move(flush)(flushed.handler());
  EXPECT_EQ(out.pending_items(), 1U);
  run_ready(*context);
  ASSERT_TRUE(result.was_admitted());
  EXPECT_FALSE(flushed.get());
  auto wait = result.ticket().async_wait(deferred);
  result.ticket() = {};  // it may be gone by then
  CountOutcome done;
  std::move(wait)(done.handler());
  run_ready(*context);
  done.expect({}, 3);
}

TEST_F(CompletionToken, deferred_wait_on_a_ticket_can_be_kept_and_started_again) {
  auto out = spawn();
  auto ticket = try_send(out, "abc").value();
  const auto wait = ticket.async_wait(deferred);
  CountOutcome first;
  CountOutcome second;
  wait(first.handler());
  wait(second.handler());
  run_ready(*context);
  first.expect({}, 3);
  second.expect(Errc::wait_in_progress, 0);
  CountOutcome later;
  wait(later.handler());
  run_ready(*context);
  later.expect({}, 3);
}

TEST_F(CompletionToken, detached_and_handlers_that_can_only_be_moved) {
  auto out = spawn();
  Bytes a = text("a");
  Bytes b = text("b");
  std::array c{text("c"), text("d")};
  out.async_write(a, net::detached);
  out.async_flush(net::detached);
  int called = 0;
  const auto only_moved = [&called] {
    return [&called, only = std::make_unique<int>(1)](auto&&...) { called += *only; };
  };
  out.async_write(b, only_moved());
  out.async_write(c, only_moved());
  out.async_flush(only_moved());
  out.async_closed(only_moved());
  out.async_close(only_moved());
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(called, 5);
  EXPECT_EQ(script->written, "abcd");
}

TEST_F(CompletionToken, handlers_run_on_their_associated_executor) {
  net::io_context other(1);
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  int called = 0;
  const auto on_other = [&](auto&&...) {
    EXPECT_TRUE(other.get_executor().running_in_this_thread());
    EXPECT_FALSE(context->get_executor().running_in_this_thread());
    ++called;
  };
  const auto bound = [&] { return net::bind_executor(other.get_executor(), on_other); };
  Bytes waiting = text("def");
  Bytes refused = text("123456789");
  out.async_write(waiting, bound());
  out.async_write(refused, bound());  // at once
  ticket.async_wait(bound());
  ticket.async_wait(bound());  // is refused at once
  out.async_flush(bound());
  out.async_closed(bound());
  run_ready(*context);
  EXPECT_EQ(called, 0);
  run_ready(other);
  EXPECT_EQ(called, 2);
  stream_takes(3);
  stream_takes(3);
  out.async_close(bound());
  run_ready(*context);
  EXPECT_EQ(called, 2) << "a handler ran on the stream's executor";
  EXPECT_FALSE(other.stopped()) << "what waits keeps its executor busy";
  ASSERT_TRUE(run_out(other));
  EXPECT_EQ(called, 7);
}

TEST_F(CompletionToken, a_strand_as_associated_executor_is_honoured) {
  auto strand = net::make_strand(context->get_executor());
  auto out = spawn();
  int called = 0;
  const auto on_strand = [&](auto&&...) {
    EXPECT_TRUE(strand.running_in_this_thread());
    ++called;
  };
  auto ticket = try_send(out, "a").value();
  Bytes b = text("b");
  out.async_write(b, net::bind_executor(strand, on_strand));
  ticket.async_wait(net::bind_executor(strand, on_strand));
  out.async_flush(net::bind_executor(strand, on_strand));
  out.async_close(net::bind_executor(strand, on_strand));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(called, 4);
}

TEST_F(CompletionToken, what_waits_is_kept_by_the_associated_allocator) {
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  std::size_t before = 0;
  const auto allocates = [&] {
    return resource.allocations() - std::exchange(before, resource.allocations());
  };
  WriteOutcome write;
  CountOutcome wait;
  Outcome<net_error_code> flush;
  Outcome<net_error_code> closed;
  out.async_write(write.from("def"), net::bind_allocator(allocator, write.handler()));
  EXPECT_EQ(allocates(), 1U);
  ticket.async_wait(net::bind_allocator(allocator, wait.handler()));
  EXPECT_EQ(allocates(), 1U);
  out.async_flush(net::bind_allocator(allocator, flush.handler()));
  EXPECT_EQ(allocates(), 1U);
  out.async_closed(net::bind_allocator(allocator, closed.handler()));
  EXPECT_EQ(allocates(), 1U);
  run_ready(*context);
  stream_takes(3);
  EXPECT_TRUE(write.was_admitted());
  wait.expect({}, 3);
  EXPECT_EQ(resource.blocks_out(), 1U) << "only the wait for the end is left";
  out.abort();
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(closed.get(), Errc::aborted);
  EXPECT_EQ(resource.blocks_out(), 0U);
}

TEST_F(CompletionToken, memory_is_given_back_before_the_handler_is_called) {
  CountingResource of_wait;
  CountingResource of_flush;
  const std::pmr::polymorphic_allocator<std::byte> for_wait(&of_wait);
  const std::pmr::polymorphic_allocator<std::byte> for_flush(&of_flush);
  auto out = spawn_held();
  auto ticket = try_send(out, "abc").value();
  int called = 0;
  ticket.async_wait(net::bind_allocator(for_wait, [&](net_error_code, std::size_t) {
    EXPECT_EQ(of_wait.blocks_out(), 0U);
    ++called;
  }));
  out.async_flush(net::bind_allocator(for_flush, [&](net_error_code) {
    EXPECT_EQ(of_flush.blocks_out(), 0U);
    ++called;
  }));
  run_ready(*context);
  EXPECT_EQ(of_wait.blocks_out() + of_flush.blocks_out(), 2U);
  stream_takes(3);
  EXPECT_EQ(called, 2);
}

TEST_F(CompletionToken, an_allocator_that_fails_leaves_the_queue_as_it_was) {
  CountingResource resource;
  resource.fail(true);
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  auto out = spawn_held(limits(1, 8));
  auto ticket = try_send(out, "abc").value();
  Sentinel never;
  Bytes def = text("def");
  EXPECT_THROW(out.async_write(def, net::bind_allocator(allocator, never.handler())),
               std::bad_alloc);
  EXPECT_THROW(ticket.async_wait(net::bind_allocator(allocator, never.handler())), std::bad_alloc);
  EXPECT_THROW(out.async_flush(net::bind_allocator(allocator, never.handler())), std::bad_alloc);
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(def.view(), "def");
  EXPECT_EQ(out.pending_items(), 1U);
  CountOutcome wait;
  ticket.async_wait(wait.handler());
  run_ready(*context);
  stream_takes(3);
  wait.expect({}, 3);
}

TEST_F(CompletionToken, an_admitted_write_is_written_even_if_its_handler_cannot_be_posted) {
  CountingResource resource;
  resource.fail(true);
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  auto out = spawn();
  Sentinel never;
  Bytes abc = text("abc");
  try {
    out.async_write(abc, net::bind_executor(context->get_executor(),
                                            net::bind_allocator(allocator, never.handler())));
  } catch (const std::bad_alloc&) {
    EXPECT_EQ(out.pending_items(), 0U) << "it threw, so nothing may have been admitted";
  }
  EXPECT_TRUE(try_send(out, "def"));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(out.pending_items(), 0U) << "the queue hangs";
  EXPECT_TRUE(script->written.ends_with("def")) << script->written;
}

}  // namespace
}  // namespace bytes_handoff::test

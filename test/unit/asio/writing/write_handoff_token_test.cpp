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

using Reason = WriteRefusalReason;

class CompletionToken : public WriterFixture {};

TEST_F(CompletionToken, use_awaitable_gives_tickets_and_refusals_with_their_bytes) {
  auto out = spawn(limits(4, 8));
  const Bytes large = text("123456789");
  run_coroutine(*context, [&]() -> net::awaitable<void> {
    auto ticket = co_await out.async_write(text("abc"), net::use_awaitable);
    EXPECT_TRUE(ticket.has_value());
    EXPECT_EQ(co_await ticket->async_wait(net::use_awaitable), 3U);
    auto refused = co_await out.async_write(large, net::use_awaitable);
    EXPECT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().bytes.data(), large.data());
    auto [again] = co_await out.async_write_detached(large, as_tuple(net::use_awaitable));
    EXPECT_EQ(again.error().bytes.data(), large.data());
    std::vector<Bytes> several;
    several.push_back(text("d"));
    several.push_back(text("e"));
    auto all = co_await out.async_write_all(std::move(several), net::use_awaitable);
    EXPECT_TRUE(all.has_value());
    co_await out.async_flush(net::use_awaitable);
    co_await out.async_close(net::use_awaitable);
    auto [ended] = co_await out.async_closed(as_tuple(net::use_awaitable));
    EXPECT_FALSE(ended);
    std::vector<Bytes> one(1, large);
    auto late = co_await out.async_write_all_detached(std::move(one), net::use_awaitable);
    EXPECT_EQ(late.error().reason, Reason::closed);
    EXPECT_EQ(late.error().bytes.at(0).data(), large.data());
  });
  EXPECT_EQ(script->written, "abcde");
}

TEST_F(CompletionToken, use_future_gives_the_same) {
  auto out = spawn_held(limits(1, 8));
  auto admitted = out.async_write(text("abc"), net::use_future);
  auto waiting = out.async_write(text("def"), net::use_future);
  auto flushed = out.async_flush(net::use_future);
  run_ready(*context);
  auto ticket = admitted.get();
  ASSERT_TRUE(ticket.has_value());
  auto written = ticket->async_wait(net::use_future);
  out.close();
  run_ready(*context);
  auto refused = waiting.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().bytes.view(), "def");
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
  auto write = out.async_write(text("abc"), deferred);
  auto flush = out.async_flush(deferred);
  EXPECT_EQ(out.pending_items(), 0U);
  Outcome<WriteResultOf> result;
  Outcome<net_error_code> flushed;
  std::move(write)(result.handler());
  std::move(flush)(flushed.handler());
  EXPECT_EQ(out.pending_items(), 1U);
  run_ready(*context);
  ASSERT_TRUE(result.get().has_value());
  EXPECT_FALSE(flushed.get());
  auto wait = result.get()->async_wait(deferred);
  result.get() = {};  // the ticket may be gone by then
  CountOutcome done;
  std::move(wait)(done.handler());
  run_ready(*context);
  done.expect({}, 3);
}

TEST_F(CompletionToken, deferred_wait_on_a_ticket_can_be_kept_and_started_again) {
  auto out = spawn();
  auto ticket = out.try_write(text("abc")).value();
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
  out.async_write_detached(text("a"), net::detached);
  out.async_flush(net::detached);
  int called = 0;
  const auto only_moved = [&called] {
    return [&called, only = std::make_unique<int>(1)](auto&&...) { called += *only; };
  };
  out.async_write(text("b"), only_moved());
  out.async_write_detached(text("c"), only_moved());
  out.async_write_all({text("d")}, only_moved());
  out.async_write_all_detached({text("e")}, only_moved());
  out.async_flush(only_moved());
  out.async_closed(only_moved());
  out.async_close(only_moved());
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(called, 7);
  EXPECT_EQ(script->written, "abcde");
}

TEST_F(CompletionToken, handlers_run_on_their_associated_executor) {
  net::io_context other(1);
  auto out = spawn_held(limits(1, 8));
  auto ticket = out.try_write(text("abc")).value();
  int called = 0;
  const auto on_other = [&](auto&&...) {
    EXPECT_TRUE(other.get_executor().running_in_this_thread());
    EXPECT_FALSE(context->get_executor().running_in_this_thread());
    ++called;
  };
  const auto bound = [&] { return net::bind_executor(other.get_executor(), on_other); };
  out.async_write(text("def"), bound());        // waits
  out.async_write(text("123456789"), bound());  // is refused at once
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
  auto ticket = out.try_write(text("a")).value();
  out.async_write(text("b"), net::bind_executor(strand, on_strand));
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
  auto ticket = out.try_write(text("abc")).value();
  std::size_t before = 0;
  const auto allocates = [&] {
    return resource.allocations() - std::exchange(before, resource.allocations());
  };
  Outcome<WriteResultOf> write;
  CountOutcome wait;
  Outcome<net_error_code> flush;
  Outcome<net_error_code> closed;
  out.async_write(text("def"), net::bind_allocator(allocator, write.handler()));
  EXPECT_EQ(allocates(), 1U);
  ticket.async_wait(net::bind_allocator(allocator, wait.handler()));
  EXPECT_EQ(allocates(), 1U);
  out.async_flush(net::bind_allocator(allocator, flush.handler()));
  EXPECT_EQ(allocates(), 1U);
  out.async_closed(net::bind_allocator(allocator, closed.handler()));
  EXPECT_EQ(allocates(), 1U);
  run_ready(*context);
  stream_takes(3);
  EXPECT_TRUE(write.get().has_value());
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
  auto ticket = out.try_write(text("abc")).value();
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
  auto ticket = out.try_write(text("abc")).value();
  Sentinel never;
  EXPECT_THROW(out.async_write(text("def"), net::bind_allocator(allocator, never.handler())),
               std::bad_alloc);
  EXPECT_THROW(ticket.async_wait(net::bind_allocator(allocator, never.handler())), std::bad_alloc);
  EXPECT_THROW(out.async_flush(net::bind_allocator(allocator, never.handler())), std::bad_alloc);
  EXPECT_TRUE(never.is_destroyed());
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
  try {
    out.async_write_detached(text("abc"),
                             net::bind_executor(context->get_executor(),
                                                net::bind_allocator(allocator, never.handler())));
  } catch (const std::bad_alloc&) {
    EXPECT_EQ(out.pending_items(), 0U) << "it threw, so nothing may have been admitted";
  }
  EXPECT_TRUE(out.try_write_detached(text("def")));
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(out.pending_items(), 0U) << "the queue hangs";
  EXPECT_TRUE(script->written.ends_with("def")) << script->written;
}

}  // namespace
}  // namespace bytes_handoff::test

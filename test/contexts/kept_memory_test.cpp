// What tickets and weak handles keep of a queue: its memory. Neither open, nor what was not
// written, and the last of them may go on any thread, also while the stream's context is being
// destroyed.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/testing/duplex.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "contexts/executors.hpp"
#include "contexts/handlers.hpp"
#include "support/asio.hpp"
#include "support/queue/unwritten.hpp"
#include "support/run_for.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using Owned = std::shared_ptr<const std::string>;

[[nodiscard]] Bytes bytes_of(Owned owned) {
  const auto bytes = std::as_bytes(std::span<const char>(*owned));
  return Bytes::from_owner(std::move(owned), bytes);
}

/// A queue for one slice on a duplex of 8 bytes, and that slice, not wholly written.
struct StuckQueue {
  StuckQueue() {
    auto owned = std::make_shared<const std::string>("more than there is room for");
    slice = owned;
    Bytes bytes = bytes_of(std::move(owned));
    ticket = out->try_write(bytes).value();
    run_ready(*context);
  }

  std::unique_ptr<net::io_context> context = std::make_unique<net::io_context>(1);
  std::pair<DuplexStream, DuplexStream> ends = make_duplex(context->get_executor(), 8);
  std::optional<WriteHandoff> out{std::in_place, std::move(ends.first),
                                  WriteHandoffConfig{.max_items = 1}};
  std::weak_ptr<const std::string> slice;
  WriteTicket ticket;
};

TEST(KeptMemory, holds_no_unwritten_slice_once_the_last_handle_and_then_the_context_have_gone) {
  StuckQueue queue;
  const WeakWriteHandoff weak(*queue.out);
  queue.out.reset();
  EXPECT_FALSE(queue.slice.expired()) << "it is still being written";
  queue.context.reset();
  EXPECT_TRUE(queue.ticket.is_done());
  EXPECT_TRUE(queue.slice.expired()) << "a ticket keeps what was not written";
}

TEST(KeptMemory, holds_no_unwritten_slice_once_the_context_and_then_the_last_handle_have_gone) {
  StuckQueue queue;
  queue.context.reset();
  EXPECT_FALSE(queue.slice.expired()) << "it can still be asked for";
  queue.out.reset();
  EXPECT_TRUE(queue.slice.expired());
}

TEST(KeptMemory, holds_no_unwritten_slice_that_went_to_a_handler_which_was_destroyed) {
  StuckQueue queue;
  Handlers handlers;
  queue.out->async_unwritten(handlers.make());
  queue.out.reset();
  queue.context.reset();
  handlers.expect_none_called();
  EXPECT_TRUE(queue.slice.expired());
}

TEST(KeptMemory, holds_no_unwritten_slice_that_went_to_a_handler_on_a_context_which_went_later) {
  StuckQueue queue;
  Handlers handlers;
  auto living = std::make_unique<net::io_context>(1);
  queue.out->async_unwritten(net::bind_executor(*living, handlers.make()));
  queue.out.reset();
  queue.context.reset();
  EXPECT_FALSE(queue.slice.expired()) << "it is on its way";
  living.reset();
  handlers.expect_none_called();
  EXPECT_TRUE(queue.slice.expired());
}

// The handle is the only one, and goes with a slice that the stream takes inside of the call.
TEST(KeptMemory, lets_a_handle_go_inside_of_its_own_write) {
  net::io_context context(1);
  auto ends = make_duplex(context.get_executor(), 64);
  auto out = std::make_unique<WriteHandoff>(std::move(ends.first));
  WriteTicket ticket;
  net::post(context, [&] {
    Owned text(new std::string("goes at once"), [&](const std::string* gone) {
      delete gone;
      out.reset();
    });
    std::array slices{bytes_of(std::move(text))};
    WriteHandoff& queue = *out;
    ticket = queue.try_write(slices).value();
  });
  run_ready(context);
  EXPECT_EQ(out, nullptr);
  EXPECT_TRUE(ticket.is_done());
}

// Where a waiter has been unlinked, and its handler has not run yet.
TEST(KeptMemory, of_slices_is_not_touched_once_a_refused_write_was_destroyed_uninvoked) {
  StuckQueue queue;
  Handlers handlers;
  for (int i = 0; i < 3; ++i) {
    auto slice = std::make_unique<Bytes>(Bytes::copy_of("waits"));
    Bytes& waiting = *slice;
    queue.out->async_write(waiting, handlers.make_with(std::move(slice)));
  }
  ASSERT_EQ(queue.out->statistics().waits, 3U);
  queue.out->abort();
  queue.context.reset();
  handlers.expect_none_called();
  queue.out.reset();
}

TEST(WeakHandle, keeps_no_queue_open) {
  net::io_context context(1);
  auto ends = make_duplex(context.get_executor(), 8);
  std::optional<WriteHandoff> out(std::in_place, std::move(ends.first));
  const WeakWriteHandoff weak(*out);
  const WeakWriteHandoff none;
  EXPECT_FALSE(none.lock().valid());
  FirstError closed;
  out->async_closed(closed.handler());
  {
    const WriteHandoff locked = weak.lock();
    ASSERT_TRUE(locked.valid());
    out.reset();
    run_ready(context);
    EXPECT_TRUE(locked.is_open()) << "what was locked is a handle";
  }
  EXPECT_FALSE(weak.lock().valid());
  run_ready(context);
  closed.expect(make_error_code(Errc::aborted));
}

TEST(WeakHandle, gives_a_handle_to_an_ended_queue_while_there_is_one) {
  net::io_context context(1);
  auto ends = make_duplex(context.get_executor(), 8);
  const WriteHandoff out(std::move(ends.first));
  const WeakWriteHandoff weak(out);
  WriteHandoff(out).abort();
  run_ready(context);
  const WriteHandoff locked = weak.lock();
  ASSERT_TRUE(locked.valid());
  EXPECT_EQ(locked.first_error(), Errc::aborted);
}

/// Writes by handles of its own until there is none any more. Returns how many were admitted.
unsigned write_while_there_is_a_handle(const WeakWriteHandoff& weak) {
  unsigned written = 0;
  for (WriteHandoff locked = weak.lock(); locked.valid(); locked = weak.lock()) {
    EXPECT_TRUE(locked.is_open());
    Bytes bytes = Bytes::copy_of("x");
    written += locked.try_write(bytes).has_value() ? 1U : 0U;
    locked = WriteHandoff();
    std::this_thread::yield();
  }
  EXPECT_FALSE(weak.lock().valid());
  return written;
}

template <class Stream>
void read_to_the_end(net::io_context& context, Stream& stream) {
  std::string all(std::size_t{64} * 1024, '\0');
  net_error_code error;
  while (!error) {
    run_ready(context);
    stream.read_some(net::buffer(all), error);
    run_ready(context);
  }
}

/// Aborts the queue, or drops the last handle, or both, or neither.
void end_somehow(net::io_context& context, std::optional<WriteHandoff>& out, Random& random) {
  if (random.one_in(2)) {
    out->abort();
  }
  if (random.one_in(2)) {
    out.reset();
  }
  run_ready(context);
}

constexpr unsigned kHolders = 3;  // threads

template <class On>
class KeptMemoryOn : public testing::Test {};
using Executors = testing::Types<OnContext, OnStrand, OnAny>;
TYPED_TEST_SUITE(KeptMemoryOn, Executors);

TYPED_TEST(KeptMemoryOn, gives_a_weak_handle_the_queue_open_or_nothing_for_ever) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(200);
  for (std::uint64_t round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    net::io_context context(1);
    auto ends = make_duplex(TypeParam::executor(context), 64);
    std::optional<WriteHandoff> out(std::in_place, std::move(ends.first));
    const WeakWriteHandoff weak(*out);
    FirstError closed;
    out->async_closed(closed.handler());
    std::atomic<unsigned> running{0};
    std::atomic<unsigned> written{0};
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < kHolders; ++id) {
      threads.emplace_back([&, weak] {
        ++running;
        written += write_while_there_is_a_handle(weak);
      });
    }
    while (running < kHolders) {
      std::this_thread::yield();
    }
    for (std::size_t turns = random.between(0, 30); turns > 0; --turns) {
      run_ready(context);
    }
    const std::size_t had = out->statistics().admitted_items;
    out.reset();
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_FALSE(weak.lock().valid());
    EXPECT_GE(written.load(), had);
    read_to_the_end(context, ends.second);
    EXPECT_TRUE(run_out(context));
    closed.expect(make_error_code(Errc::aborted));
  }
}

TYPED_TEST(KeptMemoryOn, goes_with_the_last_ticket_on_any_thread_while_the_context_is_destroyed) {
  Random random;
  SCOPED_TRACE(seed_note());
  const std::uint64_t rounds = count_or(200);
  for (std::uint64_t round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    auto context = std::make_unique<net::io_context>(1);
    std::optional ends = make_duplex(TypeParam::executor(*context), 8);
    std::optional<WriteHandoff> out(std::in_place, std::move(ends->first));
    std::atomic<unsigned> running{0};
    std::atomic<bool> may_go{false};
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < kHolders; ++id) {
      Bytes bytes = Bytes::copy_of("more than that");
      threads.emplace_back([&, turns = random.between(0, 20), weak = WeakWriteHandoff(*out),
                            ticket = out->try_write(bytes).value()]() mutable {
        ++running;
        while (!may_go) {
          std::this_thread::yield();
        }
        for (std::size_t i = 0; i < turns; ++i) {
          static_cast<void>(ticket.is_done());
        }
        weak = WeakWriteHandoff();
        ticket = WriteTicket();
      });
    }
    while (running < kHolders) {
      std::this_thread::yield();
    }
    end_somehow(*context, out, random);
    ends.reset();
    run_ready(*context);
    if (random.one_in(2)) {
      out.reset();  // only tickets and weak handles are left
    }
    may_go = true;
    context.reset();
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::test

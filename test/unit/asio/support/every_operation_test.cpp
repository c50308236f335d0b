// Every asynchronous operation of a queue and its tickets, under every kind of token, and with
// everything that a handler can have associated.

#include <array>
#include <cstddef>
#include <future>
#include <memory>
#include <memory_resource>
#include <span>
#include <tuple>
#include <utility>

#include "bytes_handoff/write_handoff.hpp"
#include "support/coroutine.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// What the operations are started on: a full queue with a write under way, so that all wait.
struct FullQueue {
  WriteHandoff out;
  WriteTicket ticket;
  Bytes slice;
};

struct Write {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_write(queue.slice, std::forward<Token>(token));
  }
};
struct WriteSeveral {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_write(std::span(&queue.slice, 1), std::forward<Token>(token));
  }
};
struct Send {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_send(std::span(&queue.slice, 1), std::forward<Token>(token));
  }
};
struct SendMayCut {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_send(std::span(&queue.slice, 1), may_cut, std::forward<Token>(token));
  }
};
struct Reserve {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_reserve(1, std::forward<Token>(token));
  }
};
struct ReserveItems {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_reserve(1, 1, std::forward<Token>(token));
  }
};
struct Flush {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_flush(std::forward<Token>(token));
  }
};
struct Close {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_close(std::forward<Token>(token));
  }
};
struct Closed {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_closed(std::forward<Token>(token));
  }
};
struct TicketWait {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.ticket.async_wait(std::forward<Token>(token));
  }
};

struct TicketOutcome {
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.ticket.async_outcome(std::forward<Token>(token));
  }
};

/// How an operation must end: taken back, or with the queue's abort, which refuses writes as
/// `closed`. No write has taken its slice.
struct Ending {
  bool cancelled;
  FullQueue* queue;

  void check(const net_error_code& error) const {
    EXPECT_EQ(error == net::error::operation_aborted, cancelled) << error.message();
    EXPECT_EQ(error == Errc::aborted || error == Errc::closed, !cancelled) << error.message();
    EXPECT_EQ(queue->slice.view(), "def");
  }
  void check(const net_error_code& error, std::size_t written) const {
    EXPECT_EQ(written, 0U);
    check(error);
  }
  void check(const net_error_code& error, const bytes_handoff::WriteOutcome& outcome) const {
    EXPECT_FALSE(outcome.durations.has_value());
    check(error, outcome.written);
  }
  void check(const net_error_code& error, const WriteTicket& ticket) const {
    EXPECT_FALSE(ticket.valid());
    check(error);
  }
  void check(const net_error_code& error, const WritePermit& permit) const {
    EXPECT_FALSE(permit.valid());
    check(error);
  }
};

template <class Operation>
class EveryOperation : public WriterFixture {
 protected:
  [[nodiscard]] FullQueue full_queue() {
    auto out = spawn_held(limits(1, 8));
    auto ticket = try_send(out, "abc").value();
    run_ready(*context);
    return {std::move(out), std::move(ticket), text("def")};
  }

  /// A handler that can only be moved, for the operation's end.
  [[nodiscard]] auto handler(Ending ending) {
    return [this, ending, only = std::make_unique<int>(1)](auto&&... results) {
      calls += *only;
      ending.check(results...);
    };
  }

  /// What a token gives where it throws errors.
  template <class Get>
  static void check_thrown(const Ending& ending, Get get) {
    try {
      get();
      ADD_FAILURE() << "it must throw";
    } catch (const net_system_error& error) {
      ending.check(error.code());
    }
  }

  int calls = 0;
};
using Operations = testing::Types<Write, WriteSeveral, Send, SendMayCut, Reserve, ReserveItems,
                                  Flush, Close, Closed, TicketWait, TicketOutcome>;
TYPED_TEST_SUITE(EveryOperation, Operations);

TYPED_TEST(EveryOperation, is_taken_back_by_every_type_of_cancellation) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total, net::cancellation_type::all}) {
    auto queue = this->full_queue();
    net::cancellation_signal signal;
    TypeParam::start(queue,
                     net::bind_cancellation_slot(signal.slot(), this->handler({true, &queue})));
    run_ready(*this->context);
    signal.emit(net::cancellation_type::none);
    run_ready(*this->context);
    EXPECT_EQ(std::exchange(this->calls, 0), 0);
    signal.emit(type);
    EXPECT_EQ(this->calls, 0) << "never from inside of the emission";
    run_ready(*this->context);
    EXPECT_EQ(std::exchange(this->calls, 0), 1);
    signal.emit(type);
    EXPECT_EQ(queue.out.pending_items(), 1U);
    queue.out.abort();
    ASSERT_TRUE(run_out(*this->context));
    EXPECT_EQ(this->calls, 0);
  }
}

TYPED_TEST(EveryOperation, honours_executor_and_allocator) {
  net::io_context other(1);
  CountingResource resource;
  auto queue = this->full_queue();
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  TypeParam::start(
      queue, net::bind_executor(other.get_executor(),
                                net::bind_allocator(allocator, this->handler({false, &queue}))));
  EXPECT_EQ(resource.blocks_out(), 1U);
  queue.out.abort();
  run_ready(*this->context);
  EXPECT_EQ(this->calls, 0) << "on the stream's executor";
  ASSERT_TRUE(run_out(other));
  EXPECT_EQ(this->calls, 1);
  EXPECT_EQ(resource.blocks_out(), 0U);
  ASSERT_TRUE(run_out(*this->context));
}

// By itself a future is made ready on a thread of Asio's own, which then shares the exception with
// this one; the count of an exception's owners is in a library that ThreadSanitizer does not see.
TYPED_TEST(EveryOperation, gives_a_future) {
  auto queue = this->full_queue();
  const Ending ending{false, &queue};
  auto future =
      TypeParam::start(queue, net::bind_executor(this->context->get_executor(), net::use_future));
  queue.out.abort();
  ASSERT_TRUE(run_out(*this->context));
  this->check_thrown(ending, [&] { static_cast<void>(future.get()); });
}

TYPED_TEST(EveryOperation, can_be_awaited_with_and_without_exceptions) {
  auto queue = this->full_queue();
  const Ending ending{false, &queue};
  bool has_ended = false;
  spawn_coroutine(*this->context, has_ended, [&]() -> net::awaitable<void> {
    auto results = co_await TypeParam::start(queue, as_tuple(net::use_awaitable));
    std::apply([&](const auto&... all) { ending.check(all...); }, results);
    net_error_code error;
    try {
      static_cast<void>(co_await TypeParam::start(queue, net::use_awaitable));
    } catch (const net_system_error& thrown) {
      error = thrown.code();
    }
    ending.check(error);
  });
  run_ready(*this->context);
  EXPECT_FALSE(has_ended);
  queue.out.abort();
  ASSERT_TRUE(run_out(*this->context));
  EXPECT_TRUE(has_ended);
}

TYPED_TEST(EveryOperation, can_be_deferred) {
  auto queue = this->full_queue();
  auto later = TypeParam::start(queue, deferred);
  queue.out.abort();
  std::move(later)(this->handler({false, &queue}));
  EXPECT_EQ(this->calls, 0);
  ASSERT_TRUE(run_out(*this->context));
  EXPECT_EQ(this->calls, 1);
}

}  // namespace
}  // namespace bytes_handoff::test

// Every asynchronous operation of a queue and its tickets, under every kind of token, and with
// everything that a handler can have associated.

#include <array>
#include <cstddef>
#include <future>
#include <memory>
#include <memory_resource>
#include <tuple>
#include <utility>
#include <vector>

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
  static constexpr bool kRefuses = true;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_write(queue.slice, std::forward<Token>(token));
  }
};
struct WriteDetached {
  static constexpr bool kRefuses = true;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_write_detached(queue.slice, std::forward<Token>(token));
  }
};
struct WriteAll {
  static constexpr bool kRefuses = true;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_write_all({queue.slice}, std::forward<Token>(token));
  }
};
struct WriteAllDetached {
  static constexpr bool kRefuses = true;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_write_all_detached({queue.slice}, std::forward<Token>(token));
  }
};
struct Flush {
  static constexpr bool kRefuses = false;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_flush(std::forward<Token>(token));
  }
};
struct Close {
  static constexpr bool kRefuses = false;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_close(std::forward<Token>(token));
  }
};
struct Closed {
  static constexpr bool kRefuses = false;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.out.async_closed(std::forward<Token>(token));
  }
};
struct TicketWait {
  static constexpr bool kRefuses = false;
  template <class Token>
  static auto start(FullQueue& queue, Token&& token) {
    return queue.ticket.async_wait(std::forward<Token>(token));
  }
};

/// How an operation must end: taken back, or with the queue's abort; refused writes with the very
/// slice that was handed in.
struct Ending {
  bool cancelled;
  const std::byte* slice;

  template <class T>
  void check(const expected<T, WriteBackpressure>& result) const {
    ASSERT_FALSE(result.has_value());
    check_refusal(result.error());
    EXPECT_EQ(result.error().bytes.data(), slice);
  }
  template <class T>
  void check(const expected<T, WriteAllBackpressure>& result) const {
    ASSERT_FALSE(result.has_value());
    check_refusal(result.error());
    EXPECT_EQ(result.error().bytes.at(0).data(), slice);
  }
  void check(const net_error_code& error, std::size_t written = 0) const {
    EXPECT_EQ(error == net::error::operation_aborted, cancelled) << error.message();
    EXPECT_EQ(error == Errc::aborted, !cancelled) << error.message();
    EXPECT_EQ(written, 0U);
  }

 private:
  void check_refusal(const WriteRefusal& refusal) const {
    EXPECT_EQ(refusal.reason,
              cancelled ? WriteRefusalReason::cancelled : WriteRefusalReason::closed);
    EXPECT_EQ(refusal.error == Errc::aborted, !cancelled);
  }
};

template <class Operation>
class EveryOperation : public WriterFixture {
 protected:
  [[nodiscard]] FullQueue full_queue() {
    auto out = spawn_held(limits(1, 8));
    auto ticket = out.try_write(text("abc")).value();
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
using Operations = testing::Types<Write, WriteDetached, WriteAll, WriteAllDetached, Flush, Close,
                                  Closed, TicketWait>;
TYPED_TEST_SUITE(EveryOperation, Operations);

TYPED_TEST(EveryOperation, is_taken_back_by_every_type_of_cancellation) {
  for (const auto type : {net::cancellation_type::terminal, net::cancellation_type::partial,
                          net::cancellation_type::total, net::cancellation_type::all}) {
    auto queue = this->full_queue();
    net::cancellation_signal signal;
    TypeParam::start(queue, net::bind_cancellation_slot(signal.slot(),
                                                        this->handler({true, queue.slice.data()})));
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
  TypeParam::start(queue,
                   net::bind_executor(
                       other.get_executor(),
                       net::bind_allocator(allocator, this->handler({false, queue.slice.data()}))));
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
  const Ending ending{false, queue.slice.data()};
  auto future =
      TypeParam::start(queue, net::bind_executor(this->context->get_executor(), net::use_future));
  queue.out.abort();
  ASSERT_TRUE(run_out(*this->context));
  if constexpr (TypeParam::kRefuses) {
    ending.check(future.get());
  } else {
    this->check_thrown(ending, [&] { static_cast<void>(future.get()); });
  }
}

TYPED_TEST(EveryOperation, can_be_awaited_with_and_without_exceptions) {
  auto queue = this->full_queue();
  const Ending ending{false, queue.slice.data()};
  bool has_ended = false;
  spawn_coroutine(*this->context, has_ended, [&]() -> net::awaitable<void> {
    auto results = co_await TypeParam::start(queue, as_tuple(net::use_awaitable));
    std::apply([&](const auto&... all) { ending.check(all...); }, results);
    if constexpr (TypeParam::kRefuses) {
      ending.check(co_await TypeParam::start(queue, net::use_awaitable));
    } else {
      net_error_code error;
      try {
        static_cast<void>(co_await TypeParam::start(queue, net::use_awaitable));
      } catch (const net_system_error& thrown) {
        error = thrown.code();
      }
      ending.check(error);
    }
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
  std::move(later)(this->handler({false, queue.slice.data()}));
  EXPECT_EQ(this->calls, 0);
  ASSERT_TRUE(run_out(*this->context));
  EXPECT_EQ(this->calls, 1);
}

}  // namespace
}  // namespace bytes_handoff::test

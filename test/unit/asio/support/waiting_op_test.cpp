#include "bytes_handoff/asio/support/waiting_op.hpp"

#include <future>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "bytes_handoff/testing/duplex.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

/// The least that an operation needs to be.
struct PlainWait : detail::FlushWaiter {
  [[maybe_unused]] static constexpr const char* kName = "PlainWait";
  explicit PlainWait(int number) : number_(number) {}
  std::tuple<int> results() { return {number_}; }
  void cancel() noexcept { ++cancels; }

  inline static int cancels = 0;

 private:
  int number_;
};

using Executor = net::io_context::executor_type;
template <class Handler>
using PlainOp = detail::WaitingOp<PlainWait, Handler, Executor>;

template <class Handler>
typename PlainOp<Handler>::Pointer make_op(net::io_context& context, Handler handler) {
  return PlainOp<Handler>::make(std::move(handler), context.get_executor(), 7);
}

class WaitingOpTest : public testing::Test {
 protected:
  net::io_context context{1};
};

TEST_F(WaitingOpTest, keeps_its_executor_busy_until_its_handler_has_been_called) {
  int got = 0;
  auto* op = make_op(context, [&](int number) { got = number; }).release();
  context.poll();
  EXPECT_FALSE(context.stopped());
  op->resume(nullptr);
  EXPECT_EQ(got, 0) << "never from inside resume";
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(got, 7);
}

TEST_F(WaitingOpTest, is_destroyed_uninvoked_with_its_own_context_and_told_for_another) {
  net::io_context other(1);
  Sentinel destroyed;
  Sentinel told;
  make_op(context, destroyed.handler()).release()->resume(&context);
  make_op(context, told.handler()).release()->resume(&other);
  EXPECT_TRUE(destroyed.is_destroyed());
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(destroyed.calls(), 0U);
  EXPECT_EQ(told.calls(), 1U);
}

TEST_F(WaitingOpTest, that_was_posted_is_destroyed_with_its_context) {
  Sentinel posted;
  {
    net::io_context short_lived(1);
    make_op(short_lived, posted.handler()).release()->post();
  }
  EXPECT_TRUE(posted.is_destroyed());
  EXPECT_EQ(posted.calls(), 0U);
}

TEST_F(WaitingOpTest, gives_its_memory_back_even_if_the_handler_throws) {
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  make_op(context, net::bind_allocator(allocator, [](int) { throw std::runtime_error("user"); }))
      .release()
      ->post();
  EXPECT_THROW(context.run(), std::runtime_error);
  EXPECT_EQ(resource.blocks_out(), 0U);
  ASSERT_TRUE(run_out(context));
}

TEST_F(WaitingOpTest, whose_memory_cannot_be_had_destroys_the_handler_uninvoked) {
  CountingResource resource;
  resource.fail(true);
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  Sentinel never;
  EXPECT_THROW(static_cast<void>(make_op(context, net::bind_allocator(allocator, never.handler()))),
               std::bad_alloc);
  EXPECT_TRUE(never.is_destroyed());
  EXPECT_EQ(never.calls(), 0U);
}

TEST_F(WaitingOpTest, that_cannot_be_made_gives_its_memory_back_and_destroys_the_handler) {
  struct ThrowingWait : PlainWait {
    ThrowingWait() : PlainWait(0) { throw std::runtime_error("wait"); }
  };
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  Sentinel never;
  const auto make = [&](auto handler) {
    using Op = detail::WaitingOp<ThrowingWait, decltype(handler), Executor>;
    static_cast<void>(Op::make(std::move(handler), context.get_executor()));
  };
  EXPECT_THROW(make(net::bind_allocator(allocator, never.handler())), std::runtime_error);
  EXPECT_EQ(resource.allocations(), 1U);
  EXPECT_EQ(resource.blocks_out(), 0U);
  EXPECT_TRUE(never.is_destroyed());
}

TEST_F(WaitingOpTest, listens_to_its_slot_until_its_handlers_turn) {
  net::cancellation_signal signal;
  PlainWait::cancels = 0;
  auto op = make_op(context, net::bind_cancellation_slot(signal.slot(), [](int) {}));
  signal.emit(net::cancellation_type::none);
  EXPECT_EQ(PlainWait::cancels, 0);
  signal.emit(net::cancellation_type::partial);
  op.release()->post();
  signal.emit(net::cancellation_type::total);
  EXPECT_EQ(PlainWait::cancels, 2);
  ASSERT_TRUE(run_out(context));
  signal.emit(net::cancellation_type::total);
  EXPECT_EQ(PlainWait::cancels, 2);
}

TEST_F(WaitingOpTest, that_is_destroyed_leaves_its_slot_alone) {
  Sentinel never;
  auto signal = std::make_unique<net::cancellation_signal>();
  auto op = make_op(context, net::bind_cancellation_slot(signal->slot(), never.handler()));
  signal.reset();  // as when a context is destroyed last
  { const auto discarded = std::move(op); }
  EXPECT_TRUE(never.is_destroyed());
}

TEST_F(WaitingOpTest, that_is_destroyed_listens_to_nobody) {
  net::cancellation_signal signal;
  PlainWait::cancels = 0;
  auto op = make_op(context, net::bind_cancellation_slot(signal.slot(), [](int) {}));
  { const auto discarded = std::move(op); }
  signal.emit(net::cancellation_type::total);
  EXPECT_EQ(PlainWait::cancels, 0);
}

/// Executors of every kind that a handler may be bound to.
class WaitingOn : public WriterFixture {
 protected:
  template <class OtherExecutor>
  void expect_told_on(const OtherExecutor& executor) {
    auto out = spawn_held(limits(1, 10));
    auto ticket = try_send(out, "a").value();
    std::promise<void> waited;
    std::promise<void> at_once;
    ticket.async_wait(net::bind_executor(executor, [&](net_error_code, std::size_t n) {
      waited.set_value();
      EXPECT_EQ(n, 1U);
    }));
    Bytes refused = text("too long for this");
    out.async_write(refused, net::bind_executor(executor, [&](auto&&...) { at_once.set_value(); }));
    run_ready(*context);
    stream_takes(1);
    run_ready(*context);
    EXPECT_EQ(waited.get_future().wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(at_once.get_future().wait_for(kPatience), std::future_status::ready);
  }
};

TEST_F(WaitingOn, a_thread_pool) {
  net::thread_pool pool(2);
  expect_told_on(pool.get_executor());
  pool.join();
}

TEST_F(WaitingOn, the_system_executor) { expect_told_on(net::system_executor()); }

TEST_F(WaitingOn, an_any_io_executor) {
  expect_told_on(net::any_io_executor(context->get_executor()));
}

TEST_F(WaitingOn, a_strand) { expect_told_on(net::make_strand(context->get_executor())); }

TEST_F(WaitingOn, a_strand_of_the_older_kind) { expect_told_on(net::io_context::strand(*context)); }

}  // namespace
}  // namespace bytes_handoff::test

// Operations that are over when they are started, with an immediate executor; where Asio has it.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <span>
#include <stdexcept>
#include <utility>

#include "bytes_handoff/adaptors/copying_write_stream.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/coroutine.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/queue/immediate_fixture.hpp"

namespace bytes_handoff::test {
namespace {

#if defined(BYTES_HANDOFF_HAS_IMMEDIATE_EXECUTOR)

struct Plain {
  void operator()(net_error_code, std::size_t) const {}
};
template <class Executor>
using BoundTo = decltype(net::bind_immediate_executor(std::declval<Executor>(), Plain()));
static_assert(!detail::kHasImmediateExecutor<Plain>);
static_assert(detail::kHasImmediateExecutor<BoundTo<net::system_executor>>);
static_assert(detail::kHasImmediateExecutor<BoundTo<net::any_io_executor>>);
static_assert(detail::kHasImmediateExecutor<BoundTo<net::io_context::executor_type>>);
static_assert(!detail::kHasImmediateExecutor<
              decltype(net::bind_executor(std::declval<net::any_io_executor>(), Plain()))>);
static_assert(
    detail::kHasImmediateExecutor<decltype(net::bind_executor(
        std::declval<net::any_io_executor>(), std::declval<BoundTo<net::system_executor>>()))>);
static_assert(
    !detail::kHasImmediateExecutor<net::any_completion_handler<void(net_error_code, std::size_t)>>);

TEST_F(WithImmediateExecutor, a_write_that_is_admitted_is_told_inside_the_call) {
  auto out = spawn_held();
  WriteOutcome one;
  out.async_write(one.from("one"), at_once(one.handler()));
  EXPECT_TRUE(one.was_admitted());
  EXPECT_TRUE(one.bytes().empty());
  std::array slices{text("t"), text("wo")};
  WriteOutcome several;
  out.async_write(slices, at_once(several.handler()));
  EXPECT_TRUE(several.was_admitted());
  EXPECT_EQ(out.pending_bytes(), 6U);
}

TEST_F(WithImmediateExecutor, a_burst_that_is_admitted_is_told_inside_the_call) {
  auto out = spawn_held(limits(4, 8));
  std::array slices{text("on"), text("e")};
  CountOutcome sent;
  out.async_send(slices, at_once(sent.handler()));
  sent.expect({}, 2);
  std::array more{text("t"), text("wo")};
  CountOutcome cut;
  out.async_send(more, may_cut, at_once(cut.handler()));
  cut.expect({}, 2);
  EXPECT_EQ(out.pending_bytes(), 6U);
  std::array late{text("three")};
  CountOutcome waiting;
  out.async_send(late, at_once(waiting.handler()));
  EXPECT_FALSE(waiting.has_come());
  out.abort();
  EXPECT_FALSE(waiting.has_come()) << "what has waited is posted";
  run_ready(*context);
  waiting.expect(Errc::closed, 0);
}

TEST_F(WithImmediateExecutor, a_reservation_that_has_room_is_told_inside_the_call) {
  auto out = spawn_held(limits(1, 4));
  WritePermit permit;
  out.async_reserve(4, at_once([&](net_error_code error, WritePermit given) {
                      EXPECT_FALSE(error) << error.message();
                      permit = std::move(given);
                    }));
  ASSERT_TRUE(permit.valid());
  EXPECT_FALSE(try_send(out, "b"));
  Bytes bytes = text("abcd");
  EXPECT_TRUE(permit.commit(bytes));
}

/// Loses what it is given, as an executor whose context is destroyed.
struct LosingExecutor {
  friend bool operator==(const LosingExecutor&, const LosingExecutor&) noexcept = default;
  template <class Function>
  void execute(Function&& /*lost*/) const noexcept {}
};

TEST_F(WithImmediateExecutor, that_loses_the_handler_of_a_reservation_gives_its_room_back) {
  auto out = spawn_held(limits(1, 4));
  Sentinel lost;
  out.async_reserve(4, net::bind_immediate_executor(LosingExecutor(), lost.handler()));
  EXPECT_TRUE(lost.is_destroyed());
  EXPECT_EQ(lost.calls(), 0U);
  EXPECT_TRUE(try_send(out, "room"));
}

TEST_F(WithImmediateExecutor, that_loses_the_handler_of_what_is_unwritten_loses_no_bytes) {
  auto out = spawn_held();
  EXPECT_TRUE(try_send(out, "kept"));
  out.abort();
  run_ready(*context);
  Sentinel lost;
  out.async_unwritten(net::bind_immediate_executor(LosingExecutor(), lost.handler()));
  EXPECT_TRUE(lost.is_destroyed());
  EXPECT_EQ(lost.calls(), 0U);
  std::size_t entries = 0;
  out.async_unwritten(at_once([&](net_error_code error, const UnwrittenEntries& unwritten) {
    EXPECT_FALSE(error) << error.message();
    entries = unwritten.entries.size();
  }));
  EXPECT_EQ(entries, 1U);
}

TEST_F(WithImmediateExecutor, a_write_that_waits_is_told_by_a_post) {
  auto out = spawn_held(limits(1, 4));
  EXPECT_TRUE(try_send(out, "full"));
  WriteOutcome waiting;
  out.async_write(waiting.from("late"), at_once(waiting.handler()));
  run_ready(*context);
  EXPECT_FALSE(waiting.has_come());
  script->complete({}, 4);
  context->restart();
  context->run_one();  // the writer's handler
  EXPECT_FALSE(waiting.has_come());
  run_ready(*context);
  EXPECT_TRUE(waiting.was_admitted());
}

TEST_F(WithImmediateExecutor, a_refusal_is_told_inside_the_call) {
  auto out = spawn(limits(1, 4));
  WriteOutcome refused;
  Bytes& bytes = refused.from("too long");
  out.async_write(bytes, at_once(refused.handler()));
  EXPECT_EQ(refused.error(), Errc::can_never_fit);
  EXPECT_EQ(bytes.view(), "too long");
}

TEST_F(WithImmediateExecutor, every_wait_that_is_over_is_told_inside_the_call) {
  auto out = spawn();
  auto ticket = try_send(out, "abc").value();
  run_ready(*context);
  CountOutcome written;
  ticket.async_wait(at_once(written.handler()));
  written.expect({}, 3);
  Outcome<net_error_code> flushed;
  out.async_flush(at_once(flushed.handler()));
  EXPECT_FALSE(flushed.get());
  CopyingWriteStream stream(out);
  CountOutcome copied;
  stream.async_write_some(net::buffer("copy", 4), at_once(copied.handler()));
  copied.expect({}, 4);
  CountOutcome empty;
  stream.async_write_some(net::const_buffer(), at_once(empty.handler()));
  empty.expect({}, 0);
  out.abort();
  run_ready(*context);
  Outcome<net_error_code> closed;
  out.async_closed(at_once(closed.handler()));
  EXPECT_EQ(closed.get(), Errc::aborted);
  Outcome<net_error_code> close;
  out.async_close(at_once(close.handler()));
  EXPECT_EQ(close.get(), Errc::aborted);
  std::size_t entries = 0;
  out.async_unwritten(at_once([&](net_error_code error, const UnwrittenEntries& unwritten) {
    EXPECT_FALSE(error) << error.message();
    entries = unwritten.entries.size();
  }));
  EXPECT_EQ(entries, 1U) << "the copy was not written";
}

TEST_F(WithImmediateExecutor, a_handler_that_has_none_is_posted) {
  auto out = spawn_held();
  WriteOutcome outcome;
  out.async_write(outcome.from("one"), outcome.handler());
  EXPECT_FALSE(outcome.has_come());
  run_ready(*context);
  EXPECT_TRUE(outcome.was_admitted());
}

TEST_F(WithImmediateExecutor, a_handler_that_is_bound_to_an_executor_runs_there) {
  auto out = spawn_held();
  net::io_context own(1);
  WriteOutcome outside;
  out.async_write(outside.from("one"), at_once(net::bind_executor(own, outside.handler())));
  EXPECT_FALSE(outside.has_come()) << "it runs off its executor";
  run_ready(own);
  EXPECT_TRUE(outside.was_admitted());
  WriteOutcome inside;
  net::post(own, [&] {
    out.async_write(inside.from("two"), at_once(net::bind_executor(own, inside.handler())));
    EXPECT_TRUE(inside.has_come()) << "it costs a pass";
  });
  run_ready(own);
  // On the executor of the stream, too.
  WriteOutcome beside;
  net::post(*context, [&] {
    out.async_write(beside.from("three"),
                    at_once(net::bind_executor(out.get_executor(), beside.handler())));
    EXPECT_TRUE(beside.has_come()) << "it costs a pass";
  });
  run_ready(*context);
  EXPECT_TRUE(beside.was_admitted());
}

TEST_F(WithImmediateExecutor, that_is_a_queue_the_handler_is_queued_there) {
  auto out = spawn_held();
  net::io_context other(1);
  WriteOutcome outcome;
  out.async_write(outcome.from("one"),
                  net::bind_immediate_executor(other.get_executor(), outcome.handler()));
  EXPECT_FALSE(outcome.has_come());
  run_ready(other);
  EXPECT_TRUE(outcome.was_admitted());
}

TEST_F(WithImmediateExecutor, the_handler_may_start_the_next_and_throw) {
  auto out = spawn_held();
  WriteOutcome next;
  Bytes first = text("one");
  net::post(*context, [&] {
    out.async_write(first, net::bind_immediate_executor(
                               context->get_executor(), [&](net_error_code, const WriteTicket&) {
                                 out.async_write(next.from("two"), at_once(next.handler()));
                                 throw std::runtime_error("user");
                               }));
  });
  EXPECT_THROW(run_ready(*context), std::runtime_error);
  EXPECT_TRUE(next.was_admitted());
  context.reset();  // nothing is held
}

TEST_F(WithImmediateExecutor, the_memory_of_the_operation_is_free_before_its_handler_runs) {
  CountingResource resource;
  const std::pmr::polymorphic_allocator<std::byte> allocator(&resource);
  auto out = spawn_held();
  Bytes bytes = text("abc");
  out.async_write(bytes, net::bind_allocator(allocator, at_once([&](auto&&...) {
                                               EXPECT_EQ(resource.blocks_out(), 0U);
                                             })));
  EXPECT_EQ(resource.allocations(), 1U);
}

TEST_F(WithImmediateExecutor, a_cancellation_comes_too_late) {
  auto out = spawn_held();
  net::cancellation_signal signal;
  WriteOutcome outcome;
  out.async_write(outcome.from("abc"),
                  at_once(net::bind_cancellation_slot(signal.slot(), outcome.handler())));
  signal.emit(net::cancellation_type::all);
  EXPECT_TRUE(outcome.was_admitted());
  EXPECT_EQ(out.pending_bytes(), 3U);
}

TEST_F(WithImmediateExecutor, a_coroutine_goes_on_without_a_turn_a_write) {
  auto out = spawn_held(limits(256, 256));
  bool has_ended = false;
  spawn_coroutine(*context, has_ended, [&]() -> net::awaitable<void> {
    for (int i = 0; i < 256; ++i) {
      Bytes bytes = text("b");
      co_await out.async_write(bytes, at_once(net::use_awaitable));
    }
  });
  context->restart();
  EXPECT_LE(context->poll(), 256U / 16 + 5);
  EXPECT_EQ(out.pending_bytes(), 256U);
  EXPECT_TRUE(has_ended);
}

/// Starts the next write, or the next wait, inside of its handler.
class Chain {
 public:
  Chain(WriteHandoff& out, WriteTicket ticket) : out_(&out), ticket_(std::move(ticket)) {}

  void go_on() {
    if (++calls_ == 1000) {
      return;
    }
    auto next = [this](auto&&...) {
      most_ = std::max(most_, ++depth_);
      go_on();
      --depth_;
    };
    if (calls_ % 2 == 0) {
      ticket_.async_wait(net::bind_immediate_executor(kInline, next));
    } else {
      bytes_ = text("b");
      out_->async_write(std::span(&bytes_, 1), net::bind_immediate_executor(kInline, next));
    }
  }
  [[nodiscard]] int calls() const { return calls_; }
  [[nodiscard]] unsigned most() const { return most_; }

 private:
  WriteHandoff* out_;
  WriteTicket ticket_;
  Bytes bytes_;
  int calls_ = 0;
  unsigned depth_ = 0;
  unsigned most_ = 0;
};

TEST_F(WithImmediateExecutor, handlers_that_start_the_next_nest_only_so_deep) {
  WriteHandoff out(EagerStream(context->get_executor(), script));
  auto written = try_send(out, "abc").value();
  run_ready(*context);
  Chain chain(out, std::move(written));
  net::post(*context, [&] { chain.go_on(); });
  ASSERT_TRUE(run_out(*context));
  EXPECT_EQ(chain.calls(), 1000);
  EXPECT_GE(chain.most(), 16U);
  EXPECT_LE(chain.most(), 17U) << "one is posted, and nests the others";
}

#endif

}  // namespace
}  // namespace bytes_handoff::test

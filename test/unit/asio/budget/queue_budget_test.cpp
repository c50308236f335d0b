#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/testing/manual_clock.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/queue/probes.hpp"
#include "support/run_for.hpp"
#include "support/streams/socket_pairs.hpp"
#include "support/streams/test_streams.hpp"

namespace bytes_handoff::test {
namespace {

using namespace std::chrono_literals;
using QueueEnd = DuplexPair::Stream;

constexpr std::size_t kSeatFloor = 1000;
constexpr std::size_t kMost = 100 * kSeatFloor;

/// The result of an `async_write`.
struct WriteEnd {
  [[nodiscard]] auto handler() {
    return [this](const net_error_code& code, const WriteTicket&) { error = code; };
  }
  [[nodiscard]] bool has_come() const { return error.has_value(); }
  std::optional<net_error_code> error;
};

/// Queues in one budget; a peer reads only what the test reads.
class QueueBudget : public testing::Test {
 protected:
  struct Connection {
    QueueEnd peer;
    WriteHandoff out;
  };

  void open(std::chrono::nanoseconds shed_after, ShedRank rank = {}) {
    budget = MemoryBudget({.limit = kMost,
                           .high_mark = kMost / 2,
                           .floor = kSeatFloor,
                           .shed_after = shed_after,
                           .shed_rank = std::move(rank)});
  }
  Connection connect(std::uint64_t tag = 0) {
    auto [near, far] = make_duplex(context.get_executor(), 16);  // its peer reads, or it is stuck
    return {std::move(far),
            WriteHandoff(std::move(near), {.memory_budget = budget, .budget_tag = tag})};
  }
  [[nodiscard]] static Bytes bytes_of(std::size_t n) { return Bytes::copy_of(std::string(n, 'x')); }
  /// Admits as much as that, and starts to write it.
  void fill(const Connection& connection, std::size_t n) {
    Bytes bytes = bytes_of(n);
    ASSERT_TRUE(connection.out.try_write(bytes));
    run_ready(context);
  }
  void read_all(Connection& connection, std::size_t n) {
    std::string text(n, '\0');
    net::async_read(connection.peer, net::buffer(text), [](const net_error_code&, std::size_t) {});
    run_ready(context);
  }

  net::io_context context{1};
  MemoryBudget budget;
};

TEST_F(QueueBudget, refuses_what_would_exceed_it_and_tells_why) {
  open(0s);
  const Connection a = connect();
  const Connection b = connect();
  fill(a, kMost - 2 * kSeatFloor);
  Bytes bytes = bytes_of(2001 + kSeatFloor);
  const auto refused = b.out.try_write(bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, WriteRefusalReason::memory_exhausted);
  EXPECT_EQ(bytes.size(), 2001 + kSeatFloor);
  EXPECT_EQ(budget.statistics().charged_bytes, kMost - kSeatFloor);
}

TEST_F(QueueBudget, a_waiting_write_comes_in_when_another_queue_has_written) {
  open(0s);
  Connection a = connect();
  const Connection b = connect();
  fill(a, kMost - 2 * kSeatFloor);
  Bytes bytes = bytes_of(50'000);
  WriteEnd end;
  b.out.async_write(bytes, end.handler());
  run_ready(context);
  EXPECT_FALSE(end.has_come());
  EXPECT_EQ(budget.statistics().waiters, 1U);
  read_all(a, kMost - 2 * kSeatFloor);
  ASSERT_TRUE(end.has_come());
  EXPECT_FALSE(*end.error);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(budget.statistics().waiters, 0U);
}

TEST_F(QueueBudget, what_can_never_fit_is_refused_at_once) {
  open(0s);
  const Connection a = connect();
  Bytes bytes = bytes_of(kMost + 1);
  WriteEnd end;
  a.out.async_write(bytes, end.handler());
  run_ready(context);
  ASSERT_TRUE(end.has_come());
  EXPECT_EQ(*end.error, Errc::memory_exhausted);
}

TEST_F(QueueBudget, a_cancelled_wait_leaves_the_budget_as_it_was) {
  open(0s);
  const Connection a = connect();
  const Connection b = connect();
  fill(a, kMost - 2 * kSeatFloor);
  const std::size_t charged = budget.statistics().charged_bytes;
  Bytes bytes = bytes_of(50'000);
  net::cancellation_signal signal;
  WriteEnd end;
  b.out.async_write(bytes, net::bind_cancellation_slot(signal.slot(), end.handler()));
  signal.emit(net::cancellation_type::total);
  run_ready(context);
  ASSERT_TRUE(end.has_come());
  EXPECT_EQ(*end.error, net::error::operation_aborted);
  EXPECT_EQ(bytes.size(), 50'000U);
  EXPECT_EQ(budget.statistics().charged_bytes, charged);
  EXPECT_EQ(budget.statistics().waiters, 0U);
}

TEST_F(QueueBudget, a_queue_whose_floor_does_not_fit_is_refused) {
  budget = MemoryBudget({.limit = 2 * kSeatFloor, .floor = kSeatFloor});
  std::optional<Connection> a(connect());
  const Connection b = connect();
  try {
    const Connection c = connect();
    FAIL() << "it was made";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), Errc::memory_exhausted);
  }
  a.reset();
  ASSERT_TRUE(run_out(context));
  EXPECT_NO_THROW(connect());
}

TEST_F(QueueBudget, a_stream_whose_queue_could_not_be_made_stays_with_the_caller) {
  budget = MemoryBudget({.limit = kSeatFloor, .floor = kSeatFloor});
  std::optional<Connection> other(connect());
  auto [near, far] = make_duplex(context.get_executor(), 16);
  EXPECT_THROW(WriteHandoff(std::move(near), {.memory_budget = budget}), std::system_error);
  other.reset();
  ASSERT_TRUE(run_out(context));
  const WriteHandoff out(std::move(near), {.memory_budget = budget});
  Bytes bytes = bytes_of(7);
  ASSERT_TRUE(out.try_write(bytes));
  out.close();
  ASSERT_TRUE(run_out(context));
  std::string got(7, ' ');
  EXPECT_EQ(net::read(far, net::buffer(got)), got.size());
}

/// A stream that moves, and cannot be assigned.
class OnceMovedStream {
 public:
  using executor_type = net::io_context::executor_type;
  OnceMovedStream(net::io_context& context, bool& was_reset) noexcept
      : context_(&context), was_reset_(was_reset) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return context_->get_executor(); }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    net::post(*context_,
              [n = net::buffer_size(buffers), handler = std::forward<Handler>(handler)]() mutable {
                std::move(handler)(net_error_code(), n);
              });
  }
  friend void end_write(OnceMovedStream& /*stream*/, net_error_code& /*error*/) noexcept {}
  friend void reset_connection(OnceMovedStream& stream) noexcept { stream.was_reset_ = true; }

 private:
  net::io_context* context_;
  bool& was_reset_;
};

TEST_F(QueueBudget, one_that_cannot_be_assigned_is_reset_then) {
  budget = MemoryBudget({.limit = kSeatFloor, .floor = kSeatFloor});
  const Connection other = connect();
  bool was_reset = false;
  OnceMovedStream stream(context, was_reset);
  EXPECT_THROW(WriteHandoff(std::move(stream), {.memory_budget = budget}), std::system_error);
  EXPECT_TRUE(was_reset);
}

TEST_F(QueueBudget, sheds_who_is_stuck_and_lets_the_others_in) {
  open(2ms);
  Connection stuck = connect();
  Connection alive = connect();
  fill(stuck, 90'000);
  Bytes bytes = bytes_of(60'000);
  WriteEnd end;
  alive.out.async_write(bytes, end.handler());
  ASSERT_TRUE(run_until(context, [&] { return end.has_come(); }));
  EXPECT_FALSE(*end.error);
  EXPECT_EQ(stuck.out.first_error(), Errc::shed);
  EXPECT_TRUE(alive.out.is_open());
  EXPECT_EQ(budget.statistics().shed_queues, 1U);
  EXPECT_GE(budget.statistics().shed_bytes, 90'000U);
  Bytes late = bytes_of(1);
  const auto refused = stuck.out.try_write(late);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().first_error, Errc::shed);
}

TEST_F(QueueBudget, what_a_shed_queue_has_not_written_is_dropped_unless_somebody_waits_for_it) {
  open(2ms);
  const Connection stuck = connect();
  const Connection waited_for = connect();
  Bytes piece = bytes_of(20'000);
  ASSERT_TRUE(waited_for.out.try_write(piece));
  std::size_t given = 0;
  waited_for.out.async_unwritten([&](const net_error_code&, const UnwrittenEntries& unwritten) {
    given = unwritten.entries.size();
  });
  fill(stuck, 70'000);
  budget.shed(kMost - 2 * kSeatFloor);
  ASSERT_TRUE(run_until(context, [&] { return budget.statistics().shed_queues == 2; }));
  ASSERT_TRUE(run_out(context));
  EXPECT_EQ(given, 1U);
  EXPECT_EQ(budget.statistics().charged_bytes, 2 * kSeatFloor);  // the handles are still there
}

TEST_F(QueueBudget, leaves_alone_who_reads) {
  open(20ms);
  Connection slow = connect();
  Connection stuck = connect();
  fill(slow, 40'000);
  fill(stuck, 50'000);
  std::string byte(1, '\0');
  std::function<void()> read_one = [&] {
    net::async_read(slow.peer, net::buffer(byte),
                    [&](const net_error_code& error, std::size_t) { error ? void() : read_one(); });
  };
  read_one();
  ASSERT_TRUE(run_until(context, [&] { return stuck.out.first_error() == Errc::shed; }));
  EXPECT_TRUE(slow.out.is_open());
  slow.peer.close();
  slow.out.abort();
  ASSERT_TRUE(run_out(context));
}

TEST_F(QueueBudget, a_policy_of_the_users_own_picks) {
  open(2ms, [](const ShedCandidate& each) { return each.tag; });
  const Connection large = connect(1);
  const Connection small = connect(2);
  fill(large, 55'000);
  fill(small, 30'000);
  Bytes bytes = bytes_of(20'000);
  const Connection third = connect(0);  // is spared
  WriteEnd end;
  third.out.async_write(bytes, end.handler());
  ASSERT_TRUE(run_until(context, [&] { return small.out.first_error() == Errc::shed; }));
  ASSERT_TRUE(run_until(context, [&] { return large.out.first_error() == Errc::shed; }));
  ASSERT_TRUE(run_until(context, [&] { return end.has_come(); }));
  EXPECT_TRUE(third.out.is_open());
}

TEST_F(QueueBudget, a_context_that_goes_takes_its_waiters_and_its_memory_along) {
  open(2ms);
  const Connection alive = connect();
  fill(alive, 50'000);
  Sentinel write;
  Bytes bytes = bytes_of(90'000);
  {
    net::io_context other{1};
    auto [near, far] = make_duplex(other.get_executor(), 16);
    const WriteHandoff out(std::move(near), {.memory_budget = budget});
    out.async_write(bytes, net::bind_executor(other.get_executor(), write.handler()));
    EXPECT_EQ(budget.statistics().waiters, 1U);
  }
  EXPECT_TRUE(write.is_destroyed());
  EXPECT_EQ(write.calls(), 0U);
  EXPECT_EQ(budget.statistics().waiters, 0U);
  EXPECT_EQ(budget.statistics().floor_bytes, kSeatFloor);
}

TEST_F(QueueBudget, a_grant_that_a_context_takes_along_goes_back) {
  open(0s);
  const Connection rich = connect();
  fill(rich, 70'000);
  auto script = std::make_shared<StreamScript>();
  Bytes bytes = bytes_of(60'000);
  {
    net::io_context other{1};
    const WriteHandoff out(IoStream(other.get_executor(), script), {.memory_budget = budget});
    out.async_write(bytes, net::bind_executor(other.get_executor(),
                                              [](const net_error_code&, const WriteTicket&) {}));
    rich.out.abort();
    run_ready(context);
    rich.out.async_unwritten([](const net_error_code&, const UnwrittenEntries&) {});
    run_ready(context);
    EXPECT_EQ(budget.statistics().waiters, 0U);  // it has the grant, and will not run
    EXPECT_GE(budget.statistics().charged_bytes, 60'000U);
  }
  EXPECT_FALSE(script->is_alive);
  EXPECT_EQ(budget.statistics().charged_bytes, kSeatFloor);
  EXPECT_EQ(budget.statistics().floor_bytes, kSeatFloor);
}

TEST_F(QueueBudget, another_queue_watches_when_a_context_goes) {
  open(2ms);
  std::optional<net::io_context> other(std::in_place, 1);
  auto [near, far] = make_duplex(other->get_executor(), 16);
  std::optional<WriteHandoff> out(std::in_place, std::move(near),
                                  WriteHandoffConfig{.memory_budget = budget});
  Bytes first = bytes_of(2'000);
  ASSERT_TRUE(out->try_write(first));
  const Connection stuck = connect();
  fill(stuck, 60'000);  // above the mark: the first one is asked to watch, and never does
  out.reset();
  other.reset();
  ASSERT_TRUE(run_until(context, [&] { return stuck.out.first_error() == Errc::shed; }));
}

TEST_F(QueueBudget, reads_above_the_mark_have_queues_shed) {
  open(2ms);
  const Connection stuck = connect();
  fill(stuck, 45'000);  // below the mark
  auto ends = UnixPair::make(context);
  HandoffBuffer buffer({.read_reserve = 16'384, .block_size = 16'384, .memory_budget = budget});
  net::write(ends.second, net::buffer("abc", 3));
  std::size_t read = 0;
  buffer.async_read_available(ends.first, [&](const net_error_code&, std::size_t n) { read = n; });
  ASSERT_TRUE(run_until(context, [&] { return read != 0; }));
  EXPECT_EQ(budget.statistics().waits, 0U);
  ASSERT_TRUE(run_until(context, [&] { return stuck.out.first_error() == Errc::shed; }));
}

TEST_F(QueueBudget, a_queue_that_had_ended_keeps_what_was_not_written) {
  open(2ms);
  const Connection stuck = connect();
  fill(stuck, 60'000);
  bool is_asked = false;
  ASSERT_TRUE(run_until(context, [&] {
    is_asked = budget.statistics().shed_queues == 1;
    if (is_asked && !stuck.out.first_error()) {
      stuck.out.abort();  // before it is ended for its memory
    }
    return is_asked;
  }));
  ASSERT_TRUE(run_out(context));
  std::size_t given = 0;
  stuck.out.async_unwritten([&](const net_error_code&, const UnwrittenEntries& unwritten) {
    given = unwritten.entries.size();
  });
  run_ready(context);
  EXPECT_EQ(stuck.out.first_error(), Errc::aborted);
  EXPECT_EQ(given, 1U);
}

TEST_F(QueueBudget, sheds_by_the_time_of_the_executor) {
  open(10min);
  ManualClock clock;
  auto [near, far] = make_duplex(clock.executor(context), 16);
  const WriteHandoff stuck(std::move(near), {.memory_budget = budget});
  Bytes bytes = bytes_of(60'000);
  ASSERT_TRUE(stuck.try_write(bytes));
  run_ready(context);
  const auto begin = clock.now();
  while (!stuck.first_error()) {
    const auto next = clock.next_wait();
    ASSERT_TRUE(next) << "nothing is armed";
    budget.shed(kMost - kSeatFloor);  // looks by the same time
    run_ready(context);
    ASSERT_FALSE(stuck.first_error());
    clock.advance(*next);
    run_ready(context);
  }
  EXPECT_EQ(stuck.first_error(), Errc::shed);
  EXPECT_EQ(clock.now() - begin, 10min);
}

TEST_F(QueueBudget, sheds_what_it_is_asked_for_below_the_mark) {
  open(2ms);
  const Connection stuck = connect();
  fill(stuck, 20'000);
  budget.shed(kMost - kSeatFloor);
  ASSERT_TRUE(run_until(context, [&] { return stuck.out.first_error() == Errc::shed; }));
}

TEST_F(QueueBudget, an_open_queue_with_nothing_to_write_keeps_no_context_running) {
  open(10s);
  Connection a = connect();
  fill(a, 60'000);
  EXPECT_GT(budget.statistics().charged_bytes, kMost / 2);
  read_all(a, 60'000);
  a.out.close();
  a.peer.close();
  ASSERT_TRUE(run_out(context));
}

}  // namespace
}  // namespace bytes_handoff::test

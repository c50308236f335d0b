#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/memory/block.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/relay.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/relay_outcome.hpp"
#include "support/sampled_types.hpp"
#include "support/streams/socket_pairs.hpp"

namespace bytes_handoff::test {
namespace {

constexpr std::size_t kReadBlock = 4096;
const std::size_t kReadCost = detail::Block::cost(kReadBlock, nullptr);

/// Buffers without floors, and a budget of two blocks, of which a rival has one.
template <class Pair>
class ReadInBudget : public testing::Test {
 protected:
  ReadInBudget() { take_rest(); }

  [[nodiscard]] HandoffBufferConfig config() const {
    return {.read_reserve = kReadBlock, .block_size = kReadBlock, .memory_budget = budget};
  }
  // All that is free.
  void take_rest() {
    for (auto* each : {&rival, &other}) {
      BytesMut tail = BytesMut::with_capacity(kReadBlock);
      tail.extend("taken");
      each->emplace(std::move(*HandoffBuffer::from_tail(tail, config())));
    }
  }
  void free_some() { rival.reset(); }

  typename Pair::Stream& near() { return ends.first; }
  void write(std::string_view text) { net::write(ends.second, net::buffer(text)); }

  MemoryBudget budget{{.limit = 2 * kReadCost, .high_mark = 2 * kReadCost, .floor = 0}};
  std::optional<HandoffBuffer> rival;
  std::optional<HandoffBuffer> other;
  net::io_context context{1};
  std::pair<typename Pair::Stream, typename Pair::Stream> ends = Pair::make(context);
  HandoffBuffer buffer{config()};
};
using BudgetPairs = SampledTypes<TcpPair, UnixPair, DuplexPair>;
TYPED_TEST_SUITE(ReadInBudget, BudgetPairs);

TYPED_TEST(ReadInBudget, waits_for_memory_as_for_bytes) {
  this->write("abc");
  CountOutcome read;
  this->buffer.async_read_available(this->near(), read.handler());
  run_ready(this->context);
  EXPECT_FALSE(read.has_come());
  EXPECT_EQ(this->budget.statistics().waiters, 1U);
  EXPECT_EQ(this->budget.statistics().waiting_bytes, kReadCost);
  this->free_some();
  ASSERT_TRUE(run_until(this->context, [&] { return read.has_come(); }));
  read.expect({}, 3);
  EXPECT_EQ(this->buffer.peek_view(), "abc");
  EXPECT_EQ(this->budget.statistics().charged_bytes, 2 * kReadCost);
}

TYPED_TEST(ReadInBudget, is_cancelled_without_a_loss) {
  this->write("abc");
  net::cancellation_signal signal;
  CountOutcome read;
  this->buffer.async_read_available(this->near(),
                                    net::bind_cancellation_slot(signal.slot(), read.handler()));
  run_ready(this->context);
  signal.emit(net::cancellation_type::total);
  ASSERT_TRUE(run_until(this->context, [&] { return read.has_come(); }));
  read.expect(net::error::operation_aborted, 0);
  EXPECT_EQ(this->budget.statistics().waiters, 0U);
  this->free_some();
  EXPECT_EQ(this->budget.statistics().charged_bytes, kReadCost);
  CountOutcome again;
  this->buffer.async_read_available(this->near(), again.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return again.has_come(); }));
  again.expect({}, 3);
}

TYPED_TEST(ReadInBudget, a_cancelled_wait_lets_in_who_comes_behind_before_its_handler_runs) {
  HandoffBuffer large({.read_reserve = 2 * kReadBlock,
                       .block_size = 2 * kReadBlock,
                       .memory_budget = this->budget});
  auto large_ends = TypeParam::make(this->context);
  net::write(large_ends.second, net::buffer("de", 2));
  this->write("abc");
  net::cancellation_signal signal;
  CountOutcome first;
  large.async_read_available(large_ends.first,
                             net::bind_cancellation_slot(signal.slot(), first.handler()));
  run_ready(this->context);
  CountOutcome second;
  this->buffer.async_read_available(this->near(), second.handler());
  run_ready(this->context);
  this->free_some();  // enough for the second one alone
  EXPECT_EQ(this->budget.statistics().waiters, 2U);
  signal.emit(net::cancellation_type::total);
  EXPECT_EQ(this->budget.statistics().waiters, 0U);
  EXPECT_FALSE(first.has_come());
  ASSERT_TRUE(run_until(this->context, [&] { return first.has_come() && second.has_come(); }));
  first.expect(net::error::operation_aborted, 0);
  second.expect({}, 3);
}

TYPED_TEST(ReadInBudget, a_cancellation_behind_the_grant_gives_it_back) {
  this->write("abc");
  net::cancellation_signal signal;
  CountOutcome read;
  this->buffer.async_read_available(this->near(),
                                    net::bind_cancellation_slot(signal.slot(), read.handler()));
  run_ready(this->context);
  this->free_some();  // granted; the read has not run yet
  signal.emit(net::cancellation_type::total);
  ASSERT_TRUE(run_until(this->context, [&] { return read.has_come(); }));
  if (read.error()) {
    read.expect(net::error::operation_aborted, 0);
    EXPECT_EQ(this->budget.statistics().charged_bytes, kReadCost);
  } else {
    read.expect({}, 3);
  }
}

/// What a read needs, owned by its handler.
template <class Pair>
struct OwnedRead {
  OwnedRead(net::io_context& context, const HandoffBufferConfig& config)
      : ends(Pair::make(context)), into(config) {
    net::write(ends.second, net::buffer("x", 1));
  }

  std::pair<typename Pair::Stream, typename Pair::Stream> ends;
  HandoffBuffer into;
};

TYPED_TEST(ReadInBudget, goes_with_its_context_and_leaves_the_line) {
  Sentinel read;
  this->write("abc");
  std::optional<net::io_context> gone(std::in_place, 1);
  auto owned = std::make_shared<OwnedRead<TypeParam>>(*gone, this->config());
  const std::weak_ptr<OwnedRead<TypeParam>> left = owned;
  OwnedRead<TypeParam>& of_read = *owned;
  of_read.into.async_read_available(
      of_read.ends.first,
      net::bind_executor(gone->get_executor(),
                         [owned = std::move(owned), handler = read.handler()](
                             const net_error_code& error, std::size_t n) { handler(error, n); }));
  run_ready(*gone);
  EXPECT_EQ(this->budget.statistics().waiters, 1U);
  gone.reset();
  EXPECT_TRUE(read.is_destroyed());
  EXPECT_TRUE(left.expired());
  EXPECT_EQ(this->budget.statistics().waiters, 0U);
  this->free_some();
  EXPECT_EQ(read.calls(), 0U);
  EXPECT_EQ(this->budget.statistics().charged_bytes, kReadCost);
}

TYPED_TEST(ReadInBudget, readers_are_served_in_the_order_in_which_they_came) {
  this->write("abc");
  auto second_ends = TypeParam::make(this->context);
  net::write(second_ends.second, net::buffer("de", 2));
  HandoffBuffer second_buffer{this->config()};
  CountOutcome first;
  CountOutcome second;
  this->buffer.async_read_available(this->near(), first.handler());
  run_ready(this->context);
  second_buffer.async_read_available(second_ends.first, second.handler());
  run_ready(this->context);
  EXPECT_EQ(this->budget.statistics().waiters, 2U);
  this->free_some();
  ASSERT_TRUE(run_until(this->context, [&] { return first.has_come(); }));
  EXPECT_FALSE(second.has_come());
  static_cast<void>(this->buffer.freeze_all());
  ASSERT_TRUE(run_until(this->context, [&] { return second.has_come(); }));
  second.expect({}, 2);
}

TYPED_TEST(ReadInBudget, a_wait_for_a_frame_waits_too) {
  DelimiterFramer lines("\n");
  CountOutcome wait;
  this->buffer.async_wait_frame(this->near(), lines, wait.handler());
  this->write("line\n");
  run_ready(this->context);
  EXPECT_FALSE(wait.has_come());
  this->free_some();
  ASSERT_TRUE(run_until(this->context, [&] { return wait.has_come(); }));
  wait.expect({}, 5);
}

TYPED_TEST(ReadInBudget, a_block_that_can_never_be_had_is_an_error) {
  HandoffBuffer large({.read_reserve = 4 * kReadBlock,
                       .block_size = 4 * kReadBlock,
                       .memory_budget = this->budget});
  this->write("abc");
  CountOutcome read;
  large.async_read_available(this->near(), read.handler());
  ASSERT_TRUE(run_until(this->context, [&] { return read.has_come(); }));
  read.expect(Errc::memory_exhausted, 0);
  EXPECT_TRUE(large.empty());
}

TYPED_TEST(ReadInBudget, a_relay_waits_and_goes_on) {
  auto out = TypeParam::make(this->context);
  RelayOutcome relay;
  async_relay(this->buffer, this->near(), out.first, relay.handler());
  this->write("through");
  run_ready(this->context);
  EXPECT_EQ(this->budget.statistics().waiters, 1U);
  this->free_some();
  std::string text(7, '\0');
  bool is_read = false;
  net::async_read(out.second, net::buffer(text),
                  [&](const net_error_code& error, std::size_t) { is_read = !error; });
  ASSERT_TRUE(run_until(this->context, [&] { return is_read; }));
  EXPECT_EQ(text, "through");
  this->ends.second.shutdown(net::socket_base::shutdown_send);
  out.second.shutdown(net::socket_base::shutdown_send);
  ASSERT_TRUE(run_until(this->context, [&] { return relay.is_over(); }));
  EXPECT_EQ(relay.counts().passed_on, 7U);
}

TEST(ReadFromFloor, an_empty_buffer_reads_on_with_little) {
  net::io_context context{1};
  auto ends = UnixPair::make(context);
  const MemoryBudget budget({.limit = 2048 + kReadCost, .high_mark = 2048 + kReadCost});
  const HandoffBufferConfig config{
      .read_reserve = kReadBlock, .block_size = kReadBlock, .memory_budget = budget};
  BytesMut tail = BytesMut::with_capacity(kReadBlock);
  tail.extend("taken");
  const auto rich = HandoffBuffer::from_tail(tail, config);
  HandoffBuffer poor(config);
  net::write(ends.second, net::buffer(std::string(2000, 'x')));
  std::size_t total = 0;
  while (total < 2000) {
    CountOutcome read;
    poor.async_read_available(ends.first, read.handler());
    ASSERT_TRUE(run_until(context, [&] { return read.has_come(); }));
    EXPECT_FALSE(read.error());
    EXPECT_LE(poor.size(), 512U);
    total += poor.size();
    static_cast<void>(poor.freeze_all());
  }
  EXPECT_EQ(budget.statistics().waits, 0U);
}

}  // namespace
}  // namespace bytes_handoff::test

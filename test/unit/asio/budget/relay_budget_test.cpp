// Relays and fan-outs whose buffers and queues share a memory budget.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/core/kernel/kernel_pipe.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/statistics.hpp"
#include "support/asio.hpp"
#include "support/fan_out/subscribed_queue.hpp"
#include "support/pattern.hpp"
#include "support/queue/probes.hpp"
#include "support/relaying/kernel_relay_fixture.hpp"
#include "support/run_for.hpp"

namespace bytes_handoff::test {
namespace {

MemoryBudget without_floors(std::size_t limit) {
  return MemoryBudget({.limit = limit, .high_mark = limit, .floor = 0});
}

// ---- Fan-outs.

TEST(FanOutBudget, an_entry_is_charged_once_for_all_queues_and_logs) {
  net::io_context context{1};
  const MemoryBudget budget = without_floors(10'000);
  const FanOut log({.max_bytes = 10'000, .max_entries = 1});
  const FanOut other({.max_bytes = 10'000, .max_entries = 1});
  std::vector<std::unique_ptr<SubscribedQueue>> queues;
  for (const FanOut* of : {&log, &log, &log, &other}) {
    queues.push_back(std::make_unique<SubscribedQueue>(
        context, *of, LagPolicy{}, WriteHandoffConfig{.memory_budget = budget}, true));
  }
  const Bytes entry = text(std::string(4000, 'x'));
  const std::size_t charge = detail::retained_by(detail::BytesAccess::owner(entry));
  for (const FanOut* of : {&log, &other}) {
    Bytes copy = entry;
    ASSERT_TRUE(of->publish(copy));
  }
  run_ready(context);
  for (const auto& each : queues) {
    EXPECT_EQ(each->out.pending_bytes(), 4000U);
  }
  EXPECT_EQ(budget.statistics().charged_bytes, charge);
  for (const auto& each : queues) {
    each->release(context);
  }
  EXPECT_EQ(budget.statistics().charged_bytes, charge);  // the logs have it
  ASSERT_TRUE(publish(log, "a"));
  ASSERT_TRUE(publish(other, "b"));
  run_ready(context);
  EXPECT_LE(budget.statistics().charged_bytes, 2U);
}

TEST(FanOutBudget, queues_that_wait_for_memory_are_given_the_entry_when_there_is_some) {
  net::io_context context{1};
  const MemoryBudget budget = without_floors(10'000);
  const FanOut log({.max_bytes = 10'000, .max_entries = 4});
  const WriteHandoffConfig config{.memory_budget = budget};
  SubscribedQueue full(context, FanOut(), {}, config, true);
  ASSERT_TRUE(try_send(full.out, std::string(9'000, 'y')));
  run_ready(context);
  SubscribedQueue one(context, log, {}, config);
  SubscribedQueue two(context, log, {}, config);
  ASSERT_TRUE(publish(log, std::string(4'000, 'x')));
  run_ready(context);
  EXPECT_TRUE(one.script->written.empty());
  EXPECT_EQ(budget.statistics().waiters, 2U);
  EXPECT_LE(budget.statistics().charged_bytes, 10'000U);
  full.release(context);
  EXPECT_EQ(one.script->written.size(), 4'000U);
  EXPECT_EQ(two.script->written.size(), 4'000U);
  EXPECT_EQ(budget.statistics().waiters, 0U);
}

// ---- Relays.

#if BYTES_HANDOFF_HAS_SPLICE

using detail::KernelPipe;

template <class Pair>
class PipeBudget : public KernelRelay<Pair> {
 protected:
  void open(std::size_t limit) {
    budget = without_floors(limit);
    this->buffer = HandoffBuffer({.memory_budget = budget});
  }
  [[nodiscard]] std::size_t charged() const { return budget.statistics().charged_bytes; }

  MemoryBudget budget;
};
TYPED_TEST_SUITE(PipeBudget, SocketPairs);

TYPED_TEST(PipeBudget, a_pipe_is_charged_while_it_is_held) {
  this->open(1'000'000);
  this->narrow_out();
  this->start();
  const std::string all = pattern(20'000'000);
  this->write_and_end(all);
  this->run_until_stuck();
  EXPECT_EQ(this->pipes_in_use(), 1U);
  EXPECT_EQ(this->charged(), KernelPipe::kCost);
  this->collect();
  this->run([this] { return this->collected->is_over(); });
  this->run_to_end();
  EXPECT_TRUE(this->collected->text() == all);
  EXPECT_EQ(this->pipes_in_use(), 0U);
  this->buffer = HandoffBuffer();  // which has read the end
  EXPECT_EQ(this->charged(), 0U);
}

TYPED_TEST(PipeBudget, without_memory_for_a_pipe_the_bytes_are_copied) {
  this->open(KernelPipe::kCost - 1);
  this->buffer =
      HandoffBuffer({.read_reserve = 4096, .block_size = 4096, .memory_budget = this->budget});
  const std::string all = pattern(300'000);
  const auto before = this->moved();
  this->collect();
  this->start();
  this->write_and_end(all);
  this->run([this] { return this->collected->is_over(); });
  EXPECT_TRUE(this->collected->text() == all);
  EXPECT_EQ(this->moved(), before);
}

TYPED_TEST(PipeBudget, what_is_in_the_pipe_comes_back_without_more_memory) {
  this->open(KernelPipe::kCost);
  this->narrow_out();
  this->start();
  const std::string all = pattern(20'000'000);
  this->write(all);
  this->run_until_stuck();
  EXPECT_EQ(this->charged(), KernelPipe::kCost);
  const std::size_t held = this->held();
  this->cancel.emit(net::cancellation_type::total);
  this->run_to_end();
  EXPECT_EQ(this->buffer.size(), held);
  EXPECT_EQ(this->pipes_in_use(), 0U);
  EXPECT_GE(this->charged(), held);
  EXPECT_LE(this->charged(), KernelPipe::kCost);
  static_cast<void>(this->buffer.freeze_all());
  this->buffer = HandoffBuffer();
  EXPECT_EQ(this->charged(), 0U);
}

TYPED_TEST(PipeBudget, a_piece_in_a_queue_is_charged_as_its_pipe_alone) {
  this->open(1'000'000);
  WriteHandoff queue(std::move(*this->out), {.memory_budget = this->budget});
  RelayOutcome relay;
  async_relay(this->buffer, *this->in, queue, this->options, relay.handler());
  const std::string all = pattern(20'000'000);
  this->write(all);
  this->run([&] {
    run_ready(*this->context);
    return this->pipes_in_use() != 0;
  });
  EXPECT_NE(queue.pending_bytes(), 0U);
  EXPECT_EQ(this->charged(), this->pipes_in_use() * KernelPipe::kCost);
  queue.abort();
  this->run([&] { return relay.is_over(); });
  queue = WriteHandoff();  // with what was not written
  run_ready(*this->context);
  EXPECT_EQ(this->pipes_in_use(), 0U);
}

#endif

}  // namespace
}  // namespace bytes_handoff::test

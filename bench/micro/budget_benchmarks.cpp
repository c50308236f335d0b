// Two threads on 1,000 queues, each with half of them, with one memory budget over all and without.
// Beside each queue is another one that is not used, in the budget where the first is in none, and
// the other way round. So what is used lies in memory as far apart with the budget as without:
// other memory between the queues costs 7%, whoever has it. A round reads a little from a buffer
// for each queue and writes it on, as slices of the buffer's block or as copies; then all queues
// write. The streams take everything at once. The time is the processor time of both threads: what
// they wait for is the system's.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/memory.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "null_stream.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kBudgetThreads = 2;
constexpr std::size_t kQueuesOfAThread = 500;
constexpr std::size_t kRounds = 20;
constexpr std::size_t kSlicesOfARead = 4;
constexpr std::size_t kSliceBytes = 64;

enum class Passed { kSlices, kCopies };

struct Connections {
  void add(NullStream stream, const MemoryBudget& budget) {
    buffers.emplace_back(HandoffBufferConfig{.memory_budget = budget});
    queues.emplace_back(std::move(stream), WriteHandoffConfig{.memory_budget = budget});
  }

  std::vector<HandoffBuffer> buffers;
  std::vector<WriteHandoff> queues;
};

/// The connections of one thread.
class QueuesOfAThread {
 public:
  QueuesOfAThread(const MemoryBudget& budget, bool uses_budget)
      : used_(uses_budget ? in_budget_ : without_) {
    for (std::size_t i = 0; i != kQueuesOfAThread; ++i) {
      without_.add(NullStream(context_, taken_), MemoryBudget());
      in_budget_.add(NullStream(context_, taken_), budget);
    }
  }

  void round(Passed passed) {
    for (std::size_t i = 0; i != kQueuesOfAThread; ++i) {
      pass(used_.buffers[i], used_.queues[i], passed);
    }
    context_.restart();
    context_.poll();
  }
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  static void pass(HandoffBuffer& buffer, WriteHandoff& out, Passed passed) {
    const auto room = front_end::begin_read(buffer);
    std::fill_n(room->begin(), kSlicesOfARead * kSliceBytes, std::byte{'x'});
    front_end::end_read(buffer, kSlicesOfARead * kSliceBytes);
    std::array<Bytes, kSlicesOfARead> burst;
    for (Bytes& slice : burst) {
      slice = std::move(*buffer.split_prefix(kSliceBytes));
      if (passed == Passed::kCopies) {
        slice = Bytes::copy_of(slice.view());
      }
    }
    benchmark::DoNotOptimize(out.try_write(burst).has_value());
  }

  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> work_{context_.get_executor()};
  std::size_t taken_ = 0;
  Connections without_;
  Connections in_budget_;
  Connections& used_;
};

template <bool kHasBudget, Passed kPassed>
void two_threads_on_1000_queues(benchmark::State& state) {
  const MemoryBudget budget({.limit = 1024 << 20});
  constexpr std::size_t kItems = kBudgetThreads * kQueuesOfAThread * kRounds * kSlicesOfARead;
  std::barrier step(static_cast<std::ptrdiff_t>(kBudgetThreads + 1));
  std::atomic<bool> is_over{false};
  std::atomic<bool> is_whole{true};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i != kBudgetThreads; ++i) {
    threads.emplace_back([&] {
      QueuesOfAThread mine(budget, kHasBudget);
      mine.round(kPassed);
      for (step.arrive_and_wait(); !is_over; step.arrive_and_wait()) {
        const std::size_t before = mine.taken();
        for (std::size_t round = 0; round != kRounds; ++round) {
          mine.round(kPassed);
        }
        if (mine.taken() - before != kItems / kBudgetThreads * kSliceBytes) {
          is_whole = false;
        }
        step.arrive_and_wait();
      }
    });
  }
  for ([[maybe_unused]] auto unused : state) {
    const double began = process_cpu_seconds();
    step.arrive_and_wait();
    step.arrive_and_wait();
    state.SetIterationTime(process_cpu_seconds() - began);
  }
  is_over = true;
  step.arrive_and_wait();
  threads.clear();
  if (!is_whole) {
    state.SkipWithError("bytes are missing");
  }
  count_work(state, kItems * kSliceBytes, kItems);
}

#define BYTES_HANDOFF_BUDGET_BENCHMARK(has_budget, passed, name)    \
  BENCHMARK(two_threads_on_1000_queues<has_budget, Passed::passed>) \
      ->Name("two_threads_on_1000_queues/" name)                    \
      ->UseManualTime()

BYTES_HANDOFF_BUDGET_BENCHMARK(false, kSlices, "slices/without_budget");
BYTES_HANDOFF_BUDGET_BENCHMARK(true, kSlices, "slices/in_budget");
BYTES_HANDOFF_BUDGET_BENCHMARK(false, kCopies, "copies/without_budget");
BYTES_HANDOFF_BUDGET_BENCHMARK(true, kCopies, "copies/in_budget");

#undef BYTES_HANDOFF_BUDGET_BENCHMARK

}  // namespace
}  // namespace bytes_handoff::bench

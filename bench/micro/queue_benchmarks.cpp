// Submitting and draining small items: the queue alone, and with its writer in front of a stream
// that takes everything at once. Making the slices is outside of the timed part.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/core/queue/departure.hpp"
#include "bytes_handoff/core/queue/write_queue.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "null_stream.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kItemBytes = 64;
constexpr std::size_t kItems = 64;   // of one burst, which leaves as one gather
constexpr std::size_t kBursts = 16;  // timed at once, each through a queue of its own
constexpr std::size_t kAllItems = kItems * kBursts;

using Slices = std::vector<Bytes>;

// Slices of one block, one behind the other: a burst leaves as one buffer.
Slices neighbours() {
  BytesMut block = BytesMut::with_capacity(kAllItems * kItemBytes);
  block.extend(std::vector<std::byte>(kAllItems * kItemBytes, std::byte{'x'}));
  Slices slices;
  slices.reserve(kAllItems);
  while (!block.empty()) {
    slices.push_back(std::move(*block.split_to_frozen(kItemBytes)));
  }
  return slices;
}

// Slices in blocks of their own: a burst leaves as 64 buffers.
Slices scattered() {
  const std::vector<std::byte> item(kItemBytes, std::byte{'x'});
  Slices slices(kAllItems);
  std::generate(slices.begin(), slices.end(), [&] { return Bytes::copy_of(item); });
  return slices;
}

enum class Submission { kOneEach, kWriteAll };

void submit(detail::WriteQueue& queue, std::span<Bytes> burst, Submission how) {
  const std::size_t at_once = how == Submission::kWriteAll ? burst.size() : 1;
  for (; !burst.empty(); burst = burst.subspan(at_once)) {
    detail::Effects effects;
    const auto admitted = queue.try_write(burst.first(at_once), effects);
    benchmark::DoNotOptimize(admitted.has_value());
    effects.finish();
  }
}

// One gather and its completion. Returns whether that emptied the queue.
bool drain(detail::WriteQueue& queue) {
  using Turn = detail::WriteQueue::Turn;
  detail::WriteBatch batch;
  {
    detail::Effects effects;
    const Turn turn = queue.begin_turn(batch, effects);
    effects.finish();
    if (turn != Turn::kWrite) {
      return false;
    }
  }
  detail::Effects effects;
  const Turn turn = queue.finish_write({}, batch.bytes, false, batch, effects);
  effects.finish();
  return turn == Turn::kIdle;
}

WriteHandoffConfig room_for_a_burst() {
  WriteHandoffConfig config;
  config.max_items = kItems;
  return config;
}

// Submitting and draining alone go through a queue a burst, both together through one, burst by
// burst.
enum class Timed { kSubmit, kDrain, kBoth };

[[nodiscard]] std::deque<detail::WriteQueue> a_queue_a_burst() {
  std::deque<detail::WriteQueue> queues;
  for (std::size_t i = 0; i < kBursts; ++i) {
    queues.emplace_back(room_for_a_burst());
  }
  return queues;
}

void run_bursts(benchmark::State& state, Timed timed, Slices (*make_slices)(), Submission how) {
  std::deque<detail::WriteQueue> queues = a_queue_a_burst();
  for ([[maybe_unused]] auto unused : state) {
    Slices slices = make_slices();
    std::size_t drained = 0;
    const auto submit_all = [&] {
      for (std::size_t i = 0; i < kBursts; ++i) {
        submit(queues[i], std::span(slices).subspan(i * kItems, kItems), how);
      }
    };
    const auto drain_all = [&] {
      for (detail::WriteQueue& queue : queues) {
        drained += drain(queue) ? 1U : 0U;
      }
    };
    switch (timed) {
      case Timed::kSubmit:
        time_section(state, submit_all);
        drain_all();
        break;
      case Timed::kDrain:
        submit_all();
        time_section(state, drain_all);
        break;
      case Timed::kBoth:
        time_section(state, [&] {
          for (std::size_t i = 0; i < kBursts; ++i) {
            submit(queues[0], std::span(slices).subspan(i * kItems, kItems), how);
            drained += drain(queues[0]) ? 1U : 0U;
          }
        });
        break;
    }
    if (drained != kBursts) {
      state.SkipWithError("a burst did not leave as one gather");
      break;
    }
  }
  count_work(state, kAllItems * kItemBytes, kAllItems);
}

template <class Submit>
void write_bursts(benchmark::State& state, Submit submit_burst) {
  net::io_context context(1);
  std::size_t taken = 0;
  WriteHandoff out(NullStream(context, taken), room_for_a_burst());
  for ([[maybe_unused]] auto unused : state) {
    Slices slices = neighbours();
    taken = 0;
    time_section(state, [&] {
      for (std::size_t i = 0; i < kBursts; ++i) {
        submit_burst(out, std::span(slices).subspan(i * kItems, kItems));
        context.poll();
        context.restart();
      }
    });
    if (taken != kAllItems * kItemBytes) {
      state.SkipWithError("bytes are missing");
      break;
    }
  }
  count_work(state, kAllItems * kItemBytes, kAllItems);
}

void handoff_one_each(benchmark::State& state) {
  write_bursts(state, [](WriteHandoff& out, std::span<Bytes> burst) {
    for (Bytes& slice : burst) {
      benchmark::DoNotOptimize(out.try_write(slice).has_value());
    }
  });
}

void handoff_write_all(benchmark::State& state) {
  write_bursts(state, [](WriteHandoff& out, std::span<Bytes> burst) {
    benchmark::DoNotOptimize(out.try_write(burst).has_value());
  });
}

BENCHMARK_CAPTURE(run_bursts, one_each, Timed::kSubmit, neighbours, Submission::kOneEach)
    ->Name("queue_submit/one_each")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_bursts, write_all, Timed::kSubmit, neighbours, Submission::kWriteAll)
    ->Name("queue_submit/write_all")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_bursts, neighbours, Timed::kDrain, neighbours, Submission::kWriteAll)
    ->Name("queue_drain/neighbours")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_bursts, scattered, Timed::kDrain, scattered, Submission::kWriteAll)
    ->Name("queue_drain/scattered")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_bursts, one_each, Timed::kBoth, neighbours, Submission::kOneEach)
    ->Name("queue_submit_and_drain/one_each")
    ->UseManualTime();
BENCHMARK_CAPTURE(run_bursts, write_all, Timed::kBoth, neighbours, Submission::kWriteAll)
    ->Name("queue_submit_and_drain/write_all")
    ->UseManualTime();
BENCHMARK(handoff_one_each)->Name("write_small_items/one_each")->UseManualTime();
BENCHMARK(handoff_write_all)->Name("write_small_items/write_all")->UseManualTime();

}  // namespace
}  // namespace bytes_handoff::bench

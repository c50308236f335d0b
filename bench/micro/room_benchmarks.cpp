// Permits and bursts. Small slices that lie one behind the other, to a stream that takes everything
// at once, from the stream's thread. Making the slices is outside of the timed part.

#include <benchmark/benchmark.h>

#include <asio/detached.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "null_stream.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kRoomSliceBytes = 64;
constexpr std::size_t kBurst = 256;
constexpr std::size_t kRoomRounds = 16;  // bursts that are timed at once

std::vector<Bytes> slices_of_one_block() {
  BytesMut block = BytesMut::with_capacity(kBurst * kRoomRounds * kRoomSliceBytes);
  block.extend(std::vector<std::byte>(kBurst * kRoomRounds * kRoomSliceBytes, std::byte{'x'}));
  std::vector<Bytes> slices;
  slices.reserve(kBurst * kRoomRounds);
  while (!block.empty()) {
    slices.push_back(std::move(*block.split_to_frozen(kRoomSliceBytes)));
  }
  return slices;
}

/// A queue, and the context of its stream.
struct Queue {
  explicit Queue(const WriteHandoffConfig& config) : out(NullStream(context, taken), config) {}

  void drain() {
    context.poll();
    context.restart();
  }

  net::io_context context{1};
  std::size_t taken = 0;
  WriteHandoff out;
};

[[nodiscard]] std::span<Bytes> burst_of(std::vector<Bytes>& slices, std::size_t round) noexcept {
  return std::span(slices).subspan(round * kBurst, kBurst);
}

void finish(benchmark::State& state, std::size_t taken) {
  if (taken != kBurst * kRoomRounds * kRoomSliceBytes) {
    state.SkipWithError("bytes are missing");
  }
  count_work(state, kBurst * kRoomRounds * kRoomSliceBytes, kBurst * kRoomRounds);
}

// ---- A permit and its commit, and what it is instead of. Submission alone.

WriteHandoffConfig just_room_for_a_burst() {
  WriteHandoffConfig config;
  config.max_items = kBurst;
  config.max_pending_bytes = kBurst * kRoomSliceBytes;
  return config;
}

// Each burst goes to a queue of its own.
template <class Submit>
void submit_writes(benchmark::State& state, Submit submit) {
  const auto slices_each = static_cast<std::size_t>(state.range(0));
  std::deque<Queue> queues;
  for (std::size_t i = 0; i != kRoomRounds; ++i) {
    queues.emplace_back(just_room_for_a_burst());
  }
  std::size_t taken = 0;
  for ([[maybe_unused]] auto unused : state) {
    std::vector<Bytes> slices = slices_of_one_block();
    time_section(state, [&] {
      for (std::size_t i = 0; i != kRoomRounds; ++i) {
        for (auto left = burst_of(slices, i); !left.empty(); left = left.subspan(slices_each)) {
          submit(queues[i].out, left.first(slices_each));
        }
      }
    });
    taken = 0;
    for (Queue& queue : queues) {
      queue.drain();
      taken += std::exchange(queue.taken, 0U);
    }
  }
  finish(state, taken);
}

void try_write(WriteHandoff& out, std::span<Bytes> slices) {
  const auto written = slices.size() == 1 ? out.try_write(slices.front()) : out.try_write(slices);
  benchmark::DoNotOptimize(written.has_value());
}

void reserve_and_commit(WriteHandoff& out, std::span<Bytes> slices) {
  auto permit = out.try_reserve(slices.size() * kRoomSliceBytes, slices.size());
  const auto written = slices.size() == 1 ? permit->commit(slices.front()) : permit->commit(slices);
  benchmark::DoNotOptimize(written.has_value());
}

// ---- A burst, and what it is instead of. From submission to the last byte.

void by_send(Queue& queue, std::span<Bytes> burst) { queue.out.async_send(burst, net::detached); }

void by_write(Queue& queue, std::span<Bytes> burst) { queue.out.async_write(burst, net::detached); }

// Refused, it lets the stream have what there is.
void by_try_write(Queue& queue, std::span<Bytes> burst) {
  for (Bytes& slice : burst) {
    while (!queue.out.try_write(slice)) {
      queue.drain();
    }
  }
}

template <class Submit>
void write_burst(benchmark::State& state, Submit submit) {
  WriteHandoffConfig config;
  config.max_items = kBurst;
  config.max_pending_bytes = static_cast<std::size_t>(state.range(0));
  Queue queue(config);
  for ([[maybe_unused]] auto unused : state) {
    std::vector<Bytes> slices = slices_of_one_block();
    queue.taken = 0;
    time_section(state, [&] {
      for (std::size_t i = 0; i != kRoomRounds; ++i) {
        submit(queue, burst_of(slices, i));
        queue.drain();
      }
    });
  }
  finish(state, queue.taken);
}

void slices_of_a_write(benchmark::internal::Benchmark* of) {
  of->ArgName("slices")->Arg(1)->Arg(16)->UseManualTime();
}

// Room for the whole burst and more, and for a sixteenth of it.
constexpr std::int64_t kLargeBudget = 64 * 1024;
constexpr std::int64_t kSmallBudget = 1024;

BENCHMARK_CAPTURE(submit_writes, try_write, try_write)
    ->Name("submit_slices/try_write")
    ->Apply(slices_of_a_write);
BENCHMARK_CAPTURE(submit_writes, reserve_and_commit, reserve_and_commit)
    ->Name("submit_slices/reserve_and_commit")
    ->Apply(slices_of_a_write);
BENCHMARK_CAPTURE(write_burst, try_write, by_try_write)
    ->Name("write_burst/try_write_each")
    ->ArgName("budget")
    ->Arg(kLargeBudget)
    ->Arg(kSmallBudget)
    ->UseManualTime();
BENCHMARK_CAPTURE(write_burst, async_send, by_send)
    ->Name("write_burst/async_send")
    ->ArgName("budget")
    ->Arg(kLargeBudget)
    ->Arg(kSmallBudget)
    ->UseManualTime();
BENCHMARK_CAPTURE(write_burst, async_write, by_write)
    ->Name("write_burst/async_write")
    ->ArgName("budget")
    ->Arg(kLargeBudget)
    ->UseManualTime();

}  // namespace
}  // namespace bytes_handoff::bench

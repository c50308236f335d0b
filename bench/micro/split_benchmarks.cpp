// Cutting what a buffer holds. Filling the buffer is outside of the timed part, dropping the slices
// one by one is inside.

#include <benchmark/benchmark.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/bytes_mut.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "timed_section.hpp"
#if BYTES_HANDOFF_BENCH_WITH_LIBEVENT
#include "evbuffer.hpp"
#endif

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kBufferedBytes = 2 * 1024 * 1024;

HandoffBuffer filled_buffer(std::size_t size) {
  BytesMut bytes = BytesMut::with_capacity(size);
  std::memset(bytes.spare().data(), 'x', size);
  bytes.commit(size);
  HandoffBufferConfig config;
  config.max_size = kBufferedBytes;
  return std::move(*HandoffBuffer::from_tail(bytes, config));
}

template <class Split>
void split_all(benchmark::State& state, Split split) {
  const auto prefix_bytes = static_cast<std::size_t>(state.range(0));
  for ([[maybe_unused]] auto unused : state) {
    HandoffBuffer buffer = filled_buffer(kBufferedBytes);
    time_section(state, [&] {
      while (!buffer.empty()) {
        auto prefix = split(buffer, prefix_bytes);
        benchmark::DoNotOptimize(prefix->data());
      }
      buffer = HandoffBuffer();
    });
  }
  count_work(state, kBufferedBytes, kBufferedBytes / prefix_bytes);
}

void split_freeze_prefixes(benchmark::State& state) {
  split_all(state, [](HandoffBuffer& buffer, std::size_t n) { return buffer.split_prefix(n); });
}

void split_prefix_mut(benchmark::State& state) {
  split_all(state, [](HandoffBuffer& buffer, std::size_t n) { return buffer.split_prefix_mut(n); });
}

// What cannot share its memory: the prefixes are copied out.
template <class Fill, class Take>
void copy_all(benchmark::State& state, Fill fill, Take take) {
  const auto prefix_bytes = static_cast<std::size_t>(state.range(0));
  for ([[maybe_unused]] auto unused : state) {
    auto buffer = fill();
    time_section(state, [&] {
      for (std::size_t left = kBufferedBytes; left != 0; left -= prefix_bytes) {
        auto prefix = take(buffer, prefix_bytes);
        benchmark::DoNotOptimize(prefix);
      }
    });
  }
  count_work(state, kBufferedBytes, kBufferedBytes / prefix_bytes);
}

void split_beast_flat_buffer(benchmark::State& state) {
  copy_all(
      state,
      [] {
        boost::beast::flat_buffer buffer;
        std::memset(buffer.prepare(kBufferedBytes).data(), 'x', kBufferedBytes);
        buffer.commit(kBufferedBytes);
        return buffer;
      },
      [](boost::beast::flat_buffer& buffer, std::size_t n) {
        std::string prefix(static_cast<const char*>(buffer.data().data()), n);
        buffer.consume(n);
        return prefix;
      });
}

#if BYTES_HANDOFF_BENCH_WITH_LIBEVENT
// Moves whole blocks of its chain, and copies what is less.
void split_libevent_evbuffer(benchmark::State& state) {
  copy_all(
      state,
      [] {
        Evbuffer buffer(evbuffer_new());
        const std::string bytes(kBufferedBytes, 'x');
        evbuffer_add(buffer.get(), bytes.data(), bytes.size());
        return buffer;
      },
      [](Evbuffer& buffer, std::size_t n) {
        Evbuffer prefix(evbuffer_new());
        evbuffer_remove_buffer(buffer.get(), prefix.get(), n);
        return prefix;
      });
}
#endif

// A parser cuts its last frame and leaves the rest to the next one. Many buffers an iteration,
// since one switch is too short to be timed.
void take_tail_mode_switch(benchmark::State& state) {
  constexpr std::size_t kSwitches = 1024;
  constexpr std::size_t kPrefixBytes = 512;
  constexpr std::size_t kEachBytes = 4096;
  std::vector<HandoffBuffer> buffers;
  buffers.reserve(kSwitches);
  for ([[maybe_unused]] auto unused : state) {
    buffers.clear();
    for (std::size_t i = 0; i < kSwitches; ++i) {
      buffers.push_back(filled_buffer(kEachBytes));
    }
    time_section(state, [&] {
      for (HandoffBuffer& buffer : buffers) {
        const auto prefix = buffer.split_prefix(kPrefixBytes);
        benchmark::DoNotOptimize(prefix->data());
        BytesMut tail = buffer.take_tail();
        auto next = HandoffBuffer::from_tail(tail, buffer.config());
        benchmark::DoNotOptimize(next->peek().data());
      }
    });
  }
  count_work(state, kSwitches * kEachBytes, kSwitches);
}

BENCHMARK(split_freeze_prefixes)
    ->ArgName("prefix_bytes")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->UseManualTime();
BENCHMARK(split_beast_flat_buffer)
    ->Name("split_freeze_prefixes/beast_flat_buffer")
    ->ArgName("prefix_bytes")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->UseManualTime();
#if BYTES_HANDOFF_BENCH_WITH_LIBEVENT
BENCHMARK(split_libevent_evbuffer)
    ->Name("split_freeze_prefixes/libevent_evbuffer")
    ->ArgName("prefix_bytes")
    ->Arg(16)
    ->Arg(64)
    ->Arg(512)
    ->UseManualTime();
#endif
BENCHMARK(split_prefix_mut)->ArgName("prefix_bytes")->Arg(16)->Arg(64)->Arg(512)->UseManualTime();
BENCHMARK(take_tail_mode_switch)->UseManualTime();

}  // namespace
}  // namespace bytes_handoff::bench

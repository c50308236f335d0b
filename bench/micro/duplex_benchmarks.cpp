// Waits of the in-memory duplex that are cancelled one by one, the newest first.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <vector>

#include "duplex_drain.hpp"

namespace bytes_handoff::bench {
namespace {

/// n waits at one end, each cancelled through its slot: what one of them costs.
void cancel_waits(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    net::io_context context(1);
    auto [one, other] = make_duplex(context, 64);
    std::vector<net::cancellation_signal> signals(n);
    std::size_t cancelled = 0;
    for (net::cancellation_signal& signal : signals) {
      one.async_wait(
          BenchDuplex::wait_read,
          net::bind_cancellation_slot(signal.slot(), [&](const net_error_code&) { ++cancelled; }));
    }
    const auto begin = std::chrono::steady_clock::now();
    while (!signals.empty()) {
      signals.back().emit(net::cancellation_type::terminal);
      signals.pop_back();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
    context.run();
    if (cancelled != n) {
      state.SkipWithError("a wait was not cancelled");
    }
  }
  state.counters["per_wait"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(cancel_waits)
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bytes_handoff::bench

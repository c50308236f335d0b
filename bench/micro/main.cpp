// Micro benchmarks of the library's parts. For figures that can be compared:
//
//     bench_micro --benchmark_repetitions=7 --benchmark_enable_random_interleaving=true
//                 --benchmark_report_aggregates_only=true [--benchmark_filter=...]

#include <benchmark/benchmark.h>

#include <thread>

int main(int argc, char** argv) {
  // glibc and libstdc++ leave atomics and locks out until a second thread has existed, which no
  // program that serves connections can count on.
  std::thread([] {}).join();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

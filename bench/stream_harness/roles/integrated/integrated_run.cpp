#include "roles/integrated/integrated_run.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <system_error>
#include <thread>
#include <vector>

#include "roles/integrated/wave_worker.hpp"
#include "roles/process/descriptor_limit.hpp"
#include "roles/process/exception_text.hpp"
#include "roles/process/first_error.hpp"
#include "roles/process/supervise_run.hpp"
#include "roles/process/wave_clock.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

std::uint64_t descriptors_of_one(const Options& options) {
  if (options.transport != Transport::kTcp) return 0;
  // The client's, both of the proxy, and the sink's; both ends of a pipe.
  return options.implementation == Implementation::kSplice ? 4 + 2 : 4;
}

auto worker_maker(Transport transport) {
  switch (transport) {
    case Transport::kDuplex:
      return make_duplex_worker;
    case Transport::kCached:
      return make_cached_worker;
    case Transport::kTcp:
      break;
  }
  return make_tcp_worker;
}

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), clock_(options), barrier_(count(options), BetweenWaves{this}) {}

  [[nodiscard]] std::string make_workers() {
    const auto make = worker_maker(options_.transport);
    const std::uint64_t workers = wave_workers(options_);
    for (std::uint64_t i = 0; i < workers; ++i) {
      auto worker = make(options_, {i, workers});
      if (!worker) return worker.error();
      workers_.push_back(std::move(*worker));
    }
    return {};
  }

  expected<RunResult, std::string> run() {
    std::vector<std::thread> threads;
    try {
      for (const auto& worker : workers_) {
        threads.emplace_back([this, &worker] { work(*worker); });
      }
    } catch (const std::system_error& error) {
      fail(thread_error(workers_.size(), error));
    }
    gate_.store(threads.size() == workers_.size() ? Gate::kOpen : Gate::kGiveUp);
    gate_.notify_all();
    if (gate_.load() == Gate::kOpen) {
      supervise_run(events_, {[this] { clock_.request_stop(); }, nullptr,
                              [this] { return progress_text(); }});
    }
    for (std::thread& thread : threads) thread.join();
    if (auto error = error_.text(); !error.empty()) return unexpected<std::string>(error);
    return result();
  }

 private:
  enum class Gate { kClosed, kOpen, kGiveUp };

  // What the last worker to arrive does, before the first wave and after each.
  struct BetweenWaves {
    Run* run;
    void operator()() noexcept { run->between_waves(); }
  };

  static std::ptrdiff_t count(const Options& options) {
    return static_cast<std::ptrdiff_t>(wave_workers(options));
  }

  void between_waves() noexcept {
    if (!std::exchange(started_, true)) return clock_.start();
    clock_.wave_ended();
    if (!clock_.another_wave()) events_.announce_end();
  }

  void work(WaveWorker& worker) {
    gate_.wait(Gate::kClosed);
    if (gate_.load() == Gate::kGiveUp) return;
    barrier_.arrive_and_wait();
    do {
      run_wave(worker);
      barrier_.arrive_and_wait();
    } while (clock_.another_wave());
  }

  void run_wave(WaveWorker& worker) {
    const auto ran = exceptions_as_errors([&] { return worker.run_wave(); });
    if (!ran) fail(ran.error());
  }

  void fail(const std::string& error) {
    error_.set(error);
    clock_.request_stop();
  }

  [[nodiscard]] std::string progress_text() const {
    std::uint64_t ended = 0;
    for (const auto& worker : workers_) {
      ended += worker->account().ended_connections.load(std::memory_order_relaxed);
    }
    return wave_progress(clock_.waves() + 1, ended);
  }

  [[nodiscard]] RunResult result() const {
    RunResult result;
    result.actual_iterations = clock_.waves();
    result.bytes_per_connection = options_.bytes_per_connection();
    result.total_streams = clock_.waves() * options_.connections;
    result.worker_threads_running = workers_.size();
    result.elapsed = clock_.elapsed();
    result.usage = clock_.usage();
    for (const auto& worker : workers_) {
      const Account& account = worker->account();
      result.total_bytes += account.forwarded_bytes;
      result.failed_connections += account.failed_connections;
      result.latency.merge(account.latency);
    }
    return result;
  }

  const Options& options_;
  RunEvents events_;
  WaveClock clock_;
  bool started_ = false;
  std::vector<std::unique_ptr<WaveWorker>> workers_;
  std::barrier<BetweenWaves> barrier_;
  std::atomic<Gate> gate_{Gate::kClosed};
  FirstError error_;
};

}  // namespace

expected<RunResult, std::string> run_integrated(const Options& options) {
  if (auto shortage = descriptor_shortage(options.connections, descriptors_of_one(options),
                                          wave_workers(options));
      !shortage.empty()) {
    return unexpected<std::string>(std::move(shortage));
  }
  return exceptions_as_errors([&]() -> expected<RunResult, std::string> {
    Run run(options);
    if (auto error = run.make_workers(); !error.empty()) {
      return unexpected<std::string>(std::move(error));
    }
    return run.run();
  });
}

}  // namespace stream_harness

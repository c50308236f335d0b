#include "integrated_run.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstdio>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "descriptor_limit.hpp"
#include "error_log.hpp"
#include "run_watch.hpp"
#include "strict_number.hpp"
#include "wave_clock.hpp"
#include "wave_worker.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::expected;
using bytes_handoff::unexpected;

constexpr std::chrono::milliseconds kProgressTick{200};
constexpr std::chrono::seconds kProgressAfter{1};

// Four for a connection over TCP (client, both of the proxy, sink), a few for a worker's reactor
// and acceptors, and some for the process.
constexpr std::uint64_t kDescriptorsPerConnection = 4;
constexpr std::uint64_t kDescriptorsPerWorker = 6;
constexpr std::uint64_t kDescriptorsOfProcess = 16;

std::uint64_t worker_count(const Options& options) {
  return std::min<std::uint64_t>(options.worker_threads, options.connections);
}

std::string descriptor_shortage(const Options& options) {
  const std::uint64_t limit = raise_descriptor_limit();
  const bool tcp = options.transport == Transport::kTcp;
  const auto sockets = checked_multiply(options.connections, tcp ? kDescriptorsPerConnection : 0);
  const auto others = checked_multiply(worker_count(options), kDescriptorsPerWorker);
  auto needed = sockets;
  if (needed && others) needed = checked_add(*needed, *others);
  if (needed) needed = checked_add(*needed, kDescriptorsOfProcess);
  if (limit == 0 || (needed && others && *needed <= limit)) return {};
  return "the run needs " + (needed ? std::to_string(*needed) : "more than 2^64") +
         " descriptors, and the limit (ulimit -n) is " + std::to_string(limit);
}

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), clock_(options), barrier_(count(options), BetweenWaves{this}) {}

  [[nodiscard]] std::string make_workers() {
    const auto make = options_.transport == Transport::kTcp ? make_tcp_worker : make_duplex_worker;
    const std::uint64_t workers = worker_count(options_);
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
      fail("cannot start a thread: " + std::string(error.what()));
    }
    gate_.store(threads.size() == workers_.size() ? Gate::kOpen : Gate::kGiveUp);
    gate_.notify_all();
    if (gate_.load() == Gate::kOpen) watch_progress();
    for (std::thread& thread : threads) thread.join();
    if (!error_.empty()) return unexpected<std::string>(error_);
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
    return static_cast<std::ptrdiff_t>(worker_count(options));
  }

  void between_waves() noexcept {
    if (!std::exchange(started_, true)) return clock_.start();
    clock_.wave_ended();
    if (!clock_.another_wave()) watch_.done();
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
    try {
      if (const auto ran = worker.run_wave(); !ran) fail(ran.error());
    } catch (const std::bad_alloc&) {
      fail("not enough memory");
    } catch (const std::exception& error) {
      fail(error.what());
    }
  }

  void fail(const std::string& error) {
    const std::lock_guard lock(error_mutex_);
    if (error_.empty()) error_ = error;
    clock_.request_stop();
  }

  void watch_progress() {
    const bool visible = progress_is_visible();
    const auto began_at = std::chrono::steady_clock::now();
    for (;;) {
      const auto event = watch_.wait(kProgressTick);
      if (event == RunWatch::Event::kDone) break;
      if (event == RunWatch::Event::kStopRequested) clock_.request_stop();
      const auto elapsed = std::chrono::steady_clock::now() - began_at;
      if (visible && elapsed > kProgressAfter) show_progress(progress_text(elapsed));
    }
    if (visible) show_progress({});
  }

  [[nodiscard]] std::string progress_text(std::chrono::nanoseconds elapsed) const {
    std::uint64_t ended = 0;
    for (const auto& worker : workers_) {
      ended += worker->account().ended_connections.load(std::memory_order_relaxed);
    }
    std::array<char, 160> text;
    std::snprintf(text.data(), text.size(), "%.1f s, wave %llu, %llu connections ended",
                  std::chrono::duration<double>(elapsed).count(),
                  static_cast<unsigned long long>(clock_.waves() + 1),
                  static_cast<unsigned long long>(ended));
    return text.data();
  }

  [[nodiscard]] RunResult result() const {
    RunResult result;
    result.actual_iterations = clock_.waves();
    result.total_streams = clock_.waves() * options_.connections;
    result.elapsed = clock_.elapsed();
    result.usage = clock_.usage();
    for (const auto& worker : workers_) {
      const Account& account = worker->account();
      result.total_bytes += account.forwarded_bytes;
      result.failed_connections += account.failed_connections;
      result.latency_micros.merge(account.latency_micros);
    }
    return result;
  }

  const Options& options_;
  RunWatch watch_;
  WaveClock clock_;
  bool started_ = false;
  std::vector<std::unique_ptr<WaveWorker>> workers_;
  std::barrier<BetweenWaves> barrier_;
  std::atomic<Gate> gate_{Gate::kClosed};
  std::mutex error_mutex_;
  std::string error_;
};

}  // namespace

expected<RunResult, std::string> run_integrated(const Options& options) {
  if (auto shortage = descriptor_shortage(options); !shortage.empty()) {
    return unexpected<std::string>(std::move(shortage));
  }
  try {
    Run run(options);
    if (auto error = run.make_workers(); !error.empty()) {
      return unexpected<std::string>(std::move(error));
    }
    return run.run();
  } catch (const std::bad_alloc&) {
    return unexpected<std::string>("not enough memory");
  } catch (const std::exception& error) {
    return unexpected<std::string>(error.what());
  }
}

}  // namespace stream_harness

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "command_line/options.hpp"
#include "report/process_usage.hpp"

namespace stream_harness {

/// Decides whether another wave is run, and measures from the start of the first to the end of the
/// last. `start`, `wave_ended` and `ended` are called by one thread at a time; `request_stop` and
/// `waves` by any.
class WaveClock {
 public:
  explicit WaveClock(const Options& options) : options_(options) {}

  void start() noexcept;
  /// A wave has ended, or is as far as the next may begin: whether it does is decided now.
  void wave_ended() noexcept;

  /// All has ended; the last of it happened at `at`. For who begins waves before others end.
  void ended(std::chrono::steady_clock::time_point at) noexcept;

  /// Lets the wave that runs be the last.
  void request_stop() noexcept { stop_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] bool another_wave() const noexcept { return another_wave_; }
  [[nodiscard]] std::uint64_t waves() const noexcept {
    return waves_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept { return ended_at_ - began_at_; }
  [[nodiscard]] ProcessUsage usage() const noexcept { return usage_between(before_, after_); }

 private:
  const Options& options_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> waves_{0};
  bool another_wave_ = true;
  std::chrono::steady_clock::time_point began_at_;
  std::chrono::steady_clock::time_point ended_at_;
  ProcessUsage before_;
  ProcessUsage after_;
};

}  // namespace stream_harness

#pragma once

#include <chrono>

namespace stream_harness {

/// Lets one thread wait for the end of a run, for SIGINT and SIGTERM, and for time to pass.
///
/// Blocks both signals in the calling thread and those it starts from then on, so make it before
/// the workers. The first signal is an event; from then on they have their usual effect again, so
/// that a second one ends the process. Also ignores SIGPIPE: a closed pipe is an error of the
/// write.
class RunWatch {
 public:
  enum class Event { kDone, kStopRequested, kTick };

  RunWatch() noexcept;
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  /// Makes `wait` return `kDone`, now or when it is called. From any thread.
  void done() noexcept;

  /// Waits for one event, at most for `tick`.
  [[nodiscard]] Event wait(std::chrono::milliseconds tick) noexcept;

 private:
  void let_signals_act() noexcept;

  int done_fd_;
  int signal_fd_;
};

}  // namespace stream_harness

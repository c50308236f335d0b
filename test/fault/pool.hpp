#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bytes_handoff::test {

/// Threads that run handlers, and can be parked: then none of them touches anything. All of it is
/// called on one other thread. They start parked.
class Pool {
 public:
  /// `run_one()` runs one handler, and is false where none is ready.
  Pool(std::size_t threads, std::function<bool()> run_one);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  /// Parks them first.
  ~Pool();

  void resume();
  /// Each of them ends the handler that it is in.
  void park() { stop_at(Phase::kParking); }
  /// They run until there is nothing more to run.
  void drain() { stop_at(Phase::kDraining); }
  [[nodiscard]] bool is_parked() const { return phase_.load() == Phase::kParked; }

 private:
  enum class Phase { kRunning, kDraining, kParking, kParked, kEnding };

  void stop_at(Phase phase);
  void work();
  void run();

  const std::function<bool()> run_one_;
  // Relaxed where handlers are run: the threads are to be ordered by what they run alone.
  std::atomic<Phase> phase_{Phase::kParked};
  std::atomic<std::size_t> busy_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t rounds_ = 0;
  std::size_t at_work_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace bytes_handoff::test

#include "fault/pool.hpp"

#include <utility>

namespace bytes_handoff::test {

Pool::Pool(std::size_t threads, std::function<bool()> run_one) : run_one_(std::move(run_one)) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

Pool::~Pool() {
  park();
  {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::kEnding;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Pool::resume() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kParked) {
    phase_ = Phase::kRunning;
    ++rounds_;
    at_work_ = threads_.size();
    changed_.notify_all();
  }
}

void Pool::stop_at(Phase phase) {
  std::unique_lock lock(mutex_);
  if (phase_ != Phase::kParked) {
    phase_ = phase;
    changed_.wait(lock, [this] { return at_work_ == 0; });
    phase_ = Phase::kParked;
  }
}

void Pool::work() {
  for (std::size_t round = 1;; ++round) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return rounds_ == round || phase_ == Phase::kEnding; });
    if (rounds_ != round) {
      return;
    }
    lock.unlock();
    run();
    lock.lock();
    if (--at_work_ == 0) {
      changed_.notify_all();
    }
  }
}

// Who has run a handler looks again, so that the last to leave has seen that there is nothing more.
void Pool::run() {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  while (phase_.load(kRelaxed) != Phase::kParking) {
    busy_.fetch_add(1, kRelaxed);
    const bool ran = run_one_();
    busy_.fetch_sub(1, kRelaxed);
    if (!ran && phase_.load(kRelaxed) == Phase::kDraining && busy_.load(kRelaxed) == 0) {
      return;
    }
    if (!ran) {
      std::this_thread::yield();
    }
  }
}

}  // namespace bytes_handoff::test

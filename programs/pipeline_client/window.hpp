#pragma once

#include <algorithm>
#include <bytes_handoff/observing/duration_histogram.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace programs {

/// The requests of one thread that have no reply yet, and how long those before them took.
///
/// The thread fills its window, and again once half of it has replies. It is woken for that
/// once, behind those of its replies that one read brings.
class Window {
 public:
  explicit Window(std::size_t size) : size_(size) {}

  /// On the thread that asks. Waits until half of the window has replies. Then it takes the room
  /// for up to `most` requests, which are to be sent at once. Returns for how many.
  ///
  /// It reads the clock once: what it sees answered ends then, and what is sent next begins then.
  [[nodiscard]] std::size_t wait_for_room(std::size_t most) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [this] { return in_flight_ <= size_ / 2; });
    const std::size_t count = std::min(most, size_ - in_flight_);
    const std::size_t answered = sent_ - in_flight_;
    in_flight_ += count;
    lock.unlock();
    const Clock::time_point now = Clock::now();
    for (; !pieces_.empty() && pieces_.front().last <= answered; pieces_.pop_front()) {
      latencies_.record(now - pieces_.front().start);
    }
    sent_ += count;
    pieces_.push_back({sent_, now});
    return count;
  }
  /// On the thread that has the replies: so many were for this one.
  void remove(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool had_room = in_flight_ <= size_ / 2;
    in_flight_ -= count;
    const bool has_room = in_flight_ <= size_ / 2;
    lock.unlock();
    if (has_room && !had_room) has_room_.notify_one();
  }

  /// One for each piece that was sent at once: until its thread has seen that the last of it is
  /// answered, or has failed. Not while the thread sends.
  [[nodiscard]] const bytes_handoff::DurationHistogram& latencies() const { return latencies_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Piece {
    std::size_t last = 0;  // how many were sent with it
    Clock::time_point start;
  };

  const std::size_t size_;
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::size_t in_flight_ = 0;  // under the lock
  std::size_t sent_ = 0;
  std::deque<Piece> pieces_;
  bytes_handoff::DurationHistogram latencies_;
};

}  // namespace programs

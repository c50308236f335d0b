#pragma once

#include <chrono>
#include <cstdint>

namespace programs {

/// Tells that something makes no progress for too long. It has no timer of its own: one timer looks
/// at many of them, now and then. So nothing is paid for each request.
class StallClock {
 public:
  /// Whether it is too late. `waits`: progress must come. `progress`: any count that grows with it.
  /// `passed`: the time since the last look.
  [[nodiscard]] bool look(bool waits, std::uint64_t progress, std::chrono::nanoseconds passed,
                          std::chrono::nanoseconds limit) noexcept {
    late_ = waits && progress == seen_ ? late_ + passed : std::chrono::nanoseconds(0);
    seen_ = progress;
    return late_ >= limit;
  }
  void start_anew() noexcept { late_ = std::chrono::nanoseconds(0); }

 private:
  std::uint64_t seen_ = 0;
  std::chrono::nanoseconds late_{0};
};

}  // namespace programs

#include "roles/process/wave_clock.hpp"

namespace stream_harness {

void WaveClock::start() noexcept {
  before_ = current_process_usage();
  began_at_ = std::chrono::steady_clock::now();
}

void WaveClock::wave_ended() noexcept {
  ended_at_ = std::chrono::steady_clock::now();
  const std::uint64_t waves = waves_.fetch_add(1, std::memory_order_relaxed) + 1;
  another_wave_ = (waves < options_.iterations || elapsed() < options_.duration) &&
                  !stop_.load(std::memory_order_relaxed);
  if (!another_wave_) after_ = current_process_usage();
}

void WaveClock::ended(std::chrono::steady_clock::time_point at) noexcept {
  ended_at_ = at;
  after_ = current_process_usage();
}

}  // namespace stream_harness

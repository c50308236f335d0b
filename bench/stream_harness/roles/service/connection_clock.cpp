#include "roles/service/connection_clock.hpp"

namespace stream_harness {

std::uint64_t ConnectionClock::opened(TimePoint now) noexcept {
  if (total_ == 0) {
    began_at_ = now;
    before_ = current_process_usage();
  }
  ++open_;
  return total_++;
}

void ConnectionClock::closed(TimePoint now) noexcept {
  if (--open_ == 0) stop_at(now);
}

void ConnectionClock::stop_at(TimePoint now) noexcept {
  ended_at_ = now;
  after_ = current_process_usage();
}

std::optional<ConnectionClock::TimePoint> ConnectionClock::idle_since() const noexcept {
  if (total_ == 0 || open_ != 0) return std::nullopt;
  return ended_at_;
}

ProcessUsage ConnectionClock::usage() const noexcept {
  if (total_ != 0) return usage_between(before_, after_);
  const ProcessUsage now = current_process_usage();
  return usage_between(now, now);
}

}  // namespace stream_harness

#include "roles/service/connection_span.hpp"

namespace stream_harness {

std::uint64_t ConnectionSpan::opened(TimePoint now) noexcept {
  if (total_ == 0) {
    began_at_ = now;
    before_ = current_process_usage();
  }
  ++open_;
  return total_++;
}

void ConnectionSpan::closed(TimePoint now) noexcept {
  if (--open_ == 0) cut(now);
}

void ConnectionSpan::cut(TimePoint now) noexcept {
  ended_at_ = now;
  after_ = current_process_usage();
}

std::optional<ConnectionSpan::TimePoint> ConnectionSpan::idle_since() const noexcept {
  if (total_ == 0 || open_ != 0) return std::nullopt;
  return ended_at_;
}

ProcessUsage ConnectionSpan::usage() const noexcept {
  if (total_ != 0) return usage_between(before_, after_);
  const ProcessUsage now = current_process_usage();
  return usage_between(now, now);
}

}  // namespace stream_harness

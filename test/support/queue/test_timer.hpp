#pragma once

#include <memory>
#include <utility>

#include "bytes_handoff/core/queue/write_timer.hpp"

namespace bytes_handoff::test {

/// A timer whose time is what a test says that it is.
class TestTimer final : public detail::WriteTimer {
 public:
  /// `now`: outlives the timer.
  TestTimer(std::shared_ptr<detail::WriteTimesState> times, const TimePoint& now)
      : WriteTimer(std::move(times)), now_(&now) {}

  [[nodiscard]] TimePoint time() noexcept override { return *now_; }

 private:
  const TimePoint* now_;
};

}  // namespace bytes_handoff::test

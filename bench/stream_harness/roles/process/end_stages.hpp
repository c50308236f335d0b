#pragma once

#include <chrono>
#include <cstdint>

namespace stream_harness {

/// How a role ends that was told to: it takes nothing new; what is open may end by itself for a
/// second; then it is stopped; what does not even end then is abandoned after another second.
class EndStages {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kStage{1};

  enum class Step : std::uint8_t { kNone, kStopWhatIsOpen, kAbandon };

  /// The end begins; later calls change nothing.
  void begin(TimePoint now) noexcept;
  [[nodiscard]] bool begun() const noexcept { return next_ != Step::kNone; }

  /// What is to be done now; each step is given once.
  [[nodiscard]] Step step(TimePoint now) noexcept;

 private:
  Step next_ = Step::kNone;
  bool over_ = false;
  TimePoint next_at_;
};

}  // namespace stream_harness

#include "roles/process/end_stages.hpp"

namespace stream_harness {

void EndStages::begin(TimePoint now) noexcept {
  if (begun()) return;
  next_ = Step::kStopWhatIsOpen;
  next_at_ = now + kStage;
}

EndStages::Step EndStages::step(TimePoint now) noexcept {
  if (!begun() || over_ || now < next_at_) return Step::kNone;
  const Step due = next_;
  over_ = due == Step::kAbandon;
  next_ = Step::kAbandon;
  next_at_ = now + kStage;
  return due;
}

}  // namespace stream_harness

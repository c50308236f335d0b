#include "bytes_handoff/observing/write_times.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "bytes_handoff/core/observing/duration_buckets.hpp"
#include "bytes_handoff/core/observing/shared_histogram.hpp"
#include "bytes_handoff/core/observing/write_times_state.hpp"

namespace bytes_handoff {

DurationHistogram detail::SharedHistogram::counted() const {
  DurationHistogram histogram;
  for (std::size_t bucket = 0; bucket != kDurationBuckets; ++bucket) {
    if (const std::uint64_t count = counts_[bucket].load(std::memory_order_acquire); count != 0) {
      histogram.counts_.resize(bucket + 1);
      histogram.counts_[bucket] = count;
      histogram.count_ += count;
    }
  }
  if (!histogram.counts_.empty()) {  // one that is longer may not be counted yet
    histogram.max_ =
        std::min(max_.load(std::memory_order_relaxed), largest_in(histogram.counts_.size() - 1));
  }
  return histogram;
}

WriteTimes WriteTimes::make() {
  WriteTimes times;
  times.state_ = std::make_shared<detail::WriteTimesState>();
  return times;
}

WriteTimesReport WriteTimes::report() const { return state_->report(); }

}  // namespace bytes_handoff

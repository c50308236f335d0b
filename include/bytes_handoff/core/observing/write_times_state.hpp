#pragma once

#include <memory>

#include "bytes_handoff/core/observing/shared_histogram.hpp"
#include "bytes_handoff/observing/write_times.hpp"

namespace bytes_handoff::detail {

/// What queues see of a `WriteTimes`.
class WriteTimesState {
 public:
  /// On any thread.
  void record(const WriteDurations& of) noexcept {
    queued_.record(of.queued);
    with_stream_.record(of.with_stream);
  }
  [[nodiscard]] WriteTimesReport report() const {
    return {queued_.counted(), with_stream_.counted()};
  }

 private:
  SharedHistogram queued_;
  SharedHistogram with_stream_;
};

/// What users of a `WriteTimes` do not need.
struct WriteTimesAccess {
  [[nodiscard]] static const std::shared_ptr<WriteTimesState>& state(
      const WriteTimes& of) noexcept {
    return of.state_;
  }
};

}  // namespace bytes_handoff::detail

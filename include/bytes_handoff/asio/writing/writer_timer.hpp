#pragma once

#include <memory>
#include <utility>

#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/writer_pointer.hpp"
#include "bytes_handoff/config.hpp"
#include "bytes_handoff/core/observing/write_times_state.hpp"
#include "bytes_handoff/core/queue/write_timer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// Takes the times of a queue's writes by the clock of its stream's executor.
class WriterTimer final : public WriteTimer {
 public:
  /// Null if nobody wants them. Throws std::bad_alloc.
  [[nodiscard]] static std::unique_ptr<WriterTimer> make(WriterBase& writer,
                                                         const WriteHandoffConfig& config) {
    return config.times.valid()
               ? std::make_unique<WriterTimer>(writer, WriteTimesAccess::state(config.times))
               : nullptr;
  }

  WriterTimer(WriterBase& writer, std::shared_ptr<WriteTimesState> times)
      : WriteTimer(std::move(times)), writer_(&writer) {}

  [[nodiscard]] TimePoint time() noexcept override;  // defined where the writer is known

 private:
  WriterBase* writer_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

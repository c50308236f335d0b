#pragma once

#include <cstddef>

#include "bytes_handoff/asio/reading/reading.hpp"
#include "bytes_handoff/asio/support/net.hpp"
#include "bytes_handoff/asio/support/net_error.hpp"
#include "bytes_handoff/asio/support/stream_exception.hpp"
#include "bytes_handoff/core/framing/frame_wait.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {
inline namespace BYTES_HANDOFF_FLAVOUR {

/// How a wait for a frame goes on: one read after the other, each as `Reading` does it, until
/// `FrameWait` says that it is over.
template <class Stream, class F>
class FrameReading {
 public:
  static constexpr const char* kName = "HandoffBuffer::async_wait_frame";
  static constexpr bool kReadsOnce = false;

  FrameReading(HandoffBuffer& buffer, Stream& stream, F& framer) noexcept
      : reading_(buffer, stream), wait_(framer) {}

  [[nodiscard]] HandoffBuffer& buffer() const noexcept { return reading_.buffer(); }
  [[nodiscard]] Stream& stream() const noexcept { return reading_.stream(); }
  [[nodiscard]] const net::mutable_buffer& room() const noexcept { return reading_.room(); }
  [[nodiscard]] ReadOn& read_on() const noexcept { return reading_.read_on(); }
  [[nodiscard]] std::size_t memory_needed() const noexcept { return reading_.memory_needed(); }

  // The results, once it is done.
  [[nodiscard]] const net_error_code& error() const noexcept { return reading_.error(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return wait_.size(); }

  [[nodiscard]] ReadStep begin() noexcept {
    if (front_end::is_reading(buffer())) {
      return fail(to_net_error(Errc::read_in_progress));
    }
    try {
      const FrameStep step = wait_.begin(buffer());
      return step == FrameStep::kRead ? go_on(reading_.begin(), false) : take(step);
    } catch (...) {
      return fail(error_of_current_exception());
    }
  }

  [[nodiscard]] ReadStep after_wait(const net_error_code& error, bool is_cancelled) noexcept {
    return go_on(reading_.after_wait(error, is_cancelled), is_cancelled);
  }

  [[nodiscard]] ReadStep after_read(const net_error_code& error, std::size_t n,
                                    bool is_cancelled) noexcept {
    return go_on(reading_.after_read(error, n, is_cancelled), is_cancelled);
  }

  /// Behind a pause in which others ran. `error`: there was no memory for it.
  [[nodiscard]] ReadStep after_yield(const net_error_code& error, bool is_cancelled) noexcept {
    BufferAccess::set_reading(buffer(), false);
    if (error) {
      return fail(error);
    }
    return is_cancelled ? take(FrameStep::kCancelled) : go_on(read_again(), false);
  }

  void note_suspended() noexcept { wait_.note_suspended(); }

 private:
  // Goes on for as long as reads end at once.
  [[nodiscard]] ReadStep go_on(ReadStep read, bool is_cancelled) noexcept {
    try {
      while (read == ReadStep::kDone) {
        const FrameStep step = wait_.after_read(buffer(), end_of_read(), is_cancelled);
        if (step != FrameStep::kRead) {
          return take(step);
        }
        read = read_again();
      }
    } catch (...) {
      return fail(error_of_current_exception());
    }
    return read;
  }

  [[nodiscard]] ReadStep take(FrameStep step) noexcept {
    switch (step) {
      case FrameStep::kRead:
        break;
      case FrameStep::kYield:
        return ReadStep::kYield;
      case FrameStep::kTell:
        if (wait_.leaves_error()) {
          BufferAccess::kept_error(buffer()) = to_kept_error(reading_.error());
        }
        return fail(wait_.error() ? net_error_code(wait_.error()) : net_error_code());
      case FrameStep::kTellRead:
        break;
      case FrameStep::kCancelled:
        return fail(net::error::operation_aborted);
    }
    return ReadStep::kDone;
  }

  [[nodiscard]] ReadStep fail(const net_error_code& error) noexcept { return reading_.fail(error); }

  [[nodiscard]] ReadStep read_again() noexcept {
    reading_ = Reading<Stream>(buffer(), stream());
    return reading_.begin();
  }

  [[nodiscard]] ReadEnd end_of_read() const noexcept {
    if (reading_.error()) {
      return reading_.error() == net::error::operation_aborted ? ReadEnd::kCancelled
                                                               : ReadEnd::kFailed;
    }
    return reading_.bytes() == 0 ? ReadEnd::kEnd : ReadEnd::kBytes;
  }

  Reading<Stream> reading_;
  FrameWait<F> wait_;
};

}  // namespace BYTES_HANDOFF_FLAVOUR
}  // namespace bytes_handoff::detail

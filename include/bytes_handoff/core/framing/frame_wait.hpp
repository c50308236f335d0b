#pragma once

#include <cstddef>
#include <system_error>

#include "bytes_handoff/core/framing/find_frame.hpp"
#include "bytes_handoff/core/reading/read_on.hpp"
#include "bytes_handoff/error.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff::detail {

/// How a read ended, as far as a wait for a frame goes by it.
enum class ReadEnd : unsigned char {
  kBytes,      ///< at least one byte has been appended
  kEnd,        ///< the stream has ended: no bytes, and no error
  kCancelled,  ///< an error that says nothing about the stream; there may be bytes
  kFailed,     ///< an error; there may be bytes
};

/// What a wait for a frame does next.
enum class FrameStep : unsigned char {
  kRead,       ///< read
  kYield,      ///< let others on the executor run, then read
  kTell,       ///< it is over: tell `error()` and `size()`
  kTellRead,   ///< it is over: tell the read's error
  kCancelled,  ///< it is over: tell that it was cancelled
};

/// Waits until a whole frame is at the front of a buffer: decides when to scan, to read on and to
/// end, and with which error. Frames that are there come before an end or an error of the stream.
template <Framer F>
class FrameWait {
 public:
  explicit FrameWait(F& framer) noexcept : framer_(&framer) {}

  /// The first step. Throws what the framer throws, as the other steps do.
  [[nodiscard]] FrameStep begin(HandoffBuffer& buffer) { return look(buffer); }

  /// Behind a read. `is_cancelled`: the wait was, at a time when it could not be told.
  [[nodiscard]] FrameStep after_read(HandoffBuffer& buffer, ReadEnd end, bool is_cancelled) {
    if (look(buffer) == FrameStep::kTell) {
      leaves_error_ = end == ReadEnd::kFailed;
      return FrameStep::kTell;
    }
    switch (end) {
      case ReadEnd::kEnd:
        error_ = buffer.empty() ? std::error_code() : make_error_code(Errc::truncated_frame);
        return FrameStep::kTell;
      case ReadEnd::kCancelled:
      case ReadEnd::kFailed:
        return FrameStep::kTellRead;
      case ReadEnd::kBytes:
        break;
    }
    if (is_cancelled) {
      return FrameStep::kCancelled;
    }
    return ++reads_ < ReadOn::kMostReads ? FrameStep::kRead : FrameStep::kYield;
  }

  /// The wait was suspended: others on the executor have had their turn.
  void note_suspended() noexcept { reads_ = 0; }

  // The results, once it is over.
  [[nodiscard]] const std::error_code& error() const noexcept { return error_; }
  /// Bytes of the frame. 0: there is none.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Whether the last read's error is to be kept for the next one.
  [[nodiscard]] bool leaves_error() const noexcept { return leaves_error_; }

 private:
  // Scans, if a frame may be there.
  [[nodiscard]] FrameStep look(HandoffBuffer& buffer) {
    if (buffer.size() < needed_) {
      return FrameStep::kRead;
    }
    const FrameScan scan = find_frame(buffer, *framer_);
    if (!scan.is_complete() && !scan.is_error()) {
      needed_ = scan.needed();
      return FrameStep::kRead;
    }
    size_ = scan.size();
    error_ = scan.error_code();
    return FrameStep::kTell;
  }

  F* framer_;
  std::size_t needed_ = 1;  // bytes that must be there before a scan can find anything
  std::size_t size_ = 0;
  std::error_code error_;
  unsigned reads_ = 0;  // since the wait was suspended
  bool leaves_error_ = false;
};

}  // namespace bytes_handoff::detail

#pragma once

#include <cstddef>
#include <iterator>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/framing/scan_check.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {

namespace detail {

/// What a range over frames has whatever its framer is.
class FrameRangeState {
 protected:
  explicit FrameRangeState(HandoffBuffer& buffer) noexcept : buffer_(&buffer) {}

  /// No whole frame is there, as `scan` says.
  void finish(FrameScan scan) noexcept;
  [[nodiscard]] FrameError error_in(FrameScan scan) const noexcept;

  HandoffBuffer* buffer_;
  Bytes frame_;
  FrameError error_;
  bool is_over_ = false;
};

}  // namespace detail

/// The frames that are in a `HandoffBuffer`: see `HandoffBuffer::frames`. An input range: to begin
/// again is to go on with the frames that are left.
template <Framer F>
class FrameRange : private detail::FrameRangeState {
 public:
  class iterator {
   public:
    using value_type = Bytes;
    using difference_type = std::ptrdiff_t;

    explicit iterator(FrameRange& range) noexcept : range_(&range) {}
    /// The frame's content. It may be moved from.
    [[nodiscard]] Bytes& operator*() const noexcept { return range_->frame_; }
    [[nodiscard]] Bytes* operator->() const noexcept { return &range_->frame_; }
    iterator& operator++() {
      range_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.is_at_end();
    }

   private:
    [[nodiscard]] bool is_at_end() const noexcept { return range_->is_over_; }

    FrameRange* range_;
  };

  FrameRange(HandoffBuffer& buffer, F& framer) noexcept
      : FrameRangeState(buffer), framer_(&framer) {}
  FrameRange(const FrameRange&) = delete;
  FrameRange& operator=(const FrameRange&) = delete;

  [[nodiscard]] iterator begin() {
    start();
    return iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// What the framer says where the range has ended, or before that of the next frame: no error if
  /// a frame is there, or only bytes are missing. So it also tells the figures of an error that
  /// `async_wait_frame` has told.
  [[nodiscard("the framer's error ended the range")]] FrameError error() const {
    if (is_over_ || buffer_->empty()) {
      return error_;
    }
    buffer_->have_generation();
    return error_in(framer_->scan(buffer_->window()));
  }

 private:
  // Two of them, so that the loop has its own in place: it is as fast as one that is written by
  // hand.
  [[gnu::noinline]] void start() {
    buffer_->have_generation();
    is_over_ = false;
    next();
  }
  [[gnu::always_inline]] void next() {
    if (buffer_->empty()) {
      finish(FrameScan::need_at_least(1));
      return;
    }
    if constexpr (detail::kIsOfTheLibrary<F>) {
      const detail::FoundFrame found = framer_->find(buffer_->window());
      if (found.n == 0) {
        finish(framer_->without_frame(buffer_->window()));
      } else {
        buffer_->take_frame(frame_, found.n, found.first, found.last);
      }
    } else {
      const FrameScan scan = framer_->scan(buffer_->window());
      if (!detail::is_there(scan, buffer_->size())) {
        finish(scan);
      } else {
        buffer_->take_frame(frame_, scan.size(), scan.content_first(), scan.content_last());
      }
    }
  }

  F* framer_;
};

template <Framer F>
FrameRange<F> HandoffBuffer::frames(F& framer) noexcept {
  return FrameRange<F>(*this, framer);
}

}  // namespace bytes_handoff

#pragma once

#include <cstddef>
#include <iterator>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/framing/find_frame.hpp"
#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {

/// The frames that are in a `HandoffBuffer`: see `HandoffBuffer::frames`. An input range: to begin
/// again is to go on with the frames that are left.
template <Framer F>
class FrameRange {
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

  FrameRange(HandoffBuffer& buffer, F& framer) noexcept : buffer_(&buffer), framer_(&framer) {}
  FrameRange(const FrameRange&) = delete;
  FrameRange& operator=(const FrameRange&) = delete;

  [[nodiscard]] iterator begin() {
    next();
    return iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// What the framer said where the range ended: no error if only bytes are missing.
  [[nodiscard("the framer's error ended the range")]] const FrameError& error() const noexcept {
    return error_;
  }

 private:
  void next() {
    const FrameScan scan = detail::find_frame(*buffer_, *framer_);
    is_over_ = !scan.is_complete();
    if (is_over_) {
      frame_ = Bytes();  // it would keep its block
      error_ = scan.is_error() ? detail::error_of(scan, *buffer_) : FrameError();
      return;
    }
    frame_ = detail::BufferAccess::take_frame(*buffer_, scan);
  }

  HandoffBuffer* buffer_;
  F* framer_;
  Bytes frame_;
  FrameError error_;
  bool is_over_ = false;
};

template <Framer F>
FrameRange<F> HandoffBuffer::frames(F& framer) noexcept {
  return FrameRange<F>(*this, framer);
}

}  // namespace bytes_handoff

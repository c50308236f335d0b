#pragma once

#include <cstddef>
#include <iterator>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/core/framing/scan_check.hpp"
#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"

namespace bytes_handoff {

/// The frames that are in a `HandoffBuffer`: see `HandoffBuffer::frames`. An input range: to begin
/// again is to go on with the frames that are left.
template <Framer F>
class FrameRange {
 public:
  class iterator {  // NOLINT(readability-identifier-naming): as ranges name it
   public:
    using value_type = Bytes;
    using difference_type = std::ptrdiff_t;

    explicit iterator(FrameRange* range) noexcept
        : range_(range), buffer_(range->buffer_), framer_(range->framer_) {}
    /// The frame's content. It may be moved from.
    [[nodiscard]] Bytes& operator*() const noexcept { return range_->frame_; }
    [[nodiscard]] Bytes* operator->() const noexcept { return &range_->frame_; }
    [[gnu::always_inline]] iterator& operator++() {
      range_ = range_->next(*buffer_, *framer_) ? range_ : nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.range_ == nullptr;
    }

   private:
    friend class FrameRange;

    FrameRange* range_;  // none: at the end
    HandoffBuffer* buffer_;
    F* framer_;
  };

  FrameRange(HandoffBuffer& buffer, F& framer) noexcept : buffer_(&buffer), framer_(&framer) {}
  FrameRange(const FrameRange&) = delete;
  FrameRange& operator=(const FrameRange&) = delete;

  [[nodiscard]] iterator begin() {
    iterator it(this);
    it.range_ = start() ? this : nullptr;
    return it;
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// What the framer says of the bytes that are at the front of the buffer now: no error if only
  /// bytes are missing, or a frame is there. After `async_wait_frame` has failed it may be asked
  /// without a loop.
  [[nodiscard("the framer's error ended the range")]] FrameError error() const {
    if (buffer_->empty()) {
      return {};
    }
    buffer_->have_generation();
    const std::size_t size = buffer_->size();
    FrameScan scan = framer_->scan(buffer_->window());
    if (detail::is_there(scan, size)) {
      return {};
    }
    scan = detail::without_frame(scan, size, buffer_->config().max_size);
    return scan.is_error()
               ? FrameError{scan.error_code(), buffer_->position(), scan.length(), scan.limit()}
               : FrameError();
  }

 private:
  // Whether there is a frame; it is taken. A wait may have looked at it, or at a part of it.
  [[nodiscard, gnu::noinline]] bool start() {
    buffer_->have_generation();
    if (buffer_->empty()) {
      return finish();
    }
    if constexpr (detail::kIsOfTheLibrary<F>) {
      return take(*buffer_, framer_->find(buffer_->window()));
    } else {
      return next(*buffer_, *framer_);
    }
  }
  // The iterator's own pointers: in the loop they stay in registers.
  [[nodiscard, gnu::always_inline]] bool next(HandoffBuffer& buffer, F& framer) {
    if (buffer.empty()) {
      return finish();
    }
    if constexpr (detail::kIsOfTheLibrary<F>) {
      return take(buffer, framer.find_next(buffer.window()));
    } else {
      const FrameScan scan = framer.scan(buffer.window());
      return detail::is_there(scan, buffer.size())
                 ? take(buffer, {scan.size(), scan.content_first(), scan.content_last()})
                 : finish();
    }
  }
  [[nodiscard, gnu::always_inline]] bool take(HandoffBuffer& buffer,
                                              const detail::FoundFrame& found) {
    if (found.n == 0) {
      return finish();
    }
    buffer.take_frame(frame_, found.n, found.first, found.last);
    return true;
  }
  [[nodiscard, gnu::noinline]] bool finish() noexcept {
    frame_ = Bytes();  // it would keep its block
    return false;
  }

  HandoffBuffer* buffer_;
  F* framer_;
  Bytes frame_;
};

template <Framer F>
FrameRange<F> HandoffBuffer::frames(F& framer) noexcept {
  return FrameRange<F>(*this, framer);
}

}  // namespace bytes_handoff

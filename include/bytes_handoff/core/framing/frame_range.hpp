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

    explicit iterator(FrameRange& range) noexcept : range_(&range) {}
    /// The frame's content. It may be moved from.
    [[nodiscard]] Bytes& operator*() const noexcept { return range_->frame_; }
    [[nodiscard]] Bytes* operator->() const noexcept { return &range_->frame_; }
    [[gnu::always_inline]] iterator& operator++() {
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
    start();
    return iterator(*this);
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
  // A wait may have looked at the first frame, or at a part of it.
  [[gnu::noinline]] void start() {
    buffer_->have_generation();
    is_over_ = false;
    if (buffer_->empty()) {
      finish();
      return;
    }
    if constexpr (detail::kIsOfTheLibrary<F>) {
      if (const detail::FoundFrame found = framer_->find(buffer_->window()); found.n != 0) {
        take(found);
      } else {
        finish();
      }
    } else {
      next();
    }
  }
  [[gnu::always_inline]] void next() {
    if (buffer_->empty()) {
      finish();
      return;
    }
    if constexpr (detail::kIsOfTheLibrary<F>) {
      const detail::FoundFrame found = framer_->find_next(buffer_->window());
      found.n != 0 ? take(found) : finish();
    } else {
      const FrameScan scan = framer_->scan(buffer_->window());
      detail::is_there(scan, buffer_->size())
          ? take({scan.size(), scan.content_first(), scan.content_last()})
          : finish();
    }
  }
  [[gnu::always_inline]] void take(const detail::FoundFrame& found) {
    buffer_->take_frame(frame_, found.n, found.first, found.last);
  }
  [[gnu::noinline]] void finish() noexcept {
    is_over_ = true;
    frame_ = Bytes();  // it would keep its block
  }

  HandoffBuffer* buffer_;
  F* framer_;
  Bytes frame_;
  bool is_over_ = false;
};

template <Framer F>
FrameRange<F> HandoffBuffer::frames(F& framer) noexcept {
  return FrameRange<F>(*this, framer);
}

}  // namespace bytes_handoff

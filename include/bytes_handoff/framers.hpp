#pragma once

// Where the frames of a protocol end: `HandoffBuffer::frames` and `HandoffBuffer::async_wait_frame`
// ask here. No Asio.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "bytes_handoff/core/framing/scan_origin.hpp"
#include "bytes_handoff/core/support/lifetimebound.hpp"
#include "bytes_handoff/error.hpp"

namespace bytes_handoff {

namespace detail {

/// A whole frame; `n` is 0 if there is none. In registers, unlike a `FrameScan`.
struct FoundFrame {
  std::size_t n = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

}  // namespace detail

/// The unread bytes that a framer looks at: all that a buffer holds, from the begin of a frame on.
///
/// A window without a buffer is made of a span. It is a new one for every `ScanMark`.
class FrameWindow {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): bytes without a buffer, as in a test
  explicit(false) FrameWindow(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 private:
  friend class HandoffBuffer;
  friend class ScanMark;
  FrameWindow(std::span<const std::byte> bytes, detail::ScanOrigin origin) noexcept
      : bytes_(bytes), origin_(origin) {}

  std::span<const std::byte> bytes_;
  detail::ScanOrigin origin_;
};

/// How far a framer has looked. With it a frame that drips in is searched once, not from its begin
/// after each read.
///
/// It resets itself: in another window than before, nothing was looked at. A window is another one
/// if bytes were taken from the front of the buffer, or if it is of another buffer.
class ScanMark {
 public:
  /// How many bytes at the front of `window` were looked at before.
  [[nodiscard]] std::size_t looked_at(const FrameWindow& window) const noexcept {
    return window.origin_.generation != 0 && window.origin_ == origin_ ? looked_at_ : 0;
  }
  /// The first `n` bytes of `window` need no second look while it only grows at its end.
  void set(const FrameWindow& window, std::size_t n) noexcept {
    origin_ = window.origin_;
    looked_at_ = n;
  }

 private:
  detail::ScanOrigin origin_;
  std::size_t looked_at_ = 0;
};

/// What a framer says of a window: a whole frame is at its front, or bytes are missing, or an
/// error.
class FrameScan {
 public:
  /// The first `n` bytes are a frame. Its content is what lies in `[first, last)` of them.
  ///
  /// `1 <= n <= window.size()` and `first <= last <= n`. An answer that breaks this is taken as
  /// the error `Errc::malformed_frame`.
  [[nodiscard]] static FrameScan complete(std::size_t n, std::size_t first,
                                          std::size_t last) noexcept {
    return n != 0 ? FrameScan(n, first, last) : error(Errc::malformed_frame);
  }
  [[nodiscard]] static FrameScan complete(std::size_t n) noexcept { return complete(n, 0, n); }

  /// No whole frame can be there before the window has `n` bytes. A framer that knows nothing
  /// better says `window.size() + 1`, as is assumed for any `n` that is less.
  [[nodiscard]] static FrameScan need_at_least(std::size_t n) noexcept {
    return FrameScan(0, n, 0);
  }

  /// The bytes can be no frame, whatever follows. `code` is an `Errc`, such as `malformed_frame`,
  /// or an error of your own. `length` and `limit` are figures for a message. A `code` without an
  /// error is taken as `Errc::malformed_frame`.
  [[nodiscard]] static FrameScan error(std::error_code code, std::uint64_t length = 0,
                                       std::uint64_t limit = 0) noexcept {
    FrameScan scan(0, length, limit);
    scan.error_value_ = code ? code.value() : static_cast<int>(Errc::malformed_frame);
    scan.error_category_ = code ? &code.category() : &bytes_handoff::error_category();
    return scan;
  }

  [[nodiscard]] bool is_complete() const noexcept { return n_ != 0; }
  [[nodiscard]] bool is_error() const noexcept { return error_category_ != nullptr; }

  /// Of a whole frame: the bytes that leave the buffer, and where the content is in them.
  [[nodiscard]] std::size_t size() const noexcept { return n_; }
  [[nodiscard]] std::size_t content_first() const noexcept {
    return static_cast<std::size_t>(first_);
  }
  [[nodiscard]] std::size_t content_last() const noexcept {
    return static_cast<std::size_t>(last_);
  }

  /// Where bytes are missing: how many the window must have.
  [[nodiscard]] std::size_t needed() const noexcept { return static_cast<std::size_t>(first_); }

  /// Of an error: what was given to `error`.
  [[nodiscard]] std::error_code error_code() const noexcept {
    return is_error() ? std::error_code(error_value_, *error_category_) : std::error_code();
  }
  [[nodiscard]] std::uint64_t length() const noexcept { return first_; }
  [[nodiscard]] std::uint64_t limit() const noexcept { return last_; }

 private:
  FrameScan(std::size_t n, std::uint64_t first, std::uint64_t last) noexcept
      : n_(n), first_(first), last_(last) {}

  std::size_t n_;        // 0: no whole frame
  std::uint64_t first_;  // of the content; or the bytes needed; or the length of an error
  std::uint64_t last_;   // of the content; or the limit of an error
  // An `error_code`, which the good cases do not pay for: to make one is a call.
  int error_value_ = 0;
  const std::error_category* error_category_ = nullptr;
};

/// Finds the frame at the front of a window, which has at least one byte.
///
/// `scan` commits to nothing: for the same bytes it gives the same answer, however often it is
/// asked, and wherever the input was cut. Bytes leave the buffer only behind `complete`. A framer
/// that looks at content keeps a `ScanMark`, so that it looks at no byte twice.
///
/// Behind `complete` the same window may be scanned again: by a wait, then by `frames`. What a
/// framer keeps beside its mark must give the same answer then. So begin anew where `looked_at` is
/// 0, and not behind `complete`.
///
/// If a framer has a limit of its own, the `max_size` of the buffer must be larger than that.
/// Otherwise the buffer is full first, and the error is `limit_exceeded` in place of the framer's.
///
///     struct Pairs {  // two bytes each
///       FrameScan scan(const FrameWindow& window) {
///         return window.size() < 2 ? FrameScan::need_at_least(2) : FrameScan::complete(2);
///       }
///     };
/// A longer one, for a length in text: examples/netstring.cpp.
template <class T>
concept Framer = requires(T& framer, const FrameWindow& window) {
  { framer.scan(window) } -> std::same_as<FrameScan>;
};

template <Framer F>
class FrameRange;

/// Why there are no more frames.
struct FrameError {
  std::error_code code;        ///< none: nothing is wrong
  std::uint64_t position = 0;  ///< of the frame's first byte: bytes that the buffer gave out before
  std::uint64_t length = 0;    ///< of what was too long, as far as it is known; 0 if not told
  std::uint64_t limit = 0;     ///< that it exceeds

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(code); }
  /// One line: what is wrong, where, and the figures.
  [[nodiscard]] std::string message() const;
};

struct DelimiterFramerConfig {
  /// Bytes that a frame may have before its delimiter. By default only the buffer's `max_size`
  /// limits a frame.
  std::size_t max_content = SIZE_MAX / 2;
  /// Whether the delimiter is part of the content.
  bool keep_delimiter = false;
};

/// Frames that end with a delimiter: one byte, or several, such as CRLF.
///
/// Errors of a scan: `Errc::frame_too_long`, as soon as no delimiter can follow within
///     `max_content`. Its length is the limit and 1: the least that is known.
/// Threads: one object on one thread at a time.
/// Cost: `memchr` over the bytes that are new, and a comparison where the delimiter's last byte is.
///
///     DelimiterFramer lines("\r\n", {.max_content = 8192});
class DelimiterFramer {
 public:
  /// Throws `std::invalid_argument` for an empty delimiter, and `std::bad_alloc`.
  explicit DelimiterFramer(std::string_view delimiter, DelimiterFramerConfig config = {});

  [[nodiscard]] FrameScan scan(const FrameWindow& window) noexcept;

 private:
  template <Framer F>
  friend class FrameRange;

  [[nodiscard]] detail::FoundFrame find(const FrameWindow& window) noexcept;
  [[nodiscard]] detail::FoundFrame find_next(const FrameWindow& window) const noexcept;
  [[nodiscard]] detail::FoundFrame find_behind(std::size_t looked_at,
                                               std::string_view window) const noexcept;
  [[nodiscard]] const char* find_last_byte(std::string_view bytes, std::size_t from) const noexcept;
  [[nodiscard]] FrameScan without_frame(const FrameWindow& window) const noexcept;
  [[nodiscard]] bool may_begin_delimiter(std::string_view window) const noexcept;
  [[nodiscard]] std::size_t max_content() const noexcept { return most_ - delimiter_.size(); }

  std::string delimiter_;
  std::size_t most_;      // bytes of the longest frame, delimiter included
  std::size_t left_out_;  // bytes at a frame's end that are not content
  char last_byte_;        // of the delimiter
  ScanMark mark_;         // no delimiter ends before it
};

struct LengthFramerConfig {
  /// `length_bytes` of a length in groups of 7 bits, least significant first, as in Protocol
  /// Buffers: at most 10 bytes.
  static constexpr std::size_t kVarint = 0;

  /// Bytes of the length: 1 to 8, or `kVarint`. They are all of the header.
  std::size_t length_bytes = 4;
  /// Of the bytes of the length. Big is the network's.
  std::endian byte_order = std::endian::big;
  /// Whether the length counts its own bytes, too.
  bool counts_header = false;
  /// Bytes that a frame may have behind its header. By default only the buffer's `max_size` limits
  /// a frame.
  std::size_t max_content = SIZE_MAX / 2;
  /// Whether the header is part of the content.
  bool keep_header = false;
};

/// Frames that begin with their length, in binary. For a length in text write a `Framer`, as in
/// examples/netstring.cpp.
///
/// Errors of a scan: `Errc::frame_too_long` as soon as the length is there, with the length that it
///     tells of the content; `Errc::malformed_frame` for a varint of more than 64 bits, and for a
///     length that counts its header and is less.
/// Threads: one object on one thread at a time; `scan` keeps nothing.
/// Cost: O(1). Allocates nothing.
///
///     LengthFramer messages({.length_bytes = 2, .max_content = 4096});
class LengthFramer {
 public:
  /// Throws `std::invalid_argument` for a configuration that can never work.
  explicit LengthFramer(LengthFramerConfig config = {});

  [[nodiscard]] FrameScan scan(const FrameWindow& window) const noexcept;

 private:
  template <Framer F>
  friend class FrameRange;

  struct Header {
    std::uint64_t length;
    std::size_t
        bytes;  // that the length takes; 0: not all of them are there, or they are malformed
  };

  [[nodiscard]] detail::FoundFrame find(const FrameWindow& window) const noexcept;
  [[nodiscard]] detail::FoundFrame find_next(const FrameWindow& window) const noexcept;
  [[nodiscard]] detail::FoundFrame find_by_bytes(std::span<const std::byte> window) const noexcept;
  [[nodiscard]] detail::FoundFrame frame_of(std::uint64_t content, std::size_t header_bytes,
                                            std::size_t window_size) const noexcept;
  [[nodiscard]] Header header_of(std::span<const std::byte> window) const noexcept;
  [[nodiscard]] Header fixed_header(std::span<const std::byte> window) const noexcept;
  [[nodiscard]] static Header varint_header(std::span<const std::byte> window) noexcept;
  [[nodiscard]] FrameScan without_frame(const FrameWindow& window) const noexcept;

  LengthFramerConfig config_;
  // How a length of fixed size is taken out of 8 bytes at once.
  std::size_t least_at_once_ = SIZE_MAX;  // bytes of a window
  std::uint64_t mask_ = ~std::uint64_t{0};
  std::size_t counted_ = 0;  // of the length: the header
  unsigned shift_ = 0;
  bool is_swapped_ = false;
};

}  // namespace bytes_handoff

#include "bytes_handoff/core/framing/delimiter_scan.hpp"
#include "bytes_handoff/core/framing/length_scan.hpp"

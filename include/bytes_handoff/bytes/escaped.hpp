#pragma once

#include <array>
#include <cstddef>
#include <iosfwd>
#include <span>
#include <string_view>

#include "bytes_handoff/core/support/lifetimebound.hpp"

namespace bytes_handoff {

/// Of more bytes than this, only so many are printed, and then how many there are.
inline constexpr std::size_t kMostPrintedBytes = 128;

/// Bytes as text to print: printable ASCII as it is, other bytes and the backslash as `\xNN`. What
/// is longer than `kMostPrintedBytes` ends with `...` and its size: `... (70000 bytes)`.
///
/// `Bytes` and `BytesMut` print so themselves, on streams and with `bytes/format.hpp`. This is for
/// other bytes, and for loggers that take a `std::string_view`. Not for protocols.
///
/// Ownership: has the text itself, and keeps nothing of the bytes. About 560 bytes.
/// Threads: as any value.
/// Cost: O(kMostPrintedBytes). Allocates nothing.
///
///     log("refused: " + std::string(Escaped(frame.span()).view()));
class Escaped {
 public:
  explicit Escaped(std::span<const std::byte> bytes) noexcept;
  explicit Escaped(std::string_view text) noexcept : Escaped(std::as_bytes(std::span(text))) {}

  /// Valid as long as this object.
  [[nodiscard]] std::string_view view() const noexcept BYTES_HANDOFF_LIFETIMEBOUND {
    return {text_.data(), size_};
  }

  /// As a `std::string_view` is printed: width, fill and alignment of the stream count.
  friend std::ostream& operator<<(std::ostream& out, const Escaped& escaped);

 private:
  static constexpr std::size_t kLongestEnd = 32;  // of "... (18446744073709551615 bytes)"

  std::array<char, 4 * kMostPrintedBytes + kLongestEnd> text_;
  std::size_t size_ = 0;
};

}  // namespace bytes_handoff

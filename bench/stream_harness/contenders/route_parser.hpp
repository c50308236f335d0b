#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace stream_harness {

/// Finds the next routed unit at the front of the bytes that a proxy has not routed yet, and never
/// looks at a byte twice: where the newline has not come, the next scan goes on behind what was
/// scanned. A frame that comes in byte by byte costs linear time.
///
/// The caller passes the same bytes again, with what has come since behind them, until a unit is
/// found; then it takes the unit from the front.
class RouteParser {
 public:
  /// An unfinished frame may grow to this, or to a frame of the configured length and its newline.
  static constexpr std::size_t kLeastUnfinishedLimit = std::size_t{1} << 20;

  enum class Found : std::uint8_t {
    kFrame,     ///< `bytes` at the front are a frame, its newline included
    kMarker,    ///< `bytes` at the front are the marker; what follows is opaque
    kNeedMore,  ///< no complete unit yet
    kTooLong    ///< an unfinished frame has grown past `unfinished_limit()`
  };

  struct Result {
    Found found;
    std::size_t bytes = 0;
  };

  /// `frame_len`: the bytes of the longest frame that must fit, before its newline.
  explicit RouteParser(std::size_t frame_len) noexcept;

  [[nodiscard]] std::size_t unfinished_limit() const noexcept { return unfinished_limit_; }

  /// `window`: all bytes not routed yet. Costs one memchr over the bytes that are new.
  [[nodiscard]] Result next(std::span<const std::byte> window) noexcept;

  /// The same when nothing more will come: what follows the last newline is a unit of its own.
  /// `kNeedMore` means that there is nothing.
  [[nodiscard]] Result next_at_end(std::span<const std::byte> window) noexcept;

 private:
  std::size_t unfinished_limit_;
  std::size_t scanned_ = 0;
};

/// What a proxy reports when it closes a connection for `Found::kTooLong`; names the limit.
[[nodiscard]] std::string unfinished_frame_error(std::size_t limit);

}  // namespace stream_harness

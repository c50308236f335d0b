#pragma once

// The Redis protocol, version 2: where requests and replies end, and what is in them.

#include <bytes_handoff/bytes.hpp>
#include <bytes_handoff/error.hpp>
#include <bytes_handoff/framers.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace programs {

struct RespLimits {
  /// Bytes of a whole request or reply. At most 2 GiB.
  std::size_t max_frame = std::size_t{16} * 1024 * 1024;
  /// Values in a frame, those of nested arrays included.
  std::size_t max_values = std::size_t{1024} * 1024;
  /// Bytes of a line: an inline request, a simple string, an error.
  std::size_t max_line = std::size_t{64} * 1024;

  /// What a buffer needs, so that a frame that is too long is known by its framer.
  [[nodiscard]] std::size_t buffer_size() const noexcept { return max_frame + 64; }
};

/// One value of a frame. Positions count from the frame's first byte.
struct RespValue {
  std::uint32_t first = 0;          ///< of its type and length
  std::uint32_t content_first = 0;  ///< of its text. An array has none
  std::uint32_t content_last = 0;   ///< behind its text; a line end follows
  char type = 0;                    ///< `+ - : $ *`
  bool is_nil = false;

  [[nodiscard]] std::uint32_t last() const noexcept { return content_last + 2; }
  [[nodiscard]] std::string_view text(std::string_view frame) const noexcept {
    return frame.substr(content_first, content_last - content_first);
  }
};

/// Frames of the Redis protocol, and the values in the last frame that was found.
///
/// A request is an array of bulk strings, or an inline line. A reply is any value. It looks at no
/// byte twice, also if a frame drips in, except for the few bytes of a length.
///
/// Errors of a scan: `Errc::frame_too_long` as soon as a length says so, with its figures;
///     `Errc::malformed_frame`. `problem()` tells more.
///
///     RespFramer replies(RespFramer::Of::replies, {});
///     for (Bytes& reply : buffer.frames(replies)) use(reply, replies.values());
class RespFramer {
 public:
  enum class Of : bool { requests, replies };

  explicit RespFramer(Of what, const RespLimits& limits = {}) : limits_(limits), what_(what) {}

  [[nodiscard]] bytes_handoff::FrameScan scan(const bytes_handoff::FrameWindow& window);

  /// Of the frame that the last scan found, in the order in which they stand there: an array, then
  /// its values. An inline request has none. Valid until the next scan.
  [[nodiscard]] const std::vector<RespValue>& values() const noexcept { return values_; }

  /// What is wrong, behind an error of a scan: as Redis words it, where it does.
  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }

 private:
  enum class Step : std::uint8_t { value, missing, wrong };
  struct Length {
    Step step;
    std::int64_t value = 0;
    std::size_t last = 0;  // behind the line end
  };

  void begin_frame() noexcept;
  [[nodiscard]] bool take_short(std::string_view text);
  [[nodiscard]] Step next_value(std::string_view text);
  [[nodiscard]] Step next_line(std::string_view text);
  [[nodiscard]] Step next_bulk(std::string_view text);
  [[nodiscard]] Step next_array(std::string_view text);
  [[nodiscard]] Step add_value(std::size_t content_first, std::size_t content_last, char type,
                               bool is_nil = false);
  [[nodiscard]] Length read_length(std::string_view text, std::string_view problem);
  [[nodiscard]] Step missing(std::size_t needed) noexcept;
  [[nodiscard]] Step wrong(std::string_view problem) noexcept;
  [[nodiscard]] Step too_long(std::string_view problem, std::uint64_t length,
                              std::size_t limit) noexcept;

  RespLimits limits_;
  Of what_;
  bytes_handoff::ScanMark mark_;
  std::vector<RespValue> values_;
  std::size_t at_ = 0;        // where the next value begins
  std::size_t searched_ = 0;  // no line end before it, if more than at_
  std::size_t left_ = 1;      // values that still belong to the frame
  std::size_t needed_ = 0;
  std::string_view problem_;
  std::uint64_t wrong_length_ = 0;
  std::uint64_t wrong_limit_ = 0;
};

/// The words of an inline request, with quotes and escapes as Redis reads them. None if a quote is
/// not closed, or text follows it.
[[nodiscard]] std::optional<std::vector<std::string>> split_inline(std::string_view line);

/// A request of these words, as an array of bulk strings.
[[nodiscard]] std::string make_request(std::span<const std::string> words);
[[nodiscard]] std::string make_request(std::span<const std::string_view> words);

}  // namespace programs

#include "contenders/route_parser.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "workload/payload_shape.hpp"

namespace stream_harness {

RouteParser::RouteParser(std::size_t frame_len) noexcept
    : unfinished_limit_(std::max(
          kLeastUnfinishedLimit,
          frame_len < std::numeric_limits<std::size_t>::max() ? frame_len + 1 : frame_len)) {}

RouteParser::Result RouteParser::next(std::span<const std::byte> window) noexcept {
  const std::size_t unscanned = window.size() - scanned_;
  const void* newline =
      unscanned == 0 ? nullptr : std::memchr(window.data() + scanned_, '\n', unscanned);
  if (newline == nullptr) {
    scanned_ = window.size();
    return {window.size() > unfinished_limit_ ? Found::kTooLong : Found::kNeedMore};
  }
  scanned_ = 0;
  const auto length =
      static_cast<std::size_t>(static_cast<const std::byte*>(newline) - window.data()) + 1;
  if (length > unfinished_limit_) return {Found::kTooLong};
  const bool is_marker = length == kMarkerLine.size() &&
                         std::memcmp(window.data(), kMarkerLine.data(), kMarkerLine.size()) == 0;
  return {is_marker ? Found::kMarker : Found::kFrame, length};
}

RouteParser::Result RouteParser::next_at_end(std::span<const std::byte> window) noexcept {
  const Result result = next(window);
  if (result.found != Found::kNeedMore || window.empty()) return result;
  scanned_ = 0;
  return {Found::kFrame, window.size()};
}

std::string unfinished_frame_error(std::size_t limit) {
  return "an unfinished frame is longer than the limit of " + std::to_string(limit) + " bytes";
}

}  // namespace stream_harness

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "contenders/route_parser.hpp"

namespace stream_harness {

/// Finds what may be forwarded at the front of the bytes that have come: a frame or the marker, and
/// after the marker all that there is.
class UnitFinder {
 public:
  /// `frame_len`: the bytes of the longest frame that must fit, before its newline.
  explicit UnitFinder(std::size_t frame_len) noexcept : parser_(frame_len) {}

  /// How many bytes; 0 when nothing is complete. `unrouted`: all that was not found before.
  [[nodiscard]] std::size_t find(std::span<const std::byte> unrouted, bool input_ended) noexcept {
    if (in_tunnel_) return unrouted.size();
    const auto unit = input_ended ? parser_.next_at_end(unrouted) : parser_.next(unrouted);
    in_tunnel_ = unit.found == RouteParser::Found::kMarker;
    is_too_long_ = unit.found == RouteParser::Found::kTooLong;
    return unit.bytes;
  }

  /// The marker has been found.
  [[nodiscard]] bool in_tunnel() const noexcept { return in_tunnel_; }

  /// An unfinished frame has grown past the limit; nothing is found any more.
  [[nodiscard]] bool is_too_long() const noexcept { return is_too_long_; }
  [[nodiscard]] std::string too_long_error() const {
    return unfinished_frame_error(parser_.unfinished_limit());
  }

 private:
  RouteParser parser_;
  bool in_tunnel_ = false;
  bool is_too_long_ = false;
};

}  // namespace stream_harness

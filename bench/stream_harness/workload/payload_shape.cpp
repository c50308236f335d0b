#include "workload/payload_shape.hpp"

#include "command_line/strict_number.hpp"

namespace stream_harness {

std::optional<std::uint64_t> checked_payload_bytes(const PayloadShape& shape) noexcept {
  const auto frame = checked_add(shape.frame_len, 1);
  if (!frame) return std::nullopt;
  auto total = checked_multiply(shape.route_frames, *frame);
  if (total) total = checked_add(*total, kMarkerLine.size());
  if (total) total = checked_add(*total, shape.tunnel_bytes);
  return total;
}

std::uint64_t payload_bytes(const PayloadShape& shape) noexcept {
  return tunnel_begin(shape) + shape.tunnel_bytes;
}

std::uint64_t tunnel_begin(const PayloadShape& shape) noexcept {
  return shape.route_frames * (std::uint64_t{shape.frame_len} + 1) + kMarkerLine.size();
}

}  // namespace stream_harness

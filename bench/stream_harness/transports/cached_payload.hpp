#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "workload/workload.hpp"

namespace stream_harness {

/// The payload of connection 0, made once, so that handing it out costs a copy and no more. It
/// keeps the frames and the marker, and of the tunnel a part that repeats. Safe to read from any
/// number of threads.
class CachedPayload {
 public:
  explicit CachedPayload(const PayloadShape& shape);

  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return total_bytes_; }

  /// At most `most` bytes from `position` on: less at the payload's end, and where the part of the
  /// tunnel that is kept begins again; never none before the end, but for a `most` of 0.
  [[nodiscard]] std::span<const std::byte> at(std::uint64_t position,
                                              std::size_t most) const noexcept;

 private:
  std::uint64_t total_bytes_;
  std::uint64_t tunnel_begin_;
  std::vector<std::byte> bytes_;
};

}  // namespace stream_harness

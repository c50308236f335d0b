#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "workload/payload_cursor.hpp"
#include "workload/sink_inspector.hpp"

namespace stream_harness {

/// Compares what a sink receives with the payload that was sent, in pieces of any size. Bytes past
/// the payload's end are a difference. Costs one memcmp of the bytes.
class PayloadVerifier final : public SinkInspector {
 public:
  PayloadVerifier(const PayloadShape& shape, std::uint64_t connection);

  [[nodiscard]] std::string inspect(std::span<const std::byte> received) override;
  [[nodiscard]] std::size_t window_bytes() const noexcept override;
  [[nodiscard]] bool has_seen_enough() const noexcept override { return false; }

  /// Expects the rest of another connection's payload from here on. Costs as much as making that
  /// payload up to here.
  void continue_as(std::uint64_t connection);

  /// How many bytes have come and matched.
  [[nodiscard]] std::uint64_t checked_bytes() const noexcept { return checked_bytes_; }

 private:
  // False from the first difference on.
  [[nodiscard]] bool check(std::span<const std::byte> received) noexcept;

  PayloadShape shape_;
  PayloadCursor expected_;
  std::uint64_t checked_bytes_ = 0;
  std::optional<std::uint64_t> mismatch_;
};

}  // namespace stream_harness

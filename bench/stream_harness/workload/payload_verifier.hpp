#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "workload/sink_inspector.hpp"
#include "workload/workload.hpp"

namespace stream_harness {

/// Compares what a sink receives with the payload that was sent, in pieces of any size.
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

  /// Compares the next bytes. False from the first difference on; bytes past the payload's end are
  /// a difference. Costs one memcmp of the bytes.
  bool check(std::span<const std::byte> received) noexcept;

  /// The offset in the payload of the first byte that differs, where one did.
  [[nodiscard]] std::optional<std::uint64_t> first_mismatch() const noexcept { return mismatch_; }

  /// Whether every byte of the payload has come and matched.
  [[nodiscard]] bool complete() const noexcept {
    return !mismatch_ && expected_.remaining_bytes() == 0;
  }

 private:
  PayloadShape shape_;
  PayloadCursor expected_;
  std::uint64_t checked_bytes_ = 0;
  std::optional<std::uint64_t> mismatch_;
};

}  // namespace stream_harness

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bytes_handoff/expected.hpp"
#include "workload/payload_verifier.hpp"
#include "workload/sink_inspector.hpp"
#include "workload/tenant_number.hpp"

namespace stream_harness {

/// Which connection a sink's bytes are found to belong to.
struct Claim {
  std::uint64_t connection = 0;
  /// Where the frames are too short to show the whole number: all that they may be of. Until the
  /// tunnel begins their payloads are the same.
  std::vector<NumberRange> candidates;
};

/// Finds out which connection of a wave a sink has got, since the service does not tell, and, where
/// asked to, compares every byte after that.
class WaveInspector final : public SinkInspector {
 public:
  /// Called once, with the number that was found. The error is why there is no such connection.
  using ClaimNumber =
      std::function<bytes_handoff::expected<Claim, std::string>(const TenantNumber& number)>;

  WaveInspector(const PayloadShape& shape, bool verify, ClaimNumber claim_number)
      : shape_(shape),
        verify_(verify),
        claim_number_(std::move(claim_number)),
        tenant_(shape.frame_len) {}

  [[nodiscard]] std::string inspect(std::span<const std::byte> received) override;
  [[nodiscard]] std::size_t window_bytes() const noexcept override;
  [[nodiscard]] bool has_seen_enough() const noexcept override { return claimed_ && !verify_; }

 private:
  [[nodiscard]] std::string identify(std::span<const std::byte> received);
  [[nodiscard]] std::string verify(std::span<const std::byte> received);
  void settle_by_tunnel(std::byte first);

  PayloadShape shape_;
  bool verify_;
  ClaimNumber claim_number_;
  TenantReader tenant_;
  std::vector<std::byte> before_claim_;
  bool claimed_ = false;
  Claim claim_;
  std::optional<PayloadVerifier> verifier_;
};

}  // namespace stream_harness

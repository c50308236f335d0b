#include "roles/driver/wave_inspector.hpp"

#include "workload/sink.hpp"

namespace stream_harness {

std::string WaveInspector::inspect(std::span<const std::byte> received) {
  if (claimed_) return verify(received);
  before_claim_.insert(before_claim_.end(), received.begin(), received.end());
  auto error = identify(received);
  if (!error.empty() || !claimed_) return error;
  if (verify_) verifier_.emplace(shape_, claim_.connection);
  return verify(std::exchange(before_claim_, {}));
}

std::size_t WaveInspector::window_bytes() const noexcept {
  return verify_ ? kSinkReadBytes : TenantReader::kMaxBytes;
}

std::string WaveInspector::identify(std::span<const std::byte> received) {
  switch (tenant_.look(received)) {
    case TenantReader::Found::kNeedMore:
      return {};
    case TenantReader::Found::kNothing:
      return "it does not begin with a route frame";
    case TenantReader::Found::kNumber:
      break;
  }
  auto claim = claim_number_(tenant_.number());
  if (!claim) return claim.error();
  claim_ = std::move(*claim);
  claimed_ = true;
  return {};
}

std::string WaveInspector::verify(std::span<const std::byte> received) {
  if (!verifier_) return {};
  const std::uint64_t tunnel = tunnel_begin(shape_);
  const std::uint64_t checked = verifier_->checked_bytes();
  if (!claim_.candidates.empty() && checked + received.size() > tunnel) {
    const auto before_tunnel = static_cast<std::size_t>(tunnel - checked);
    auto error = verifier_->inspect(received.first(before_tunnel));
    if (!error.empty()) return error;
    received = received.subspan(before_tunnel);
    settle_by_tunnel(received.front());
  }
  return verifier_->inspect(received);
}

// The tunnel's first byte is the number modulo the period; candidates with the same remainder have
// the same payload.
void WaveInspector::settle_by_tunnel(std::byte first) {
  for (const NumberRange& range : std::exchange(claim_.candidates, {})) {
    for (std::uint64_t i = 0; i < std::min(range.count, kTunnelPeriod); ++i) {
      if (std::byte((range.first + i) % kTunnelPeriod) != first) continue;
      return verifier_->continue_as(range.first + i);
    }
  }
}

}  // namespace stream_harness

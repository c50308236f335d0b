#include "workload/payload_verifier.hpp"

#include <algorithm>
#include <cstring>

#include "workload/sink.hpp"

namespace stream_harness {
namespace {

constexpr std::size_t kComparedPieceBytes = 4096;
constexpr std::size_t kSkipBytes = 65536;

}  // namespace

PayloadVerifier::PayloadVerifier(const PayloadShape& shape, std::uint64_t connection)
    : shape_(shape), expected_(shape, connection, kComparedPieceBytes) {}

std::string PayloadVerifier::inspect(std::span<const std::byte> received) {
  if (check(received)) return {};
  return "the payload differs at byte " + std::to_string(*mismatch_);
}

std::size_t PayloadVerifier::window_bytes() const noexcept { return kSinkReadBytes; }

void PayloadVerifier::continue_as(std::uint64_t connection) {
  expected_ = PayloadCursor(shape_, connection, kComparedPieceBytes);
  for (std::uint64_t skipped = 0; skipped < checked_bytes_;) {
    const std::uint64_t rest = std::min<std::uint64_t>(checked_bytes_ - skipped, kSkipBytes);
    skipped += expected_.next(static_cast<std::size_t>(rest)).bytes();
  }
}

bool PayloadVerifier::check(std::span<const std::byte> received) noexcept {
  while (!mismatch_ && !received.empty()) {
    const PayloadPiece& piece = expected_.next(received.size());
    if (piece.bytes() == 0) {
      mismatch_ = checked_bytes_;
      break;
    }
    for (const PayloadPiece::Buffer expected : piece.buffers()) {
      if (std::memcmp(received.data(), expected.data(), expected.size()) != 0) {
        const auto [difference, ignored] =
            std::mismatch(expected.begin(), expected.end(), received.begin());
        mismatch_ = checked_bytes_ + static_cast<std::uint64_t>(difference - expected.begin());
        return false;
      }
      received = received.subspan(expected.size());
      checked_bytes_ += expected.size();
    }
  }
  return !mismatch_;
}

}  // namespace stream_harness

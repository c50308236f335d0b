#include "payload_verifier.hpp"

#include <algorithm>
#include <cstring>

namespace stream_harness {
namespace {

constexpr std::size_t kPieceBytes = 4096;

}  // namespace

PayloadVerifier::PayloadVerifier(const PayloadShape& shape, std::uint64_t connection)
    : expected_(shape, connection, kPieceBytes) {}

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
